/**
 * The paths that lnd and dcrlnd derive, as data (docs/protocol.md, Key layouts).
 *
 * @since 0.1.0
 */
import * as Hd from "../../internal/hd.js"
import type { KeyLayout } from "../../schema/KeyLayout.js"

/** What a path needs besides the family. @since 0.1.0 @category models */
export interface Account {
  readonly coinType: number
  /** Read by `dcrlndRemote` alone. */
  readonly account: number
}

/**
 * A layout's path in two parts: the one that all families share, and the rest down to the parent of the key itself. The
 * levels whose keys the wallets keep short are those of docs/protocol.md, Deviations from BIP-32.
 *
 * @since 0.1.0
 * @category models
 */
export interface Paths {
  readonly shared: (account: Account) => ReadonlyArray<Hd.Level>
  readonly family: (family: number) => ReadonlyArray<Hd.Level>
}

/** The three layouts. @since 0.1.0 @category models */
export const paths: Record<KeyLayout, Paths> = {
  lnd: {
    shared: ({ coinType }) => [Hd.hardenedShort(1017), Hd.hardened(coinType)],
    family: (family) => [Hd.hardened(family), Hd.normal(0)]
  },
  dcrlnd: {
    shared: ({ coinType }) => [Hd.hardenedShort(44), Hd.hardened(coinType)],
    family: (family) => [Hd.hardened(family), Hd.normal(0)]
  },
  dcrlndRemote: {
    shared: ({ account, coinType }) => [Hd.hardenedShort(44), Hd.hardened(coinType), Hd.hardened(account)],
    family: (family) => [Hd.hardenedShort(1017), Hd.hardened(family)]
  }
}

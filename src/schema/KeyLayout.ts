/**
 * Where a wallet keeps its keys: the paths that lnd and dcrlnd derive, as data (docs/protocol.md, Key layouts).
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Hd from "../internal/hd.js"
import type * as Chain from "./Chain.js"

/**
 * `lnd`: m/1017'/coin'/family'/0/index. `dcrlnd` (its own wallet): m/44'/coin'/family'/0/index. `dcrlndRemote` (a remote
 * dcrwallet): m/44'/coin'/account'/1017'/family'/index.
 *
 * @since 0.1.0
 * @category models
 */
export const KeyLayout = Schema.Literal("lnd", "dcrlnd", "dcrlndRemote")
/** @since 0.1.0 @category models */
export type KeyLayout = typeof KeyLayout.Type

/** The layout of a chain's usual daemon. @since 0.1.0 @category combinators */
export const defaultOf = (chain: Chain.Chain): KeyLayout => (chain.name === "decred" ? "dcrlnd" : "lnd")

/** What a path needs besides the family. @since 0.1.0 @category models */
export interface Place {
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
  readonly shared: (place: Place) => ReadonlyArray<Hd.Step>
  readonly family: (family: number) => ReadonlyArray<Hd.Step>
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

/**
 * Extended private keys as text: `xprv...` of Bitcoin, `dprv...` of Decred, and those of the test networks. Decred has
 * version bytes of its own, and a checksum by BLAKE-256 (docs/protocol.md, Deviations from BIP-32; dcrd `chaincfg` and
 * `hdkeychain` v3).
 *
 * @since 0.1.0
 */
import { blake256 } from "@noble/hashes/blake1.js"
import { sha256 } from "@noble/hashes/sha2.js"
import { createBase58check } from "@scure/base"
import * as Either from "effect/Either"
import type { Curve } from "./curve.js"
import * as Hd from "./hd.js"

/** A kind of extended private key; `mainnet` is false for every test network. @since 0.1.0 @category models */
export interface Kind {
  readonly chain: "bitcoin" | "decred"
  readonly mainnet: boolean
  readonly prefix: string
  readonly version: number
}

/** The kinds that the wallets of lnd and dcrlnd write. @since 0.1.0 @category models */
export const kinds: ReadonlyArray<Kind> = [
  { chain: "bitcoin", mainnet: true, prefix: "xprv", version: 0x0488ade4 },
  { chain: "bitcoin", mainnet: false, prefix: "tprv", version: 0x04358394 },
  { chain: "bitcoin", mainnet: false, prefix: "sprv", version: 0x0420b900 },
  { chain: "decred", mainnet: true, prefix: "dprv", version: 0x02fda4e8 },
  { chain: "decred", mainnet: false, prefix: "tprv", version: 0x04358397 },
  { chain: "decred", mainnet: false, prefix: "sprv", version: 0x0420b903 },
  { chain: "decred", mainnet: false, prefix: "rprv", version: 0xeab40448 }
]

/** What the text says: the key, its level, and its number among its parent's children. @since 0.1.0 @category models */
export interface Parsed {
  readonly kind: Kind
  readonly depth: number
  readonly childNumber: number
  readonly key: Hd.ExtendedKey
}

/** Mistyped, no extended key, a public one, or one of a network that we do not know. @since 0.1.0 @category errors */
export type NotAKey = "BadChecksum" | "BadLength" | "UnknownKind" | "InvalidKey"

const codecs = { bitcoin: createBase58check(sha256), decred: createBase58check(blake256) }

/** Reads the text. @since 0.1.0 @category combinators */
export const parse = (curve: Curve, text: string): Either.Either<Parsed, NotAKey> => {
  const bytes = decode(text)
  if (bytes === undefined) return Either.left("BadChecksum")
  if (bytes.length !== 78) return Either.left("BadLength")
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  const kind = kinds.find((one) => one.version === view.getUint32(0))
  if (kind === undefined) return Either.left("UnknownKind")
  if (bytes[45] !== 0) return Either.left("InvalidKey")
  return Either.map(Hd.make(curve, bytes.slice(46), bytes.slice(13, 45)), (key) => ({
    kind,
    depth: view.getUint8(4),
    childNumber: view.getUint32(9),
    key
  }))
}

const decode = (text: string): Uint8Array | undefined => {
  for (const codec of Object.values(codecs)) {
    try {
      return codec.decode(text)
    } catch {
      // The other checksum may fit. The exception says what was read, and that is secret.
    }
  }
  return undefined
}

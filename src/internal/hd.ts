/**
 * Hierarchical keys (BIP-32), as the Go wallets derive them: where they differ from the standard, the path says so
 * (docs/protocol.md, Deviations from BIP-32). A child that is not valid is an error, as in the wallets, which do not move on
 * to the next index.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as Bytes from "./bytes.js"
import type { Curve } from "./curve.js"
import { hmacSha512 } from "./fastestPrimitives.js"

/**
 * One level of a path. `short`: the wallet drops the leading zero bytes of the key at this level before it derives a
 * hardened child of it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Level {
  readonly index: number
  readonly hardened: boolean
  readonly short: boolean
}

/** `index'`: a hardened level, of a key that the wallet keeps at 32 bytes. @since 0.1.0 @category constructors */
export const hardened = (index: number): Level => ({ index, hardened: true, short: false })

/** `index'`, of a key that the wallet keeps short. @since 0.1.0 @category constructors */
export const hardenedShort = (index: number): Level => ({ index, hardened: true, short: true })

/** `index`: a level that follows from the public key. @since 0.1.0 @category constructors */
export const normal = (index: number): Level => ({ index, hardened: false, short: false })

/** The number under which the parent knows this child: hardened ones have the top bit set. @since 0.1.0 @category combinators */
export const childNumber = (level: Level): number => (level.hardened ? level.index + 0x8000_0000 : level.index)

/** A private key that can have children. Secret: `wipe` it. @since 0.1.0 @category models */
export interface ExtendedKey {
  readonly secret: Uint8Array
  readonly chainCode: Uint8Array
  readonly publicKey: Uint8Array
  readonly short: boolean
}

/** The bytes are no private key: zero, or not below the order of the curve. @since 0.1.0 @category errors */
export type InvalidKey = "InvalidKey"

/**
 * The key of these 32 bytes and chain code, as a wallet reads it from a string: never short. They are the key's from now on,
 * and overwritten where there is none.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  curve: Curve,
  secret: Uint8Array,
  chainCode: Uint8Array,
  short = false
): Either.Either<ExtendedKey, InvalidKey> => {
  if (curve.isSecret(secret)) {
    return Either.right({ secret, chainCode, publicKey: curve.publicKey(secret), short })
  }
  Bytes.wipe(secret, chainCode)
  return Either.left("InvalidKey")
}

const masterKey = new TextEncoder().encode("Bitcoin seed")

/** The master key of a seed of 16 to 64 bytes; the same for Bitcoin and Decred. @since 0.1.0 @category constructors */
export const master = (curve: Curve, seed: Uint8Array): Either.Either<ExtendedKey, InvalidKey> =>
  make(curve, ...split(hmacSha512(masterKey, seed)))

/** The secret of one child, without its point: 32 bytes. @since 0.1.0 @category combinators */
export const childSecret = (curve: Curve, parent: ExtendedKey, level: Level): Either.Either<Uint8Array, InvalidKey> =>
  Either.map(derive(curve, parent, level), ({ chainCode, secret }) => {
    Bytes.wipe(chainCode)
    return secret
  })

/** The key at the end of a path from this one. Keys in between are wiped; `from` is not. @since 0.1.0 @category combinators */
export const descend = (
  curve: Curve,
  from: ExtendedKey,
  path: ReadonlyArray<Level>
): Either.Either<ExtendedKey, InvalidKey> => {
  let key: Either.Either<ExtendedKey, InvalidKey> = Either.right(from)
  for (const level of path) {
    key = Either.flatMap(key, (parent) => {
      const child = Either.flatMap(derive(curve, parent, level), ({ chainCode, secret }) =>
        make(curve, secret, chainCode, level.short)
      )
      if (parent !== from) wipe(parent)
      return child
    })
  }
  return key
}

/** Overwrites the secret parts. @since 0.1.0 @category combinators */
export const wipe = (key: ExtendedKey): void => Bytes.wipe(key.secret, key.chainCode)

/** The secret parts of a child. All that they were made of is overwritten, but for the parent. */
const derive = (
  curve: Curve,
  parent: ExtendedKey,
  level: Level
): Either.Either<{ readonly secret: Uint8Array; readonly chainCode: Uint8Array }, InvalidKey> => {
  const data = level.hardened ? hardenedData(parent, level) : Bytes.concat(parent.publicKey, u32(childNumber(level)))
  const [tweak, chainCode] = split(hmacSha512(parent.chainCode, data))
  const secret = curve.addToSecret(parent.secret, tweak)
  Bytes.wipe(data, tweak)
  if (Either.isLeft(secret)) Bytes.wipe(chainCode)
  return Either.map(secret, (secret) => ({ secret, chainCode }))
}

/** 00, the key and the child's number. A short key is aligned to the left, and zeros follow it. */
const hardenedData = (parent: ExtendedKey, level: Level): Uint8Array => {
  const data = new Uint8Array(37)
  const zeros = parent.short ? parent.secret.findIndex((byte) => byte !== 0) : 0
  data.set(parent.secret.subarray(zeros), 1)
  data.set(u32(childNumber(level)), 33)
  return data
}

/** The halves of an HMAC: the key, or what makes it, and the chain code. */
const split = (both: Uint8Array): readonly [left: Uint8Array, chainCode: Uint8Array] => {
  const halves = [both.slice(0, 32), both.slice(32)] as const
  Bytes.wipe(both)
  return halves
}

const u32 = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value)
  return bytes
}

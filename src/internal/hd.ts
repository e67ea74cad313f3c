/**
 * Hierarchical keys (BIP-32), as the Go wallets derive them: where they differ from the standard, the path says so
 * (protocol 6.3). A child that is not valid is an error, as in the wallets; nobody moves on to the next index.
 *
 * @since 0.1.0
 */
import { secp256k1 } from "@noble/curves/secp256k1.js"
import { hmac } from "@noble/hashes/hmac.js"
import { sha512 } from "@noble/hashes/sha2.js"
import * as Either from "effect/Either"
import { concat } from "./bytes.js"
import { nobleCurve } from "./curve.js"

/**
 * One level of a path. `short`: the wallet drops the leading zero bytes of the key at this level before it derives a
 * hardened child of it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Step {
  readonly index: number
  readonly hardened: boolean
  readonly short: boolean
}

/** `index'`: a hardened level, of a key that the wallet keeps at 32 bytes. @since 0.1.0 @category constructors */
export const hardened = (index: number): Step => ({ index, hardened: true, short: false })

/** `index'`, of a key that the wallet keeps short. @since 0.1.0 @category constructors */
export const hardenedShort = (index: number): Step => ({ index, hardened: true, short: true })

/** `index`: a level that follows from the public key. @since 0.1.0 @category constructors */
export const normal = (index: number): Step => ({ index, hardened: false, short: false })

/** The number under which the parent knows this child: hardened ones have the top bit set. @since 0.1.0 @category combinators */
export const childNumber = (step: Step): number => (step.hardened ? step.index + 0x8000_0000 : step.index)

/** A private key that can have children. Secret: `wipe` it. @since 0.1.0 @category models */
export interface ExtendedKey {
  readonly secret: Uint8Array
  readonly chainCode: Uint8Array
  readonly publicKey: Uint8Array
  readonly short: boolean
}

/** The bytes are no private key: zero, or not below the order of the curve. @since 0.1.0 @category errors */
export type Fault = "InvalidKey"

/** The key of these 32 bytes and chain code, as a wallet reads it from a string: never short. @since 0.1.0 @category constructors */
export const make = (secret: Uint8Array, chainCode: Uint8Array, short = false): Either.Either<ExtendedKey, Fault> =>
  nobleCurve.isSecret(secret)
    ? Either.right({ secret, chainCode, publicKey: nobleCurve.publicKey(secret), short })
    : Either.left("InvalidKey")

const masterKey = new TextEncoder().encode("Bitcoin seed")

/** The master key of a seed of 16 to 64 bytes; the same for Bitcoin and Decred. @since 0.1.0 @category constructors */
export const master = (seed: Uint8Array): Either.Either<ExtendedKey, Fault> =>
  split(hmac(sha512, masterKey, seed), make)

/** The secret of one child, without its point: 32 bytes. @since 0.1.0 @category combinators */
export const childSecret = (parent: ExtendedKey, step: Step): Either.Either<Uint8Array, Fault> =>
  derive(parent, step, (secret) => Either.right(secret))

/** The key at the end of a path from this one. Keys in between are wiped; `from` is not. @since 0.1.0 @category combinators */
export const descend = (from: ExtendedKey, path: ReadonlyArray<Step>): Either.Either<ExtendedKey, Fault> => {
  let key: Either.Either<ExtendedKey, Fault> = Either.right(from)
  for (const step of path) {
    key = Either.flatMap(key, (parent) => {
      const child = derive(parent, step, (secret, chainCode) => make(secret, chainCode, step.short))
      if (parent !== from) wipe(parent)
      return child
    })
  }
  return key
}

/** Overwrites the secret parts, best effort: copies may be elsewhere in memory. @since 0.1.0 @category combinators */
export const wipe = (key: ExtendedKey): void => {
  key.secret.fill(0)
  key.chainCode.fill(0)
}

const derive = <A>(
  parent: ExtendedKey,
  step: Step,
  onChild: (secret: Uint8Array, chainCode: Uint8Array) => Either.Either<A, Fault>
): Either.Either<A, Fault> => {
  const data = concat(step.hardened ? hardenedData(parent) : parent.publicKey, u32(childNumber(step)))
  return split(hmac(sha512, parent.chainCode, data), (tweak, chainCode) => {
    data.fill(0)
    return Either.flatMap(add(parent.secret, tweak), (secret) => onChild(secret, chainCode))
  })
}

/** 00 and the key. A short key is aligned to the left, and zeros follow it. */
const hardenedData = (parent: ExtendedKey): Uint8Array => {
  const data = new Uint8Array(33)
  const zeros = parent.short ? parent.secret.findIndex((byte) => byte !== 0) : 0
  data.set(parent.secret.subarray(zeros), 1)
  return data
}

const add = (secret: Uint8Array, tweak: Uint8Array): Either.Either<Uint8Array, Fault> => {
  const { Fn } = secp256k1.Point
  // The second argument reads without a check, so that the check is ours and no exception.
  const left = Fn.fromBytes(tweak, true)
  if (!Fn.isValid(left)) return Either.left("InvalidKey")
  const sum = Fn.add(left, Fn.fromBytes(secret))
  return Fn.is0(sum) ? Either.left("InvalidKey") : Either.right(Fn.toBytes(sum))
}

const split = <A>(both: Uint8Array, f: (left: Uint8Array, right: Uint8Array) => A): A => {
  const result = f(both.slice(0, 32), both.slice(32))
  both.fill(0)
  return result
}

const u32 = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value)
  return bytes
}

/**
 * Hierarchical keys (BIP-32), as the Go wallets derive them: where they differ from the standard, the path says so
 * (docs/protocol.md, Deviations from BIP-32). A child that is not valid is an error, as in the wallets; nobody moves on
 * to the next index.
 *
 * @since 0.1.0
 */
import { secp256k1 } from "@noble/curves/secp256k1.js"
import { hmac } from "@noble/hashes/hmac.js"
import { sha512 } from "@noble/hashes/sha2.js"
import * as Either from "effect/Either"
import * as Bytes from "./bytes.js"
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

/**
 * The key of these 32 bytes and chain code, as a wallet reads it from a string: never short. They are the key's from now on,
 * and overwritten where there is none.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (secret: Uint8Array, chainCode: Uint8Array, short = false): Either.Either<ExtendedKey, Fault> => {
  if (nobleCurve.isSecret(secret)) {
    return Either.right({ secret, chainCode, publicKey: nobleCurve.publicKey(secret), short })
  }
  Bytes.wipe(secret, chainCode)
  return Either.left("InvalidKey")
}

const masterKey = new TextEncoder().encode("Bitcoin seed")

/** The master key of a seed of 16 to 64 bytes; the same for Bitcoin and Decred. @since 0.1.0 @category constructors */
export const master = (seed: Uint8Array): Either.Either<ExtendedKey, Fault> =>
  make(...split(hmac(sha512, masterKey, seed)))

/** The secret of one child, without its point: 32 bytes. @since 0.1.0 @category combinators */
export const childSecret = (parent: ExtendedKey, step: Step): Either.Either<Uint8Array, Fault> =>
  Either.map(derive(parent, step), ({ chainCode, secret }) => {
    Bytes.wipe(chainCode)
    return secret
  })

/** The key at the end of a path from this one. Keys in between are wiped; `from` is not. @since 0.1.0 @category combinators */
export const descend = (from: ExtendedKey, path: ReadonlyArray<Step>): Either.Either<ExtendedKey, Fault> => {
  let key: Either.Either<ExtendedKey, Fault> = Either.right(from)
  for (const step of path) {
    key = Either.flatMap(key, (parent) => {
      const child = Either.flatMap(derive(parent, step), ({ chainCode, secret }) => make(secret, chainCode, step.short))
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
  parent: ExtendedKey,
  step: Step
): Either.Either<{ readonly secret: Uint8Array; readonly chainCode: Uint8Array }, Fault> => {
  const data = step.hardened ? hardenedData(parent, step) : Bytes.concat(parent.publicKey, u32(childNumber(step)))
  const [tweak, chainCode] = split(hmac(sha512, parent.chainCode, data))
  const secret = add(parent.secret, tweak)
  Bytes.wipe(data, tweak)
  if (Either.isLeft(secret)) Bytes.wipe(chainCode)
  return Either.map(secret, (secret) => ({ secret, chainCode }))
}

/** 00, the key and the child's number. A short key is aligned to the left, and zeros follow it. */
const hardenedData = (parent: ExtendedKey, step: Step): Uint8Array => {
  const data = new Uint8Array(37)
  const zeros = parent.short ? parent.secret.findIndex((byte) => byte !== 0) : 0
  data.set(parent.secret.subarray(zeros), 1)
  data.set(u32(childNumber(step)), 33)
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

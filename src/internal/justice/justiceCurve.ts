/**
 * What justice transactions need of secp256k1 beyond a handshake's ECDH: signatures, and sums and multiples of keys.
 *
 * @since 0.1.0
 */
import { schnorr, secp256k1 } from "@noble/curves/secp256k1.js"
import * as Either from "effect/Either"
import { compare, fromHex } from "../bytes.js"
import type { Curve } from "../curve.js"

/** A result that is no key: zero, or the point at infinity. Its chance is 2^-256, but for keys that were made to meet it. @since 0.1.0 @category errors */
export type NoKey = "NoKey"

/**
 * Public keys are compressed, 33 bytes; secrets, digests and the numbers that are added to keys or multiplied with them 32,
 * big-endian; signatures 64. A point or a secret that is not valid is a bug, and throws; a number is taken modulo the order.
 *
 * @since 0.1.0
 * @category models
 */
export interface JusticeCurve extends Pick<Curve, "isSecret" | "isPoint" | "publicKey" | "signEcdsa" | "verifyEcdsa"> {
  /** The sum of a point and the product of the base point and a number. */
  readonly tweakPoint: (point: Uint8Array, by: Uint8Array) => Either.Either<Uint8Array, NoKey>
  /** The sum of a secret and a number. */
  readonly addSecret: (secret: Uint8Array, by: Uint8Array) => Either.Either<Uint8Array, NoKey>
  /** The product of a secret and a number. */
  readonly multiplySecret: (secret: Uint8Array, by: Uint8Array) => Either.Either<Uint8Array, NoKey>
  /** A Schnorr signature (BIP-340) with 32 zero bytes of auxiliary randomness. */
  readonly signSchnorr: (secret: Uint8Array, digest: Uint8Array) => Uint8Array
  /** Is it a Schnorr signature of the digest by the point of this x coordinate, 32 bytes? */
  readonly verifySchnorr: (x: Uint8Array, digest: Uint8Array, signature: Uint8Array) => boolean
}

const { Fn } = secp256k1.Point
const zeros = new Uint8Array(32)

const none = (): NoKey => "NoKey"

const order = fromHex(Fn.ORDER.toString(16))

/** A curve refuses a number that is not below the order: a hash is one only once in 2^127. No copy of others, which may be secret. */
const reduced = (by: Uint8Array): Uint8Array =>
  compare(by, order) < 0 ? by : Fn.toBytes(Fn.create(Fn.fromBytes(by, true)))

/**
 * Over a curve. Schnorr signatures are noble's with each of them: the libsecp256k1 of the other two makes none, or Bitcoin Cash's
 * (docs/adr/three-curves.md).
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (curve: Curve): JusticeCurve => ({
  isSecret: curve.isSecret,
  isPoint: curve.isPoint,
  publicKey: curve.publicKey,
  signEcdsa: curve.signEcdsa,
  verifyEcdsa: curve.verifyEcdsa,
  tweakPoint: (point, by) => Either.mapLeft(curve.addToPoint(point, reduced(by)), none),
  addSecret: (secret, by) => Either.mapLeft(curve.addToSecret(secret, reduced(by)), none),
  multiplySecret: (secret, by) => Either.mapLeft(curve.multiplySecret(secret, reduced(by)), none),
  signSchnorr: (secret, digest) => schnorr.sign(digest, secret, zeros),
  verifySchnorr: (x, digest, signature) =>
    // The library throws for bytes that are no point or no signature; here that is a signature that does not hold.
    Either.getOrElse(
      Either.try(() => schnorr.verify(signature, digest, x)),
      () => false
    )
})

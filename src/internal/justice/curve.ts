/**
 * What justice transactions need of secp256k1 beyond a handshake's ECDH: signatures, and sums and multiples of keys. An
 * interface, so that a native library can take its place.
 *
 * @since 0.1.0
 */
import { schnorr, secp256k1 } from "@noble/curves/secp256k1.js"
import * as Either from "effect/Either"
import type { Curve } from "../curve.js"
import { nobleCurve } from "../nobleCurve.js"

/** A result that is no key: zero, or the point at infinity. Its chance is 2^-256, but for keys that were made to meet it. @since 0.1.0 @category errors */
export type NoKey = "NoKey"

/**
 * Public keys are compressed, 33 bytes; secrets, digests and the numbers that keys are multiplied with 32, big-endian;
 * signatures 64. Points and secrets that are no keys are a bug, and throw; a number is taken modulo the order.
 *
 * @since 0.1.0
 * @category models
 */
export interface JusticeCurve extends Pick<Curve, "isSecret" | "isPoint" | "publicKey"> {
  /** The sum of two points. */
  readonly addPoints: (a: Uint8Array, b: Uint8Array) => Either.Either<Uint8Array, NoKey>
  /** The product of a point and a number. */
  readonly multiplyPoint: (point: Uint8Array, by: Uint8Array) => Either.Either<Uint8Array, NoKey>
  /** The sum of a point and the product of the base point and a number. */
  readonly tweakPoint: (point: Uint8Array, by: Uint8Array) => Either.Either<Uint8Array, NoKey>
  /** The sum of a secret and a number. */
  readonly addSecret: (secret: Uint8Array, by: Uint8Array) => Either.Either<Uint8Array, NoKey>
  /** The product of a secret and a number. */
  readonly multiplySecret: (secret: Uint8Array, by: Uint8Array) => Either.Either<Uint8Array, NoKey>
  /** An ECDSA signature, r and s, with the nonce of RFC 6979 and a low s. */
  readonly signEcdsa: (secret: Uint8Array, digest: Uint8Array) => Uint8Array
  /** Is it an ECDSA signature of the digest by this point, with a low s? */
  readonly verifyEcdsa: (point: Uint8Array, digest: Uint8Array, signature: Uint8Array) => boolean
  /** A Schnorr signature (BIP-340) with 32 zero bytes of auxiliary randomness. */
  readonly signSchnorr: (secret: Uint8Array, digest: Uint8Array) => Uint8Array
  /** Is it a Schnorr signature of the digest by the point of this x coordinate, 32 bytes? */
  readonly verifySchnorr: (x: Uint8Array, digest: Uint8Array, signature: Uint8Array) => boolean
}

const { Point } = secp256k1
const { Fn } = Point

const number = (bytes: Uint8Array): bigint => Fn.create(Fn.fromBytes(bytes, true))

const point = (sum: InstanceType<typeof Point>): Either.Either<Uint8Array, NoKey> =>
  sum.is0() ? Either.left("NoKey") : Either.right(sum.toBytes(true))

const secret = (sum: bigint): Either.Either<Uint8Array, NoKey> =>
  Fn.is0(sum) ? Either.left("NoKey") : Either.right(Fn.toBytes(sum))

/** The library throws for a multiple of zero. */
const multiply = (of: InstanceType<typeof Point>, by: Uint8Array): InstanceType<typeof Point> => {
  const factor = number(by)
  return Fn.is0(factor) ? Point.ZERO : of.multiply(factor)
}

/** The library throws for bytes that are no point or no signature; here that is a signature that does not hold. */
const holds = (verify: () => boolean): boolean => Either.getOrElse(Either.try(verify), () => false)

const zeros = new Uint8Array(32)
const ecdsa = { prehash: false, lowS: true, format: "compact" } as const

/** The curve by noble: audited, pure JavaScript. @since 0.1.0 @category constructors */
export const nobleJusticeCurve: JusticeCurve = {
  isSecret: nobleCurve.isSecret,
  isPoint: nobleCurve.isPoint,
  publicKey: nobleCurve.publicKey,
  addPoints: (a, b) => point(Point.fromBytes(a).add(Point.fromBytes(b))),
  multiplyPoint: (of, by) => point(multiply(Point.fromBytes(of), by)),
  tweakPoint: (of, by) => point(Point.fromBytes(of).add(multiply(Point.BASE, by))),
  addSecret: (of, by) => secret(Fn.add(Fn.fromBytes(of), number(by))),
  multiplySecret: (of, by) => secret(Fn.mul(Fn.fromBytes(of), number(by))),
  signEcdsa: (by, digest) => secp256k1.sign(digest, by, ecdsa),
  verifyEcdsa: (by, digest, signature) => holds(() => secp256k1.verify(signature, digest, by, ecdsa)),
  signSchnorr: (by, digest) => schnorr.sign(digest, by, zeros),
  verifySchnorr: (by, digest, signature) => holds(() => schnorr.verify(signature, digest, by))
}

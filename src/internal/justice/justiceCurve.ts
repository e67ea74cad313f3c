/**
 * What justice transactions need of secp256k1 beyond a handshake's ECDH: signatures, and sums and multiples of keys.
 *
 * @since 0.1.0
 */
import type * as Either from "effect/Either"
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
export interface JusticeCurve extends Pick<Curve, "isSecret" | "isPoint" | "publicKey"> {
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

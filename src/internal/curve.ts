/**
 * The one curve, secp256k1, behind the operations that the protocol needs of it. `nobleCurve`, `wasmCurve` and the layer
 * `NativeCurve` have them; which one is in use changes the speed and nothing else (docs/adr/three-curves.md).
 *
 * @since 0.1.0
 */
import type * as Either from "effect/Either"

/**
 * Private keys are 32 bytes, points are compressed: 33 bytes, the first of them 02 or 03. Results are the caller's to overwrite.
 *
 * @since 0.1.0
 * @category models
 */
export interface Curve {
  /** Who computes, for people: `noble`, `WebAssembly` or `native`. */
  readonly name: string
  /** Is this a private key: 32 bytes, from 1 to the order minus 1? */
  readonly isSecret: (bytes: Uint8Array) => boolean
  /** Is this a compressed point on the curve? */
  readonly isPoint: (bytes: Uint8Array) => boolean
  /** The point of a private key. Not a private key: a bug, throws. */
  readonly publicKey: (secret: Uint8Array) => Uint8Array
  /** SHA-256 of the compressed product: 32 bytes (BOLT-8). Not a private key: a bug, throws. */
  readonly ecdh: (secret: Uint8Array, point: Uint8Array) => Either.Either<Uint8Array, "BadKey">
  /**
   * The sum of a private key and 32 bytes, modulo the order (BIP-32). Those bytes are no number below the order, or the sum
   * is zero: `InvalidKey`.
   */
  readonly addToSecret: (secret: Uint8Array, tweak: Uint8Array) => Either.Either<Uint8Array, "InvalidKey">
  /** The product of a private key and a number below the order, modulo the order. The number is zero or no such number: `InvalidKey`. */
  readonly multiplySecret: (secret: Uint8Array, by: Uint8Array) => Either.Either<Uint8Array, "InvalidKey">
  /**
   * The sum of a point and the product of the base point and a number below the order (BOLT-3). The bytes are no such number, or
   * the sum is the point at infinity: `InvalidKey`. Not a point: a bug, throws.
   */
  readonly addToPoint: (point: Uint8Array, by: Uint8Array) => Either.Either<Uint8Array, "InvalidKey">
  /** An ECDSA signature, r and s, 64 bytes, of a digest of 32, with the nonce of RFC 6979 and a low s. Not a private key: a bug, throws. */
  readonly signEcdsa: (secret: Uint8Array, digest: Uint8Array) => Uint8Array
  /** Is it an ECDSA signature of the digest by this point, with a low s? */
  readonly verifyEcdsa: (point: Uint8Array, digest: Uint8Array, signature: Uint8Array) => boolean
}

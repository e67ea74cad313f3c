/**
 * The one curve, secp256k1, behind the five operations that the protocol needs of it. `nobleCurve`, `wasmCurve` and the layer
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
}

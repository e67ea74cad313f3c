/** The one curve, secp256k1, behind an interface of three functions, so that a native library can take its place. @since 0.1.0 */
import { secp256k1 } from "@noble/curves/secp256k1.js"
import { sha256 } from "@noble/hashes/sha2.js"
import * as Either from "effect/Either"
import { concat, wipe } from "./bytes.js"

/** What the protocol needs of secp256k1. Points are compressed: 33 bytes, the first of them 02 or 03. @since 0.1.0 @category models */
export interface Curve {
  /** Is this a private key: 32 bytes, from 1 to the order minus 1? */
  readonly isSecret: (bytes: Uint8Array) => boolean
  /** Is this a compressed point on the curve? */
  readonly isPoint: (bytes: Uint8Array) => boolean
  /** The point of a private key. Not a private key: a bug, throws. */
  readonly publicKey: (secret: Uint8Array) => Uint8Array
  /** SHA-256 of the compressed product: 32 bytes (BOLT-8), the caller's to overwrite. Not a private key: a bug, throws. */
  readonly ecdh: (secret: Uint8Array, point: Uint8Array) => Either.Either<Uint8Array, "BadKey">
}

const { Point } = secp256k1

const isPoint = (bytes: Uint8Array): boolean => secp256k1.utils.isValidPublicKey(bytes, true)

/** The curve by noble: audited, pure JavaScript. @since 0.1.0 @category constructors */
export const nobleCurve: Curve = {
  isSecret: (bytes) => secp256k1.utils.isValidSecretKey(bytes),
  isPoint,
  publicKey: (secret) => secp256k1.getPublicKey(secret, true),
  ecdh: (secret, point) => {
    if (!isPoint(point)) return Either.left("BadKey")
    // Not `getSharedSecret`: that leaves the product behind.
    const { x, y } = Point.fromBytes(point).multiply(Point.Fn.fromBytes(secret)).toAffine()
    const bytes = Point.Fp.toBytes(x)
    const product = concat(Uint8Array.of(y % 2n === 0n ? 2 : 3), bytes)
    const hash = sha256(product)
    wipe(bytes, product)
    return Either.right(hash)
  }
}

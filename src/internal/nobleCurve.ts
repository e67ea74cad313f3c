/** The curve by noble: audited, pure JavaScript, for every platform. @since 0.1.0 */
import { secp256k1 } from "@noble/curves/secp256k1.js"
import { sha256 } from "@noble/hashes/sha2.js"
import * as Either from "effect/Either"
import { concat, wipe } from "./bytes.js"
import type { Curve } from "./curve.js"

const { Point } = secp256k1

const isPoint = (bytes: Uint8Array): boolean => secp256k1.utils.isValidPublicKey(bytes, true)

/** One multiplication takes milliseconds. @since 0.1.0 @category constructors */
export const nobleCurve: Curve = {
  name: "noble",
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
  },
  addToSecret: (secret, tweak) => {
    const { Fn } = Point
    // The second argument reads without a check, so that the check is ours and no exception.
    const added = Fn.fromBytes(tweak, true)
    if (!Fn.isValid(added)) return Either.left("InvalidKey")
    const sum = Fn.add(added, Fn.fromBytes(secret))
    return Fn.is0(sum) ? Either.left("InvalidKey") : Either.right(Fn.toBytes(sum))
  }
}

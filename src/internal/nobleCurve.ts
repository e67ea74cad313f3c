/** The curve by noble: audited, pure JavaScript, for every platform. @since 0.1.0 */
import { secp256k1 } from "@noble/curves/secp256k1.js"
import * as Either from "effect/Either"
import { concat, wipe } from "./bytes.js"
import type { Curve } from "./curve.js"
import { sha256 } from "./fastestPrimitives.js"

const { Point } = secp256k1

const isPoint = (bytes: Uint8Array): boolean => secp256k1.utils.isValidPublicKey(bytes, true)

/** Read without a check, so that the check is ours and no exception. */
const numberBelowOrder = (bytes: Uint8Array): Either.Either<bigint, "InvalidKey"> =>
  Either.liftPredicate(
    Point.Fn.fromBytes(bytes, true),
    (number) => Point.Fn.isValid(number),
    () => "InvalidKey" as const
  )

const secretOf = (result: bigint): Either.Either<Uint8Array, "InvalidKey"> =>
  Point.Fn.is0(result) ? Either.left("InvalidKey") : Either.right(Point.Fn.toBytes(result))

const ecdsa = { prehash: false, lowS: true, format: "compact" } as const

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
  addToSecret: (secret, tweak) =>
    Either.flatMap(numberBelowOrder(tweak), (added) => secretOf(Point.Fn.add(added, Point.Fn.fromBytes(secret)))),
  multiplySecret: (secret, by) =>
    Either.flatMap(numberBelowOrder(by), (factor) => secretOf(Point.Fn.mul(factor, Point.Fn.fromBytes(secret)))),
  addToPoint: (point, by) =>
    Either.flatMap(numberBelowOrder(by), (factor) => {
      // The library throws for a multiple of zero.
      const sum = Point.fromBytes(point).add(Point.Fn.is0(factor) ? Point.ZERO : Point.BASE.multiply(factor))
      return sum.is0() ? Either.left("InvalidKey") : Either.right(sum.toBytes(true))
    }),
  signEcdsa: (secret, digest) => secp256k1.sign(digest, secret, ecdsa),
  // The library throws for bytes that are no point or no signature; here that is a signature that does not hold.
  verifyEcdsa: (point, digest, signature) =>
    Either.getOrElse(
      Either.try(() => isPoint(point) && secp256k1.verify(signature, digest, point, ecdsa)),
      () => false
    )
}

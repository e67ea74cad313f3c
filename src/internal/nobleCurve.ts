/** The curve by noble: audited, pure JavaScript, for every platform. @since 0.1.0 */
import { secp256k1 } from "@noble/curves/secp256k1.js"
import { sha256 } from "@noble/hashes/sha2.js"
import * as Either from "effect/Either"
import { concat, toHex, wipe } from "./bytes.js"
import type { Curve } from "./curve.js"

const { Point } = secp256k1

const isPoint = (bytes: Uint8Array): boolean => secp256k1.utils.isValidPublicKey(bytes, true)

type Point = InstanceType<typeof Point>

/** The points that were multiplied last, the latest at the end, and how often. */
const multiplied = new Map<string, { readonly point: Point; readonly times: number }>()
const mostMultiplied = 16
const timesForTable = 3

/**
 * A tower's key is multiplied in each handshake with it. From the third time on that takes a fifth of the time, by a table of
 * multiples; a key of one handshake is multiplied twice at most, and the table would cost more than it brings. What has no table makes
 * room first: otherwise the keys of single handshakes would push out those of the towers.
 */
const toMultiply = (bytes: Uint8Array): Point => {
  const key = toHex(bytes)
  const known = multiplied.get(key)
  const point = known?.point ?? Point.fromBytes(bytes)
  const times = (known?.times ?? 0) + 1
  if (times === timesForTable) point.precompute(4)
  multiplied.delete(key)
  if (multiplied.size >= mostMultiplied) {
    const [oldest] = multiplied.keys()
    const withoutTable = [...multiplied].find(([, { times }]) => times < timesForTable)?.[0]
    multiplied.delete(withoutTable ?? oldest ?? key)
  }
  multiplied.set(key, { point, times })
  return point
}

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
    const { x, y } = toMultiply(point).multiply(Point.Fn.fromBytes(secret)).toAffine()
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

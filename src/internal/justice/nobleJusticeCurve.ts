/** The curve of justice transactions by noble: audited, pure JavaScript. @since 0.1.0 */
import { schnorr, secp256k1 } from "@noble/curves/secp256k1.js"
import * as Either from "effect/Either"
import { nobleCurve } from "../nobleCurve.js"
import type { JusticeCurve, NoKey } from "./justiceCurve.js"

const { Point } = secp256k1
const { Fn } = Point

const number = (bytes: Uint8Array): bigint => Fn.create(Fn.fromBytes(bytes, true))

const secret = (sum: bigint): Either.Either<Uint8Array, NoKey> =>
  Fn.is0(sum) ? Either.left("NoKey") : Either.right(Fn.toBytes(sum))

/** The library throws for bytes that are not a point or not a signature; here that is a signature that does not hold. */
const holds = (verify: () => boolean): boolean => Either.getOrElse(Either.try(verify), () => false)

const zeros = new Uint8Array(32)
const ecdsa = { prehash: false, lowS: true, format: "compact" } as const

/** Multiplications take milliseconds. @since 0.1.0 @category constructors */
export const nobleJusticeCurve: JusticeCurve = {
  isSecret: nobleCurve.isSecret,
  isPoint: nobleCurve.isPoint,
  publicKey: nobleCurve.publicKey,
  tweakPoint: (of, by) => {
    const factor = number(by)
    // The library throws for a multiple of zero.
    const sum = Point.fromBytes(of).add(Fn.is0(factor) ? Point.ZERO : Point.BASE.multiply(factor))
    return sum.is0() ? Either.left("NoKey") : Either.right(sum.toBytes(true))
  },
  addSecret: (of, by) => secret(Fn.add(Fn.fromBytes(of), number(by))),
  multiplySecret: (of, by) => secret(Fn.mul(Fn.fromBytes(of), number(by))),
  signEcdsa: (by, digest) => secp256k1.sign(digest, by, ecdsa),
  verifyEcdsa: (by, digest, signature) => holds(() => secp256k1.verify(signature, digest, by, ecdsa)),
  signSchnorr: (by, digest) => schnorr.sign(digest, by, zeros),
  verifySchnorr: (by, digest, signature) => holds(() => schnorr.verify(signature, digest, by))
}

/**
 * The keys of one commitment transaction from the channel's base points (BOLT-3; `input/script_utils.go`, `DeriveRevocationPubkey`,
 * `TweakPubKey`). With SHA-256 on Decred too.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import { concat, wipe } from "../bytes.js"
import { sha256 } from "../fastestPrimitives.js"
import type { JusticeCurve, NoKey } from "./justiceCurve.js"

/** The number that binds one point to another. @since 0.1.0 @category combinators */
export const tweak = (first: Uint8Array, second: Uint8Array): Uint8Array => sha256(concat(first, second))

/** The secret that revoked a commitment, and its point. @since 0.1.0 @category models */
export interface PerCommitment {
  readonly secret: Uint8Array
  readonly point: Uint8Array
}

/** The private revocation key of a commitment: of our base point's secret, and of the secret that revoked it. @since 0.1.0 @category combinators */
export const revocationSecret = (
  curve: JusticeCurve,
  basepointSecret: Uint8Array,
  perCommitment: PerCommitment
): Either.Either<Uint8Array, NoKey> => {
  const basepoint = curve.publicKey(basepointSecret)
  const ours = curve.multiplySecret(basepointSecret, tweak(basepoint, perCommitment.point))
  const theirs = curve.multiplySecret(perCommitment.secret, tweak(perCommitment.point, basepoint))
  const sum = Either.flatMap(ours, (a) => Either.flatMap(theirs, (b) => curve.addSecret(a, b)))
  // Divided by its factor, which is public, each summand is a secret that it was made of.
  for (const summand of [ours, theirs]) if (Either.isRight(summand)) wipe(summand.right)
  return sum
}

/** The key of a base point in one commitment: the delay key, and to_remote's in channels without static_remotekey. @since 0.1.0 @category combinators */
export const tweakedKey = (
  curve: JusticeCurve,
  basepoint: Uint8Array,
  perCommitmentPoint: Uint8Array
): Either.Either<Uint8Array, NoKey> => curve.tweakPoint(basepoint, tweak(perCommitmentPoint, basepoint))

/** Its secret. @since 0.1.0 @category combinators */
export const tweakedSecret = (
  curve: JusticeCurve,
  basepointSecret: Uint8Array,
  perCommitmentPoint: Uint8Array
): Either.Either<Uint8Array, NoKey> =>
  curve.addSecret(basepointSecret, tweak(perCommitmentPoint, curve.publicKey(basepointSecret)))

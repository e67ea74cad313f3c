/**
 * How the swept amount is divided between the victim, the tower and the fee (docs/protocol.md, Amounts; `watchtower/wtpolicy/policy.go`).
 * Client and tower calculate apart from each other: a difference of one unit makes all signatures worthless.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import type { JusticeChain } from "./chain.js"
import type { Input, Output } from "./transaction.js"

/** The fixed part of a reward in satoshi or atoms, and the proportional part in millionths. @since 0.1.0 @category models */
export interface Reward {
  readonly base: bigint
  readonly rate: bigint
}

/** What the session's policy says: the fee rate in the unit of the chain; the reward and its script. @since 0.1.0 @category models */
export interface Terms {
  readonly sweepFeeRate: bigint
  readonly reward: (Reward & { readonly script: Uint8Array }) | undefined
}

/** All in satoshi or atoms; `size` is the estimate that the fee is for, in weight units or bytes. @since 0.1.0 @category models */
export interface Amounts {
  readonly total: bigint
  readonly size: number
  readonly fee: bigint
  readonly reward: bigint
  readonly sweep: bigint
}

/** Why nothing can be swept on these terms; `dustLimit` is the least that could be swept. @since 0.1.0 @category errors */
export interface Unpayable extends Amounts {
  readonly reason: "FeeExceedsInputs" | "RewardOverflows" | "RewardExceedsInputs" | "CreatesDust"
  readonly dustLimit: bigint
}

/** Rates of rewards are in millionths. @since 0.1.0 @category models */
export const millionths = 1_000_000n

/** The largest number of the Go programs, which hold amounts in 64 bits with a sign. */
const maxInt64 = (1n << 63n) - 1n

/** What is divided by a million and rounded down: with it the share itself is rounded up. */
const millionthsOfShare = (total: bigint, { base, rate }: Reward): bigint => (total - base) * rate + millionths - 1n

/** The reward of this total, rounded up; the base alone where that is more than the total. @since 0.1.0 @category combinators */
export const rewardOf = (total: bigint, reward: Reward): bigint =>
  reward.base > total ? reward.base : reward.base + millionthsOfShare(total, reward) / millionths

/** Divides what the inputs hold. @since 0.1.0 @category combinators */
export const divide = (
  chain: Pick<JusticeChain, "estimate" | "dustLimit">,
  { reward: terms, sweepFeeRate }: Terms,
  inputs: ReadonlyArray<Input>,
  sweepScript: Uint8Array
): Either.Either<Amounts, Unpayable> => {
  const scripts = [sweepScript, ...(terms === undefined ? [] : [terms.script])]
  const size = chain.estimate(
    inputs.map(({ spend }) => spend),
    scripts
  )
  const total = inputs.reduce((sum, { value }) => sum + value, 0n)
  const fee = (sweepFeeRate * BigInt(size)) / 1000n
  const reward = terms === undefined ? 0n : rewardOf(total, terms)
  const amounts = { total, size, fee, reward, sweep: total - fee - reward }
  // With a reward the daemons look at the script of the reward, and never at the reward's own amount.
  const dustLimit = chain.dustLimit(terms?.script ?? sweepScript)
  const fail = (reason: Unpayable["reason"]) => Either.left({ ...amounts, dustLimit, reason })
  if (fee > total) return fail("FeeExceedsInputs")
  // The sum before the division, as the tower makes it; beyond 64 bits its reward would be another number than ours.
  if (terms !== undefined && millionthsOfShare(total, terms) > maxInt64) return fail("RewardOverflows")
  if (amounts.sweep < 0n) return fail("RewardExceedsInputs")
  return amounts.sweep < dustLimit ? fail("CreatesDust") : Either.right(amounts)
}

/** The outputs of a justice transaction of these amounts. @since 0.1.0 @category combinators */
export const outputs = ({ reward, sweep }: Amounts, terms: Terms, sweepScript: Uint8Array): ReadonlyArray<Output> => [
  { value: sweep, script: sweepScript },
  // A reward of nothing is an output too.
  ...(terms.reward === undefined ? [] : [{ value: reward, script: terms.reward.script }])
]

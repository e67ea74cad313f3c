/**
 * What a client proposes to a tower (protocol 4.3, lnd `watchtower/wtpolicy/policy.go`).
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { encoded, printable } from "../internal/json.js"
import * as BlobType from "./BlobType.js"
import type * as Chain from "./Chain.js"
import { FeeRate, maxFeeRate } from "./FeeRate.js"

/** The five fields, each with its own bounds. @since 0.1.0 @category models */
export const fields = {
  blobType: BlobType.BlobType,
  maxUpdates: Schema.Int.pipe(Schema.between(0, 0xffff)),
  rewardBase: Schema.Int.pipe(Schema.between(0, 0xffff_ffff)),
  rewardRate: Schema.Int.pipe(Schema.between(0, 0xffff_ffff)),
  sweepFeeRate: FeeRate
}

const Fields = Schema.Struct(fields)

/**
 * Blob type, number of updates (1 to 65,535), reward base (satoshi or atoms), reward rate (millionths) and the fee rate of
 * the justice transaction in the chain's unit; a bigint, encoded as decimal digits.
 *
 * @since 0.1.0
 * @category models
 */
export const Policy = Schema.transform(
  Fields,
  // Declared, since a struct would copy what `make` gives, and so lose its `toJSON`.
  Schema.declare((input: unknown): input is Policy => Schema.is(Fields)(input), {
    identifier: "Policy",
    arbitrary: () => (fc) => {
      const [u16, u32] = [fc.integer({ min: 0, max: 0xffff }), fc.integer({ min: 0, max: 0xffff_ffff })]
      const sweepFeeRate = fc.bigInt(0n, maxFeeRate).map((rate) => FeeRate.make(rate))
      const blobType = u16.map((bits) => BlobType.BlobType.make(bits))
      return fc.record({ blobType, maxUpdates: u16, rewardBase: u32, rewardRate: u32, sweepFeeRate }).map(make)
    }
  }),
  { strict: true, decode: (policy) => make(policy), encode: (policy) => policy }
)
/** A policy whose fee rate has the unit of a chain. @since 0.1.0 @category models */
export interface Policy<Fee extends FeeRate = FeeRate> {
  readonly blobType: BlobType.BlobType
  readonly maxUpdates: number
  readonly rewardBase: number
  readonly rewardRate: number
  readonly sweepFeeRate: Fee
}

/**
 * The policy can never be accepted; `reason` says which rule it breaks (the first one, in the order of
 * `wtpolicy.Policy.Validate`; the blob type is ours to check).
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidPolicy extends Schema.TaggedError<InvalidPolicy>()("InvalidPolicy", {
  reason: Schema.Literal("RewardOnAltruist", "NoUpdates", "FeeRateTooLow", "UnsupportedBlobType", "OutOfRange"),
  detail: Schema.String
}) {
  override get message() {
    return `The policy is not valid: ${this.detail}`
  }
}

/**
 * A policy that `JSON.stringify` and loggers can show, which throw on the bigint of a plain object.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <Fee extends FeeRate>(policy: Policy<Fee>): Policy<Fee> =>
  printable(policy, (plain) => encoded(Fields, plain))

/** What the daemons propose by default: blob type 2, 1,024 updates, no reward, the chain's fee. @since 0.1.0 @category constructors */
export const defaults = <Fee extends FeeRate>(
  chain: Chain.Chain<Fee>,
  blobType: BlobType.BlobType = BlobType.altruistCommit
): Policy<Fee> => make({ blobType, maxUpdates: 1024, rewardBase: 0, rewardRate: 0, sweepFeeRate: chain.defaultFeeRate })

/**
 * Checks a policy against its chain before any tower is asked: real towers answer a bad one with TemporaryFailure, for
 * ever (protocol 5.2).
 *
 * @since 0.1.0
 * @category combinators
 */
export const validate = <Fee extends FeeRate>(
  policy: Policy<Fee>,
  chain: Chain.Chain<Fee>
): Either.Either<Policy<Fee>, InvalidPolicy> => {
  const fail = (reason: InvalidPolicy["reason"], detail: string) => Either.left(new InvalidPolicy({ reason, detail }))
  const bounds = Schema.validateEither(Fields)(policy)
  if (Either.isLeft(bounds)) return fail("OutOfRange", bounds.left.message)
  const rewarded = BlobType.has(policy.blobType, BlobType.flagReward)
  if (!rewarded && (policy.rewardBase !== 0 || policy.rewardRate !== 0)) {
    return fail("RewardOnAltruist", "an altruist session has no reward; set reward base and rate to 0")
  }
  if (policy.maxUpdates === 0) return fail("NoUpdates", "max updates must be at least 1")
  if (policy.sweepFeeRate < chain.minFeeRate) {
    return fail(
      "FeeRateTooLow",
      `the sweep fee rate is ${policy.sweepFeeRate} ${chain.feeUnit}; towers take ${chain.minFeeRate} or more`
    )
  }
  if (!chain.blobTypes.includes(policy.blobType)) {
    const known = chain.blobTypes.map((type) => `${BlobType.nameOf(type)} (${type})`).join(", ")
    return fail("UnsupportedBlobType", `${chain.name} has no blob type ${policy.blobType}; it has ${known}`)
  }
  return Either.right(policy)
}

/**
 * A name for the policy: equal exactly when all five fields are. A quarantine belongs to (tower, policy key).
 *
 * @since 0.1.0
 * @category ids
 */
export const PolicyKey = Schema.NonEmptyString.pipe(Schema.brand("PolicyKey"))
/** @since 0.1.0 @category ids */
export type PolicyKey = typeof PolicyKey.Type

/** The name of this policy. @since 0.1.0 @category combinators */
export const keyOf = (policy: Policy): PolicyKey =>
  PolicyKey.make(
    [policy.blobType, policy.maxUpdates, policy.rewardBase, policy.rewardRate, policy.sweepFeeRate].join("/")
  )

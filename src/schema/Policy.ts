/**
 * What a client proposes to a tower (docs/protocol.md, Policy; lnd v0.21.2 `watchtower/wtpolicy/policy.go`).
 *
 * ```ts
 * import { BlobType, Chain, Policy } from "effect-watchtower"
 *
 * const chain = Chain.bitcoinMainnet
 *
 * export const usual = Policy.defaults(chain)
 *
 * export const forTaproot = Policy.make(chain, { blobType: BlobType.altruistTaprootCommit, sweepFeeRate: 5_000n })
 *
 * // A negotiator checks its policy itself, when it is built.
 * export const checked = Policy.validate(forTaproot, chain)
 * ```
 *
 * @since 0.1.0
 * @module
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { encoded, printable } from "../internal/json.js"
import { millionths, rewardOf } from "../internal/justice/amounts.js"
import { allCoins } from "../internal/justice/transaction.js"
import * as Table from "../internal/optionTable.js"
import { ended } from "../internal/sentence.js"
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

const Plain = Schema.Struct(fields)

/**
 * Blob type, number of updates (1 to 65,535), reward base (satoshi or atoms), reward rate (millionths) and the fee rate of
 * the justice transaction in the chain's unit; a bigint, encoded as decimal digits.
 *
 * @since 0.1.0
 * @category models
 */
export const Policy = Schema.transform(
  Plain,
  // Declared, since a struct would copy what `of` gives, and so lose its `toJSON`.
  Schema.declare((input: unknown): input is Policy => Schema.is(Plain)(input), {
    identifier: "Policy",
    arbitrary: () => (fc) => {
      const [u16, u32] = [fc.integer({ min: 0, max: 0xffff }), fc.integer({ min: 0, max: 0xffff_ffff })]
      const sweepFeeRate = fc.bigInt(0n, maxFeeRate).map((rate) => FeeRate.make(rate))
      const blobType = u16.map((bits) => BlobType.BlobType.make(bits))
      return fc.record({ blobType, maxUpdates: u16, rewardBase: u32, rewardRate: u32, sweepFeeRate }).map(of)
    }
  }),
  { strict: true, decode: (policy) => of(policy), encode: (policy) => policy }
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
 * The policy can never be accepted, or is of no use; `reason` says which rule it breaks (the first one, in the order of
 * `wtpolicy.Policy.Validate`; the blob type, and whether it can pay its own sweep, are ours to check).
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidPolicy extends Schema.TaggedError<InvalidPolicy>()("InvalidPolicy", {
  reason: Schema.Literal(
    "RewardOnAltruist",
    "NoUpdates",
    "FeeRateTooLow",
    "UnsupportedBlobType",
    "CannotPaySweep",
    "OutOfRange"
  ),
  detail: Schema.String
}) {
  override get message() {
    return ended(`The policy is not valid: ${this.detail}`)
  }
}

/**
 * A policy that `JSON.stringify` and loggers can show, which throw on the bigint of a plain object.
 *
 * @since 0.1.0
 * @category constructors
 */
export const of = <Fee extends FeeRate>(policy: Policy<Fee>): Policy<Fee> =>
  printable(policy, (plain) => encoded(Plain, plain))

const blobTypeNames = Object.keys(BlobType.byName)

/** A type can be given by its name and by its number: who gave one of them finds it in the sentence. */
const nameAndNumber = (type: BlobType.BlobType): string => {
  const name = BlobType.nameOf(type)
  return name === String(type) ? name : `${name} (${type})`
}

const isBlobType = Schema.is(BlobType.BlobType)

const blobType: Table.Kind<BlobType.BlobType> = {
  type: `${blobTypeNames.join(", ")} or a number`,
  range: "from 0 to 65535",
  unit: "",
  read: (given) => (isBlobType(given) ? given : undefined),
  fits: isBlobType,
  parse: (text) => {
    const named = Object.entries(BlobType.byName).find(([name]) => name === text)
    const number = /^\d{1,5}$/.test(text) ? Number(text) : undefined
    return named?.[1] ?? (isBlobType(number) ? number : undefined)
  },
  show: (given) => (isBlobType(given) ? BlobType.nameOf(given) : Table.quoted(given))
}

/**
 * The fields of a policy one by one, for `make`, for configuration and for the command line (docs/options.md).
 *
 * @since 0.1.0
 * @category config
 */
export const options = Table.table("Policy", [], {
  blobType: Table.withDefault(blobType, BlobType.altruistAnchorCommit, "The type of channel that the sessions back up"),
  maxUpdates: Table.withDefault(
    Table.wholeNumber({ least: 1, most: 0xffff, unit: "updates" }),
    1024,
    "How many updates a session takes"
  ),
  rewardBase: Table.withDefault(
    Table.wholeNumber({ least: 0, most: 0xffff_ffff, unit: "satoshi on Bitcoin, atoms on Decred" }),
    0,
    "The fixed part of the tower's reward; 0 but for blob type reward"
  ),
  rewardRate: Table.withDefault(
    Table.wholeNumber({ least: 0, most: 0xffff_ffff, unit: "millionths of the swept amount" }),
    0,
    "The proportional part of the tower's reward, below 1000000; 0 but for blob type reward"
  ),
  sweepFeeRate: Table.optional(
    Table.bigWholeNumber({ least: 0n, most: maxFeeRate, unit: "sat/kw on Bitcoin, atoms/kB on Decred" }),
    "2500 on Bitcoin, 10000 on Decred",
    "The fee rate of the justice transaction; towers take 1000 or more on Bitcoin, 10000 or more on Decred"
  )
})

/** Some fields of a policy; the amount of `sweepFeeRate` is in the chain's unit. @since 0.1.0 @category models */
export interface Fields extends Table.Input<typeof options> {}

/** The policy of these fields, with the defaults for the others; it is not checked. @since 0.1.0 @category constructors */
export const make = <Fee extends FeeRate>(chain: Chain.Chain<Fee>, fields: Fields): Policy<Fee> => {
  const { sweepFeeRate, ...others } = Table.settings(options, fields)
  return of({
    ...others,
    sweepFeeRate: sweepFeeRate === undefined ? chain.defaultFeeRate : chain.feeRate(sweepFeeRate)
  })
}

/**
 * What a new client proposes unless it is told otherwise: anchor channels (blob type 6), which are what nodes open today,
 * 1,024 updates, no reward, the chain's fee. A session serves one blob type: other channels need another negotiator.
 *
 * @since 0.1.0
 * @category constructors
 */
export const defaults = <Fee extends FeeRate>(chain: Chain.Chain<Fee>, blobType?: BlobType.BlobType): Policy<Fee> =>
  make(chain, { blobType })

/** No justice transaction is smaller: in weight units or bytes, as the chain's fee rate counts. One input and one output. */
const leastSize: Record<Chain.Chain["feeUnit"], bigint> = { "sat/kw": 320n, "atoms/kB": 80n }

/**
 * Would a channel with all coins leave anything to its owner? If not, no justice transaction of this policy can ever be made
 * (lnd v0.21.2 `watchtower/wtpolicy/policy.go`, `ComputeRewardOutputs`), and its backups are for nothing.
 */
const paysItsSweep = ({ rewardBase, rewardRate, sweepFeeRate }: Policy, { feeUnit }: Chain.Chain): boolean => {
  const reward = rewardOf(allCoins, { base: BigInt(rewardBase), rate: BigInt(rewardRate) })
  const fee = (sweepFeeRate * leastSize[feeUnit]) / 1000n
  return reward + fee < allCoins
}

/**
 * Checks a policy against its chain before any tower is asked: real towers answer a bad one with TemporaryFailure, for
 * ever (docs/protocol.md, CreateSession).
 *
 * @since 0.1.0
 * @category combinators
 */
export const validate = <Fee extends FeeRate>(
  policy: Policy<Fee>,
  chain: Chain.Chain<Fee>
): Either.Either<Policy<Fee>, InvalidPolicy> => {
  const fail = (reason: InvalidPolicy["reason"], detail: string) => Either.left(new InvalidPolicy({ reason, detail }))
  for (const [name, entry] of Object.entries<Table.AnyEntry>(options.entries)) {
    const given: unknown = Reflect.get(policy, name)
    // Without any update is a reason of its own, behind another one.
    const isNoUpdates = name === "maxUpdates" && given === 0
    if (!isNoUpdates && !entry.kind.fits(given)) return fail("OutOfRange", Table.refusal(name, entry, given))
  }
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
    const known = chain.blobTypes.map(nameAndNumber).join(", ")
    return fail(
      "UnsupportedBlobType",
      `${chain.name} has no blob type ${nameAndNumber(policy.blobType)}; it has ${known}`
    )
  }
  if (!paysItsSweep(policy, chain)) {
    return fail(
      "CannotPaySweep",
      BigInt(policy.rewardRate) >= millionths
        ? `a reward rate of ${policy.rewardRate} millionths leaves nothing to pay the sweep with; it must be below ${millionths}`
        : `no channel is large enough to pay this reward and a sweep fee rate of ${policy.sweepFeeRate} ${chain.feeUnit}; lower them`
    )
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
  // Never empty: to look would cost more than to make it.
  PolicyKey.make(
    [policy.blobType, policy.maxUpdates, policy.rewardBase, policy.rewardRate, policy.sweepFeeRate].join("/"),
    { disableValidation: true }
  )

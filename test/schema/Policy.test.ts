import { assert, describe, it } from "@effect/vitest"
import { Either, FastCheck as fc } from "effect"
import * as BlobType from "../../src/schema/BlobType.js"
import * as Chain from "../../src/schema/Chain.js"
import type { FeeRate } from "../../src/schema/FeeRate.js"
import * as Policy from "../../src/schema/Policy.js"

const bitcoin: Chain.Chain = Chain.bitcoinMainnet
const decred: Chain.Chain = Chain.decredMainnet
const standard = Policy.defaults(bitcoin)
const sats = (amount: bigint): FeeRate => bitcoin.feeRate(amount)

const reasonOf = (change: Partial<Policy.Policy>, chain = bitcoin) =>
  Either.match(Policy.validate({ ...Policy.defaults(chain), ...change }, chain), {
    onLeft: ({ reason }) => reason,
    onRight: () => "valid"
  })

describe("Policy.validate (docs/protocol.md, Policy)", () => {
  it.each<[what: string, change: Partial<Policy.Policy>, reason: string]>([
    ["default policy", {}, "valid"],
    ["no max updates", { maxUpdates: 0 }, "NoUpdates"],
    ["altruist with reward base", { rewardBase: 1 }, "RewardOnAltruist"],
    ["altruist with reward rate", { rewardRate: 1 }, "RewardOnAltruist"],
    ["fee below the minimum", { sweepFeeRate: sats(999n) }, "FeeRateTooLow"],
    ["minimal valid", { maxUpdates: 1, sweepFeeRate: sats(1000n) }, "valid"],
    ["the largest number of updates", { maxUpdates: 65_535 }, "valid"],
    ["a reward of everything and more", { blobType: BlobType.rewardCommit, rewardRate: 1_000_001 }, "CannotPaySweep"],
    ["a reward of everything", { blobType: BlobType.rewardCommit, rewardRate: 1_000_000 }, "CannotPaySweep"],
    ["a reward of nearly everything", { blobType: BlobType.rewardCommit, rewardRate: 999_999 }, "valid"],
    ["the largest reward rate", { blobType: BlobType.rewardCommit, rewardRate: 0xffff_ffff }, "CannotPaySweep"],
    ["the largest fee rate", { sweepFeeRate: sats((1n << 63n) - 1n) }, "CannotPaySweep"],
    ["a fee of more than all bitcoins", { sweepFeeRate: sats(6_562_500_000_000_001n) }, "CannotPaySweep"],
    ["a fee of nearly all bitcoins", { sweepFeeRate: sats(6_562_499_999_999_999n) }, "valid"],
    [
      "a fee that the reward does not leave",
      { blobType: BlobType.rewardCommit, rewardRate: 500_000, sweepFeeRate: sats(3_281_250_000_000_001n) },
      "CannotPaySweep"
    ],
    [
      "reward with both parameters",
      { blobType: BlobType.rewardCommit, rewardBase: 0xffff_ffff, rewardRate: 10_000 },
      "valid"
    ],
    ["reward without parameters", { blobType: BlobType.rewardCommit }, "valid"],
    ["taproot", { blobType: BlobType.altruistTaprootCommit }, "valid"],
    ["type 0", { blobType: BlobType.BlobType.make(0) }, "UnsupportedBlobType"],
    ["type 7", { blobType: BlobType.BlobType.make(7) }, "UnsupportedBlobType"],
    ["a number that does not fit", { maxUpdates: 65_536 }, "OutOfRange"],
    ["half an update", { maxUpdates: 1.5 }, "OutOfRange"],
    ["a negative reward", { rewardBase: -1 }, "OutOfRange"],
    ["the first broken rule is told", { rewardBase: 1, maxUpdates: 0, sweepFeeRate: sats(0n) }, "RewardOnAltruist"],
    ["then the next", { maxUpdates: 0, sweepFeeRate: sats(0n) }, "NoUpdates"]
  ])("%s", (_, change, reason) => {
    assert.strictEqual(reasonOf(change), reason)
  })

  it("on Decred has another minimum and no taproot", () => {
    assert.strictEqual(reasonOf({}, decred), "valid")
    assert.strictEqual(reasonOf({ sweepFeeRate: decred.feeRate(9999n) }, decred), "FeeRateTooLow")
    assert.strictEqual(reasonOf({ blobType: BlobType.altruistTaprootCommit }, decred), "UnsupportedBlobType")
    const rewarded = { blobType: BlobType.rewardCommit, rewardRate: 1_000_001 }
    assert.strictEqual(reasonOf(rewarded, decred), "CannotPaySweep")
    assert.strictEqual(reasonOf({ sweepFeeRate: decred.feeRate((1n << 63n) - 1n) }, decred), "CannotPaySweep")
  })

  it("says what to do", () => {
    const error = Either.getOrThrow(Either.flip(Policy.validate({ ...standard, sweepFeeRate: sats(1n) }, bitcoin)))
    assert.strictEqual(
      error.message,
      "The policy is not valid: the sweep fee rate is 1 sat/kw; towers take 1000 or more."
    )
    const greedy = { ...standard, blobType: BlobType.rewardCommit, rewardRate: 1_500_000 }
    assert.strictEqual(
      Either.getOrThrow(Either.flip(Policy.validate(greedy, bitcoin))).message,
      "The policy is not valid: a reward rate of 1500000 millionths leaves nothing to pay the sweep with; it must be below 1000000."
    )
  })
})

describe("a policy out of range", () => {
  it.each<[change: Partial<Policy.Policy>, detail: string]>([
    [{ maxUpdates: 70_000 }, "maxUpdates takes a whole number from 1 to 65535 (updates), not 70000."],
    [{ maxUpdates: Number.NaN }, "maxUpdates takes a whole number from 1 to 65535 (updates), not NaN."],
    [
      { rewardBase: 2 ** 32 },
      "rewardBase takes a whole number from 0 to 4294967295 (satoshi on Bitcoin, atoms on Decred), not 4294967296."
    ],
    [
      { rewardRate: -1 },
      "rewardRate takes a whole number from 0 to 4294967295 (millionths of the swept amount), not -1."
    ],
    [
      // A program without types.
      { sweepFeeRate: 2500 as never },
      "sweepFeeRate takes a whole number from 0 to 9223372036854775807 (sat/kw on Bitcoin, atoms/kB on Decred), not 2500, which is no bigint."
    ],
    [
      { blobType: 65_536 as never },
      "blobType takes legacy, reward, anchor, taproot, taproot-final or a number from 0 to 65535, not 65536."
    ]
  ])("is refused with one sentence: %s", (change, detail) => {
    const error = Either.getOrThrow(Either.flip(Policy.validate({ ...standard, ...change }, bitcoin)))
    assert.strictEqual(error.message, `The policy is not valid: ${detail}`)
    assert.strictEqual(error.reason, "OutOfRange")
  })
})

describe("Policy.make", () => {
  it("fills in the defaults", () => {
    assert.deepStrictEqual(Policy.make(bitcoin, {}), standard)
    assert.deepStrictEqual(Policy.make(decred, { maxUpdates: 7, sweepFeeRate: 12_000n }), {
      ...Policy.defaults(decred),
      maxUpdates: 7,
      sweepFeeRate: decred.feeRate(12_000n)
    })
  })
})

describe("Policy.defaults", () => {
  it("is what a new client proposes: anchor channels, and else what the daemons propose", () => {
    assert.deepEqual(
      { ...standard },
      {
        blobType: BlobType.altruistAnchorCommit,
        maxUpdates: 1024,
        rewardBase: 0,
        rewardRate: 0,
        sweepFeeRate: sats(2500n)
      }
    )
    assert.strictEqual(Policy.defaults(decred).sweepFeeRate, 10_000n)
  })
})

describe("Policy.keyOf", () => {
  it("is equal for equal policies only", () => {
    const u8 = fc.nat(3)
    const policy = fc.record({
      blobType: u8.map((type) => BlobType.BlobType.make(type)),
      maxUpdates: u8,
      rewardBase: u8,
      rewardRate: u8,
      sweepFeeRate: u8.map((rate) => sats(BigInt(rate)))
    })
    const fields = ({ blobType, maxUpdates, rewardBase, rewardRate, sweepFeeRate }: Policy.Policy) =>
      JSON.stringify([blobType, maxUpdates, rewardBase, rewardRate, String(sweepFeeRate)])
    fc.assert(
      fc.property(policy, policy, (one, other) => {
        assert.strictEqual(Policy.keyOf(one) === Policy.keyOf(other), fields(one) === fields(other))
        assert.strictEqual(Policy.keyOf(one), Policy.keyOf({ ...one }))
      }),
      { numRuns: 2000 }
    )
  })
})

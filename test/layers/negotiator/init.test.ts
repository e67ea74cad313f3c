/**
 * What we announce in our Init, and what is made of a tower's: over real sockets, with towers as they are.
 */
import { assert, describe, it, vi } from "@effect/vitest"
import { Effect, Either, Redacted } from "effect"
import * as Rules from "../../../src/layers/negotiator/Rules.js"
import * as LoopbackTower from "../../../src/layers/tower/LoopbackTower.js"
import * as NodeLoopbackTower from "../../../src/layers/tower/NodeLoopbackTower.js"
import * as BlobType from "../../../src/schema/BlobType.js"
import * as Chain from "../../../src/schema/Chain.js"
import { ChainHash, HexBytes } from "../../../src/schema/Ids.js"
import * as NegotiationError from "../../../src/schema/NegotiationError.js"
import * as Codec from "../../../src/schema/wire/Codec.js"
import { CreateSessionReply } from "../../../src/schema/wire/CreateSessionReply.js"
import { ErrorMessage } from "../../../src/schema/wire/ErrorMessage.js"
import { Init } from "../../../src/schema/wire/Init.js"
import * as Reference from "../../conformance/traces/reference.js"
import * as Client from "../../interop/support/client.js"
import * as Outcome from "../../interop/support/outcome.js"
import { secretOf } from "../tower/towerClient.js"

const regtest = Chain.bitcoinRegtest

/** lnd before v0.18: it knows neither the feature bits nor the blob types of taproot. */
const beforeTaproot: Chain.BitcoinChain = {
  ...regtest,
  knownFeatures: [0, 1, 2, 3],
  blobTypes: [BlobType.altruistCommit, BlobType.rewardCommit, BlobType.altruistAnchorCommit]
}

/** One `negotiate` of a new client with a new tower. */
const negotiate = (
  tower: Partial<LoopbackTower.Options> & { readonly fault?: LoopbackTower.Fault },
  blobType: BlobType.BlobType
) =>
  Effect.gen(function* () {
    const { fault, ...options } = tower
    const served = yield* NodeLoopbackTower.make({
      chain: regtest,
      secretKey: Redacted.make(secretOf(200)),
      ...options
    })
    yield* served.setFault(fault)
    const client = yield* Client.make()
    yield* client.add(served.uri)
    const negotiator = yield* client.negotiator(Client.proposal(regtest, { blobType }))
    return yield* negotiator.negotiate
  })

const ofError = (error: Effect.Effect.Error<ReturnType<typeof negotiate>>) =>
  error._tag === "ListenFailed" ? error._tag : Outcome.ofRound(Either.left(error))

/** The only failure of a round. */
const failureOf = (error: Effect.Effect.Error<ReturnType<typeof negotiate>>) => {
  if (error._tag !== "FailedNegotiation") return assert.fail(error.message)
  const [cause] = NegotiationError.causes(error)
  return cause ?? assert.fail("a failure")
}

/** The hash of a chain that is none of ours, and as block explorers print it. */
const foreign = { hash: ChainHash.make(`${"00".repeat(31)}ab`), printed: `ab${"00".repeat(31)}` }

/** 8,192 bytes of set bits: as many as an Init can have. */
const allBits = Array.from({ length: 65_536 }, (_, bit) => bit)

describe("our Init", () => {
  it("requires altruist sessions alone; the reference requires the channel type too", () => {
    const bits = (rules: Pick<Rules.Rules, "features">, chain: Chain.Chain) =>
      [
        BlobType.altruistCommit,
        BlobType.altruistAnchorCommit,
        BlobType.altruistTaprootCommit,
        BlobType.altruistTaprootFinalCommit
      ].map((blobType) => rules.features(chain, blobType))
    assert.deepStrictEqual(bits(Rules.defaults, regtest), [[0], [0, 3], [0, 5], [0, 5]])
    assert.deepStrictEqual(bits(Reference, regtest), [[0], [0, 2], [0, 4], [0, 4]])
    assert.deepStrictEqual(bits(Rules.defaults, Chain.decredRegnet).slice(0, 2), [[0], [0, 3]])
    assert.deepStrictEqual(bits(Reference, Chain.decredRegnet).slice(0, 2), [[0], [0, 2]])
  })

  it.scopedLive.each([
    BlobType.altruistCommit,
    BlobType.altruistAnchorCommit,
    BlobType.altruistTaprootCommit,
    BlobType.altruistTaprootFinalCommit
  ])("a tower that knows the type gives a session of type %i", (blobType) =>
    Effect.gen(function* () {
      assert.strictEqual((yield* negotiate({}, blobType)).policy.blobType, blobType)
    })
  )

  it.scopedLive.each([BlobType.altruistTaprootCommit, BlobType.altruistTaprootFinalCommit])(
    "a tower that does not know type %i says so: it is refused for good",
    (blobType) =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(negotiate({ chain: beforeTaproot }, blobType))
        assert.strictEqual(ofError(error), "PermanentTowerFailure(RejectBlobType)")
      })
  )
})

describe("a tower's Init", () => {
  it.scopedLive("belongs to the failure, where the tower hangs up after it", () =>
    Effect.gen(function* () {
      const hangsUp = LoopbackTower.Fault.HangUp({ before: "reply" })
      const failure = failureOf(yield* Effect.flip(negotiate({ fault: hangsUp }, BlobType.altruistCommit)))
      if (failure._tag !== "ConnectionEnded") return assert.fail(failure._tag)
      assert.deepStrictEqual(failure.theirInit, { chainHash: regtest.chainHash, features: [1, 3], featureCount: 2 })
      assert.strictEqual(
        failure.message,
        `${failure.address} ended the connection after its Init, without a reply; it watches bitcoin regtest and announces these feature bits: 1, 3.`
      )
    })
  )

  it.scopedLive("is missing when the tower hangs up before it", () =>
    Effect.gen(function* () {
      const hangsUp = LoopbackTower.Fault.HangUp({ before: "init" })
      const failure = failureOf(yield* Effect.flip(negotiate({ fault: hangsUp }, BlobType.altruistCommit)))
      assert.strictEqual(failure._tag === "ConnectionEnded" ? failure.theirInit : "another failure", undefined)
    })
  )

  it.scopedLive.each([
    [Chain.bitcoinMainnet.chainHash, "it watches bitcoin mainnet."],
    [Chain.decredTestnet3.chainHash, "it watches decred testnet3."],
    [foreign.hash, `it watches an unknown chain (genesis block ${foreign.printed}).`]
  ] as const)("of another chain (%s) is named: %s", ([chainHash, sentence]) =>
    Effect.gen(function* () {
      const elsewhere = LoopbackTower.Fault.Replace({ with: () => new Init({ features: [1, 3], chainHash }) })
      const failure = failureOf(yield* Effect.flip(negotiate({ fault: elsewhere }, BlobType.altruistCommit)))
      assert.isTrue(failure.message.endsWith(`: ${sentence}`), failure.message)
    })
  )

  it.scopedLive("with 65,536 set bits is a failure with the first few of them", () =>
    Effect.gen(function* () {
      const failure = failureOf(yield* Effect.flip(negotiate({ features: allBits }, BlobType.altruistCommit)))
      if (failure._tag !== "PermanentTowerFailure") return assert.fail(failure._tag)
      assert.deepStrictEqual(failure.features, [6, 8, 10, 12, 14, 16, 18, 20])
      assert.strictEqual(failure.featureCount, 32_765)
      assert.strictEqual(
        failure.message,
        "The tower will not give a session for this policy: it requires features that we do not know (6, 8, 10, 12, 14, 16, 18, 20 and 32757 more)."
      )
    })
  )

  it.scopedLive("with 32,768 optional bits gives a session, or its end a short failure", () =>
    Effect.gen(function* () {
      const features = allBits.filter((bit) => bit % 2 === 1)
      assert.strictEqual((yield* negotiate({ features }, BlobType.altruistCommit)).seqNum, 0)
      const hangsUp = LoopbackTower.Fault.HangUp({ before: "reply" })
      const failure = failureOf(yield* Effect.flip(negotiate({ features, fault: hangsUp }, BlobType.altruistCommit)))
      assert.match(failure.message, /feature bits: 1, 3, 5, 7, 9, 11, 13, 15 and 32760 more\.$/)
    })
  )

  it("is read without a second look at each of its bits", () => {
    const body = Codec.encode(new Init({ features: allBits, chainHash: regtest.chainHash }))
    const every = vi.spyOn(Array.prototype, "every")
    const read = Codec.decode(body)
    const looks = every.mock.contexts.filter((array) => Array.isArray(array) && array.length === allBits.length)
    every.mockRestore()
    assert.deepStrictEqual(Either.getOrThrow(read), new Init({ features: allBits, chainHash: regtest.chainHash }))
    assert.lengthOf(looks, 0)
  })
})

describe("what a tower sends in a failure", () => {
  const data = HexBytes.make("ab".repeat(60_000))

  it.scopedLive.each([
    ["a reply that refuses", new CreateSessionReply({ code: 40, lastApplied: 0, data })],
    ["an Error", new ErrorMessage({ code: 7, data })]
  ] as const)("%s is kept with its first 32 bytes and its length", ([, message]) =>
    Effect.gen(function* () {
      const fault = LoopbackTower.Fault.Replace({ with: (decided) => (decided._tag === "Init" ? decided : message) })
      const failure = failureOf(yield* Effect.flip(negotiate({ fault }, BlobType.altruistCommit)))
      if (failure._tag !== "SessionRejected" && failure._tag !== "TowerErrorMessage") return assert.fail(failure._tag)
      assert.strictEqual(failure.data, "ab".repeat(32))
      assert.strictEqual(failure.bytes, 60_000)
      assert.isBelow(JSON.stringify(failure).length, 300)
    })
  )
})

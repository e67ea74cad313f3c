/**
 * What real towers answer to CreateSession, below the negotiator, and what the negotiator makes of it.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Either } from "effect"
import * as BlobType from "../../src/schema/BlobType.js"
import * as Chain from "../../src/schema/Chain.js"
import { maxFeeRate } from "../../src/schema/FeeRate.js"
import { KeyIndex } from "../../src/schema/Ids.js"
import * as Client from "./support/client.js"
import { note } from "./support/matrix.js"
import * as Outcome from "./support/outcome.js"
import * as Record from "./support/record.js"
import * as Tower from "./support/tower.js"

/** One round of a new client with this tower. */
const negotiate = (tower: Client.Target, options: ReturnType<typeof Client.proposal>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const client = yield* Client.make()
      yield* client.add(tower)
      const negotiator = yield* client.negotiator(options)
      return yield* negotiator.negotiate
    })
  )

const refusedTypes = [0, 1, 3, 4, 7, 8, 11, 14, 16, 18, 24, 27, 30, 64, 65_535]

/** What the negotiator says of the types that a chain has and a tower does not take. */
const refusals: Partial<Record<Tower.RealTower["binary"], Record<number, string>>> = {
  lnd: { 3: "PermanentTowerFailure(RejectBlobType)" },
  // It does not know the feature bit of taproot. We announce that bit as an optional one, so it answers all the same.
  "lnd-v0.17": {
    3: "PermanentTowerFailure(RejectBlobType)",
    10: "PermanentTowerFailure(RejectBlobType)",
    26: "PermanentTowerFailure(RejectBlobType)"
  },
  dcrlnd: { 3: "PermanentTowerFailure(RejectBlobType)", 10: "refused here: UnsupportedBlobType" }
}

describe.each(Tower.binaries)("%s", (binary) => {
  const { accepts, chain, chains } = Tower.kinds[binary]
  const { policy } = Client.proposal(chain)

  it.scopedLive("gives a session of every blob type that it takes, and stores what we store", (context) =>
    Effect.gen(function* () {
      const tower = yield* Tower.start(binary)
      for (const type of accepts) {
        const client = yield* Client.make()
        yield* client.add(tower)
        // A key for each type: the tower would overwrite an unused session.
        const options = Client.proposal(chain, { blobType: BlobType.BlobType.make(type) })
        const negotiator = yield* client.negotiator({ ...options, firstKeyIndex: KeyIndex.make(100 + type) })
        const session = yield* negotiator.negotiate
        assert.strictEqual(session.keyIndex, 100 + type)
        assert.deepStrictEqual(yield* client.db.listClientSessions(), [session])
        assert.strictEqual((yield* tower.session(session.id)).encoded, Record.encoded(session))
        note(context, tower.version, type, "default policy", "session, equal byte for byte")
      }
      assert.lengthOf(yield* tower.sessions, accepts.length)
    })
  )

  it.scopedLive("refuses every other blob type with 64", (context) =>
    Effect.gen(function* () {
      const tower = yield* Tower.start(binary)
      const types = [...refusedTypes, ...[10, 26].filter((type) => !accepts.includes(type))]
      for (const type of types) {
        const request = { ...policy, blobType: BlobType.BlobType.make(type) }
        const { reply } = yield* Client.converse(tower, { keyIndex: 1, chain, request })
        assert.strictEqual(Outcome.ofReply(reply), "code 64", `type ${type}`)
      }
      assert.deepStrictEqual(yield* tower.sessions, [])
      note(context, tower.version, types.join(" "), "default policy, sent as it is", "code 64")
    })
  )

  it.scopedLive("is refused for good, or refuses us, when the type is not one of its own", (context) =>
    Effect.gen(function* () {
      const tower = yield* Tower.start(binary)
      for (const [type, expected] of Object.entries(refusals[binary] ?? {})) {
        const options = Client.proposal(chain, { blobType: BlobType.BlobType.make(Number(type)) })
        const end = Outcome.ofRound(yield* Effect.either(negotiate(tower, options)))
        assert.strictEqual(end, expected, `type ${type}`)
        note(context, tower.version, type, "default policy", end)
      }
    })
  )

  it.scopedLive("is on our chain, on every network", (context) =>
    Effect.gen(function* () {
      for (const chain of chains) {
        yield* Effect.scoped(
          Effect.gen(function* () {
            const tower = yield* Tower.start(binary, { network: chain.network })
            assert.strictEqual(tower.chainHash, chain.chainHash, chain.network)
            yield* negotiate(tower, Client.proposal(chain))
          })
        )
      }
      note(context, binary, 2, chains.map(({ network }) => network).join(" "), "session")
    })
  )

  it.scopedLive("is quarantined when it is on another chain", (context) =>
    Effect.gen(function* () {
      const tower = yield* Tower.start(binary)
      for (const other of Chain.all.filter((candidate) => candidate !== chain)) {
        const end = yield* Effect.either(negotiate(tower, Client.proposal(other)))
        assert.strictEqual(Outcome.ofRound(end), "PermanentTowerFailure(WrongChain)")
        if (Either.isRight(end) || end.left._tag !== "FailedNegotiation") return assert.fail("a round with failures")
        const failure = end.left.failures[0]?.failure
        assert.strictEqual(failure?._tag === "PermanentTowerFailure" ? failure.theirChain : undefined, tower.chainHash)
      }
      note(context, tower.version, 2, "every other chain", "PermanentTowerFailure(WrongChain)")
    })
  )

  const policies: ReadonlyArray<readonly [what: string, fields: Client.Fields, code: number, here: string]> = [
    ["the least fee", { sweepFeeRate: chain.minFeeRate }, 0, "session"],
    ["fee below the minimum", { sweepFeeRate: chain.minFeeRate - 1n }, 40, "refused here: FeeRateTooLow"],
    ["fee 0", { sweepFeeRate: 0n }, 40, "refused here: FeeRateTooLow"],
    ["fee 2^63 - 1", { sweepFeeRate: maxFeeRate }, 0, "refused here: CannotPaySweep"],
    ["fee 2^63", { sweepFeeRate: maxFeeRate + 1n }, 40, "no such FeeRate"],
    ["fee 2^64 - 1", { sweepFeeRate: 2n ** 64n - 1n }, 40, "no such FeeRate"],
    ["1 update", { maxUpdates: 1 }, 0, "session"],
    ["65,535 updates", { maxUpdates: 65_535 }, 0, "session"],
    ["no updates", { maxUpdates: 0 }, 40, "refused here: NoUpdates"],
    ["reward base on an altruist type", { rewardBase: 1 }, 40, "refused here: RewardOnAltruist"],
    ["reward rate on an altruist type", { rewardRate: 1 }, 40, "refused here: RewardOnAltruist"]
  ]
  for (const [what, fields, code, here] of policies) {
    it.scopedLive(`answers ${code} to ${what}; the negotiator: ${here}`, (context) =>
      Effect.gen(function* () {
        const tower = yield* Tower.start(binary)
        const request = { ...policy, ...fields }
        const { reply } = yield* Client.converse(tower, { keyIndex: 7, chain, request })
        assert.strictEqual(Outcome.ofReply(reply), `code ${code}`)
        assert.lengthOf(yield* tower.sessions, code === 0 ? 1 : 0)
        if (request.sweepFeeRate > maxFeeRate) {
          assert.throws(() => Client.proposal(chain, fields))
        } else {
          const end = yield* Effect.either(negotiate(tower, Client.proposal(chain, fields)))
          assert.strictEqual(Outcome.ofRound(end), here)
        }
        note(context, tower.version, 2, what, `code ${code}; ${here}`)
      })
    )
  }
})

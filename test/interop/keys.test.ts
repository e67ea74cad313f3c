/**
 * Session keys that a real tower has met before.
 */
import { assert, describe, it } from "@effect/vitest"
import { Array as Arr, Chunk, Effect, Either, Fiber, Stream } from "effect"
import * as FixedKeyRing from "../../src/layers/testing/FixedKeyRing.js"
import * as BlobType from "../../src/schema/BlobType.js"
import { KeyIndex } from "../../src/schema/Ids.js"
import type { NegotiatorEvent } from "../../src/schema/NegotiatorEvent.js"
import type { SessionNegotiator } from "../../src/services/SessionNegotiator.js"
import * as Client from "./support/client.js"
import { note } from "./support/matrix.js"
import * as Outcome from "./support/outcome.js"
import * as Record from "./support/record.js"
import * as Tower from "./support/tower.js"

/** A round, and the keys that it found used: their index and last applied. */
const roundWithUsedKeys = (negotiator: SessionNegotiator.Service) =>
  Effect.gen(function* () {
    const usedKeys = (event: NegotiatorEvent) =>
      event.happening._tag === "KeyUsed" ? [[event.happening.keyIndex, event.happening.lastApplied]] : []
    const events = yield* (yield* negotiator.events).pipe(
      Stream.takeUntil((event) => event.happening._tag === "RoundEnded"),
      Stream.runCollect,
      Effect.fork
    )
    const end = yield* Effect.either(negotiator.negotiate)
    return { end, used: Chunk.toReadonlyArray(yield* Fiber.join(events)).flatMap(usedKeys) }
  }).pipe(Effect.scoped)

describe.each(Tower.binaries)("%s", (binary) => {
  const { accepts, chain } = Tower.kinds[binary]
  const { policy } = Client.proposal(chain)
  const lastType = BlobType.BlobType.make(accepts.at(-1) ?? 0)

  it.scopedLive("overwrites an unused session of the same key", (context) =>
    Effect.gen(function* () {
      const tower = yield* Tower.start(binary)
      yield* Client.converse(tower, { keyIndex: 1, chain, request: policy })
      const request = { ...policy, blobType: lastType, maxUpdates: 5, sweepFeeRate: policy.sweepFeeRate * 3n }
      const { reply } = yield* Client.converse(tower, { keyIndex: 1, chain, request })
      assert.strictEqual(Outcome.ofReply(reply), "code 0")
      assert.lengthOf(yield* tower.sessions, 1)
      const kept = yield* tower.session(FixedKeyRing.publicKeyOf(1))
      assert.deepInclude(kept, { blobType: lastType, maxUpdates: 5, lastApplied: 0 })
      assert.strictEqual(kept.sweepFeeRate, Number(request.sweepFeeRate))
      note(context, tower.version, `2 then ${lastType}`, "same key, unused", "code 0, overwritten")
    })
  )

  it.scopedLive("answers AlreadyExists for a used key, whatever is asked for", (context) =>
    Effect.gen(function* () {
      const tower = yield* Tower.start(binary)
      yield* Client.converse(tower, { keyIndex: 1, chain, request: policy })
      const before = yield* tower.session(FixedKeyRing.publicKeyOf(1))
      assert.strictEqual(yield* tower.use(before.id, 3), 3)
      for (const type of [2, lastType, 3, 0]) {
        const request = { ...policy, blobType: BlobType.BlobType.make(type) }
        const { reply } = yield* Client.converse(tower, { keyIndex: 1, chain, request })
        assert.strictEqual(Outcome.ofReply(reply), "code 60, last applied 3", `type ${type}`)
      }
      assert.lengthOf(yield* tower.sessions, 1)
      note(context, tower.version, `2 ${lastType} 3 0`, "same key, used 3 times", "code 60, last applied 3")

      yield* tower.delete(before.id)
      const { reply } = yield* Client.converse(tower, { keyIndex: 1, chain, request: policy })
      assert.strictEqual(Outcome.ofReply(reply), "code 0")
      note(context, tower.version, 2, "same key, used, deleted there", "code 0")
    })
  )

  it.scopedLive("gives the client that lost its database a session under the next key", (context) =>
    Effect.gen(function* () {
      const tower = yield* Tower.start(binary)
      for (const keyIndex of [1, 2]) {
        yield* Client.converse(tower, { keyIndex, chain, request: policy })
        yield* tower.use(FixedKeyRing.publicKeyOf(keyIndex), 10 + keyIndex)
      }
      const client = yield* Client.make()
      yield* client.add(tower)
      const negotiator = yield* client.negotiator(Client.proposal(chain))
      const { end, used } = yield* roundWithUsedKeys(negotiator)
      const session = yield* end
      assert.deepStrictEqual(used, [
        [1, 11],
        [2, 12]
      ])
      assert.strictEqual(session.keyIndex, 3)
      assert.deepStrictEqual([session.seqNum, session.towerLastApplied], [0, 0])
      assert.strictEqual((yield* tower.session(session.id)).encoded, Record.encoded(session))
      note(context, tower.version, 2, "database lost, 2 used keys", "session under key 3 in one visit")
    })
  )

  it.scopedLive(
    "holds 150 used keys of a client that lost its database",
    (context) =>
      Effect.gen(function* () {
        const tower = yield* Tower.start(binary)
        for (const keyIndex of Arr.range(1, 150)) {
          yield* Client.converse(tower, { keyIndex, chain, request: policy })
          yield* tower.use(FixedKeyRing.publicKeyOf(keyIndex), 1)
        }
        const client = yield* Client.make()
        yield* client.add(tower)
        const negotiator = yield* client.negotiator(Client.proposal(chain))
        let failed = 0
        let end = yield* Effect.either(negotiator.negotiate)
        while (Either.isLeft(end)) {
          failed += 1
          // The default: three keys a visit, and the last of them is not tried again.
          assert.strictEqual(Outcome.ofRound(end), usedInVisit(failed))
          end = yield* Effect.either(negotiator.negotiate)
        }
        assert.strictEqual(failed, 50)
        assert.strictEqual(end.right.keyIndex, 151)
        assert.lengthOf(yield* tower.sessions, 151)
        note(
          context,
          tower.version,
          2,
          "database lost, 150 used keys from 1",
          "50 rounds fail, then a session under key 151"
        )

        const other = yield* Client.make()
        yield* other.add(tower)
        const random = yield* other.negotiator({ ...Client.proposal(chain), firstKeyIndex: undefined })
        const session = yield* random.negotiate
        assert.isAbove(session.keyIndex, 151)
        note(context, tower.version, 2, "the same, first key at random (the default)", "session at once")
      }),
    300_000
  )
})

/** What the `visit`-th visit comes to when all keys from 1 are used: a failure for each of its three keys. */
const usedInVisit = (visit: number): string =>
  [2, 1, 0].map((back) => `SessionKeyAlreadyUsed(${KeyIndex.make(3 * visit - back)}, 1)`).join(", ")

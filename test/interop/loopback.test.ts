/**
 * Our loopback tower is to answer as real ones do: the same random conversations with both, over TCP.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Either, FastCheck, Redacted } from "effect"
import * as FixedKeyRing from "../../src/layers/testing/FixedKeyRing.js"
import * as NodeLoopbackTower from "../../src/layers/tower/NodeLoopbackTower.js"
import { BlobType } from "../../src/schema/BlobType.js"
import type * as Chain from "../../src/schema/Chain.js"
import { HexBytes, Hint } from "../../src/schema/Ids.js"
import { CreateSession } from "../../src/schema/wire/CreateSession.js"
import { DeleteSession } from "../../src/schema/wire/DeleteSession.js"
import { Init } from "../../src/schema/wire/Init.js"
import type { Message } from "../../src/schema/wire/Message.js"
import { StateUpdate } from "../../src/schema/wire/StateUpdate.js"
import * as Client from "./support/client.js"
import { note } from "./support/matrix.js"
import * as Tower from "./support/tower.js"

/** One connection: whose key, and what is said after Init. */
interface Conversation {
  readonly keyIndex: number
  readonly messages: ReadonlyArray<Message>
}

/** Mostly the one, seldom another. */
const mostly = <A>(usual: A, ...others: ReadonlyArray<A>) =>
  FastCheck.oneof(
    { weight: 9, arbitrary: FastCheck.constant(usual) },
    { weight: 1, arbitrary: FastCheck.constantFrom(...others) }
  )

const create = (chain: Chain.AnyChain) =>
  FastCheck.record({
    blobType: FastCheck.constantFrom(2, 2, 2, 2, 6, 6, 10, 26, 3, 7),
    maxUpdates: mostly(3, 0, 1, 1024),
    rewardBase: mostly(0, 1),
    rewardRate: mostly(0, 1),
    sweepFeeRate: mostly<bigint>(chain.defaultFeeRate, chain.minFeeRate, chain.minFeeRate - 1n)
  }).map((fields): Message => new CreateSession({ ...fields, blobType: BlobType.make(fields.blobType) }))

/** Updates in their order from one of the first on, but for some. */
const updates = FastCheck.tuple(
  FastCheck.constantFrom(0, 0, 0, 1, 2),
  FastCheck.array(
    FastCheck.record({
      seqNum: mostly(1, 0, 2),
      lastApplied: mostly(0, -1, 1),
      isComplete: mostly(0, 1, 2),
      hint: mostly("00".repeat(16), "ab".repeat(16)),
      bytes: mostly(314, 340, 313)
    }),
    { minLength: 1, maxLength: 4 }
  )
).map(([start, steps]) =>
  steps.map(
    ({ bytes, hint, isComplete, lastApplied, seqNum }, index): Message =>
      new StateUpdate({
        seqNum: start + index + seqNum,
        lastApplied: Math.max(0, start + index + lastApplied),
        isComplete,
        hint: Hint.make(hint),
        encryptedBlob: HexBytes.make("cd".repeat(bytes))
      })
  )
)

const conversations = (chain: Chain.AnyChain): FastCheck.Arbitrary<Conversation> =>
  FastCheck.record({
    keyIndex: FastCheck.constantFrom(1, 1, 2),
    messages: FastCheck.oneof(
      { weight: 4, arbitrary: create(chain).map((message): ReadonlyArray<Message> => [message]) },
      { weight: 5, arbitrary: updates },
      { weight: 1, arbitrary: FastCheck.constant<ReadonlyArray<Message>>([new DeleteSession()]) },
      {
        weight: 1,
        arbitrary: FastCheck.constant<ReadonlyArray<Message>>([new Init({ features: [], chainHash: chain.chainHash })])
      }
    )
  })

/**
 * Sends one message after another and reads each reply, until the tower has hung up. In the end comes a message that is not
 * due, at which it hangs up; so the key is free again.
 */
const hold = (tower: Client.Target, chain: Chain.AnyChain, { keyIndex, messages }: Conversation) =>
  Effect.scoped(
    Effect.gen(function* () {
      const init = new Init({ features: [0], chainHash: chain.chainHash })
      const connection = yield* Client.connect(tower, keyIndex)
      const heard: Array<Message | "end"> = []
      for (const message of [init, ...messages, init]) {
        // A write that fails shows in the read that follows.
        yield* Effect.either(connection.send(message))
        const reply = yield* Effect.either(connection.receive)
        heard.push(Either.getOrElse(reply, () => "end" as const))
        if (Either.isLeft(reply)) break
      }
      yield* connection.closed
      return heard
    })
  )

const runs = 120

describe.each(Tower.binaries)("%s", (binary) => {
  const { accepts, chain } = Tower.kinds[binary]

  it.scopedLive("and the loopback tower answer the same to the same", (context) =>
    Effect.gen(function* () {
      const real = yield* Tower.start(binary)
      const loopback = yield* NodeLoopbackTower.make({
        chain,
        secretKey: Redacted.make(FixedKeyRing.secretOf(1_000_000)),
        blobTypes: accepts.map((type) => BlobType.make(type))
      })
      const seen = new Set<string>()
      for (const conversation of FastCheck.sample(conversations(chain), { numRuns: runs, seed: 20_261_124 })) {
        const theirs = yield* hold(real, chain, conversation)
        const ours = yield* hold(loopback.uri, chain, conversation)
        assert.deepStrictEqual(ours, theirs, conversation.messages.join(", "))
        for (const message of theirs) {
          if (message !== "end" && "code" in message) seen.add(`${message._tag} ${message.code}`)
        }
      }
      const kept = (yield* real.sessions).map(({ id, lastApplied }) => [id, lastApplied])
      const ours = [...(yield* loopback.sessions).values()].map(({ id, lastApplied }) => [id, lastApplied])
      assert.deepStrictEqual(ours.toSorted(), kept.toSorted())
      // All that a real tower can say was said.
      const all = [0, 40, 60, 64]
        .map((code) => `CreateSessionReply ${code}`)
        .concat([0, 40, 50, 70, 71, 72].map((code) => `StateUpdateReply ${code}`))
        .concat([0, 80].map((code) => `DeleteSessionReply ${code}`))
      assert.sameMembers([...seen], all)
      note(context, real.version, "-", `${runs} random conversations, with our loopback tower too`, "the same replies")
    })
  )
})

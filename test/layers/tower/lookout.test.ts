import { assert, describe, it } from "@effect/vitest"
import { Effect, Either, Layer, Redacted, Schema } from "effect"
import { fromHex } from "../../../src/internal/bytes.js"
import * as BrontideTowerTransport from "../../../src/layers/BrontideTowerTransport.js"
import * as SocketPair from "../../../src/layers/testing/SocketPair.js"
import * as LoopbackTower from "../../../src/layers/tower/LoopbackTower.js"
import { breach } from "../../../src/layers/tower/lookout.js"
import * as Sessions from "../../../src/layers/tower/sessions.js"
import { HexBytes, Hint } from "../../../src/schema/Ids.js"
import { JusticeTransaction, NoJusticeTransaction } from "../../../src/schema/JusticeTransaction.js"
import * as Codec from "../../../src/schema/wire/Codec.js"
import { DeleteSession } from "../../../src/schema/wire/DeleteSession.js"
import { Init } from "../../../src/schema/wire/Init.js"
import { StateUpdate } from "../../../src/schema/wire/StateUpdate.js"
import { SocketDialer } from "../../../src/services/SocketDialer.js"
import type { TowerTransport } from "../../../src/services/TowerTransport.js"
import { create, secretOf, sessionIdOf, talk } from "./towerClient.js"
import { files } from "./towerVectors.js"

type Vector = Pick<(typeof files)[number]["cases"][number], "policy" | "rewardPkScript" | "breachTx" | "stateUpdate">
type File = (typeof files)[number]

/** The message that the Go client sent. */
const updateOf = ({ stateUpdate }: Vector, change: Partial<StateUpdate> = {}): StateUpdate => {
  const message = Codec.decode(fromHex(stateUpdate))
  if (message._tag === "Left" || message.right._tag !== "StateUpdate") throw new Error("not a StateUpdate")
  return new StateUpdate({ ...message.right, ...change })
}

/** A tower that takes the session of this vector. */
const withTower = <A, E>(
  { chain }: File,
  { policy, rewardPkScript }: Vector,
  use: (tower: LoopbackTower.LoopbackTower) => Effect.Effect<A, E, TowerTransport>
) =>
  Effect.gen(function* () {
    const tower = yield* LoopbackTower.make({
      chain,
      secretKey: Redacted.make(secretOf(200)),
      blobTypes: [policy.blobType],
      rewardScript: rewardPkScript
    })
    const dialer = Layer.succeed(SocketDialer, SocketPair.dialer(tower.serve))
    return yield* Effect.provide(use(tower), Layer.provide(BrontideTowerTransport.layer(), dialer))
  })

/** A session of the key with this number, as the vector has it, and the updates. */
const backUp = (
  tower: LoopbackTower.LoopbackTower,
  { chain }: File,
  { policy }: Vector,
  key: number,
  ...updates: ReadonlyArray<StateUpdate>
) =>
  Effect.gen(function* () {
    const init = new Init({ features: [0], chainHash: chain.chainHash })
    const request = create({ ...policy, sweepFeeRate: BigInt(policy.sweepFeeRate) })
    assert.match(yield* talk(tower.publicKey, key, [init, request]), /^Init 1,3 \| 0 0/)
    const numbers = updates.map(({ seqNum }) => ` | 0 ${seqNum}`).join("")
    const said = yield* talk(tower.publicKey, key, [init, ...updates])
    assert.strictEqual(said, `Init 1,3${numbers} | end`)
  })

/** Another hint, of a transaction that nobody knows. */
const flippedHint = ({ hint }: StateUpdate): Hint =>
  Hint.make(hint.replace(/^./, (digit) => (digit === "0" ? "1" : "0")))

const [bitcoin] = files
const first = bitcoin?.cases[0]
if (bitcoin === undefined || first === undefined) throw new Error("the vectors are empty")

/** What a tower does about the breach of a vector once it has its session and its update. */
const punished = ({ chain }: File, vector: Vector) => {
  const { policy, rewardPkScript } = vector
  const terms = { chain, blobTypes: [policy.blobType], rewardScript: rewardPkScript }
  const requests = [create({ ...policy, sweepFeeRate: BigInt(policy.sweepFeeRate) }), updateOf(vector)]
  const sessions = requests.reduce((known, request) => {
    const [reply, after] = Sessions.answer(terms, sessionIdOf(1), request)(known)
    assert.strictEqual(reply.code, 0)
    return after
  }, Sessions.of([]))
  return breach(chain, sessions, vector.breachTx.raw)
}

describe.each(files)("the backups that the client made on $chain.name", (file) => {
  it.each(file.cases)("$name: the tower makes the transaction that the Go tower published", (vector) => {
    const { fee, inputs, signed } = vector.justice
    const found = Either.getOrThrow(punished(file, vector))
    assert.deepStrictEqual(
      found.map((one) => Schema.encodeSync(JusticeTransaction)(one)),
      [
        {
          _tag: "JusticeTransaction",
          sessionId: sessionIdOf(1),
          seqNum: 1,
          transaction: signed,
          swept: inputs.map(({ prevIndex: index, role, value }) => ({ role, index, value: String(value) })),
          fee: String(fee)
        }
      ]
    )
  })

  const others: Readonly<Record<string, string>> = {
    "reward-p2tr-script": "RewardScript",
    "legacy-p2sh-sweep": "SweepScript"
  }

  it.each(file.unpunishable)("$name: no tower can make a transaction", (vector) => {
    const { reason } = Either.getOrThrow(Either.flip(punished(file, vector)))
    const why = reason._tag === "Useless" ? reason.updates.map((one) => one.reason._tag) : [reason._tag]
    assert.deepStrictEqual(why, [others[vector.name] ?? "OutputNotFound"])
  })
})

describe("a breach", () => {
  const flipped = (hex: HexBytes, at: number): HexBytes => {
    const digit = hex[at] === "0" ? "1" : "0"
    return HexBytes.make(hex.slice(0, at) + digit + hex.slice(at + 1))
  }
  const good = updateOf(first)
  const damaged = (seqNum: number) =>
    updateOf(first, { seqNum, isComplete: 0, encryptedBlob: flipped(good.encryptedBlob, 400) })
  const breached = first.breachTx.raw

  it.effect("is found by its hint in every session, and punished for each", () =>
    withTower(bitcoin, first, (tower) =>
      Effect.gen(function* () {
        const other = updateOf(first, { hint: flippedHint(good), isComplete: 0 })
        yield* backUp(tower, bitcoin, first, 1, good)
        yield* backUp(tower, bitcoin, first, 2, other, updateOf(first, { seqNum: 2 }))
        yield* backUp(tower, bitcoin, first, 3, updateOf(first, { hint: flippedHint(good) }))
        const found = yield* tower.breach(breached)
        assert.sameMembers(
          found.map(({ seqNum, sessionId }) => `${sessionId} ${seqNum}`),
          [`${sessionIdOf(1)} 1`, `${sessionIdOf(2)} 2`]
        )
        assert.strictEqual(new Set(found.map(({ transaction }) => transaction)).size, 1)
      })
    )
  )

  it.effect("that nobody has backed up has no match, and neither has one whose session was deleted", () =>
    withTower(bitcoin, first, (tower) =>
      Effect.gen(function* () {
        const noMatch = new NoJusticeTransaction({ reason: { _tag: "NoMatch", hint: good.hint } })
        assert.deepStrictEqual(yield* Effect.flip(tower.breach(breached)), noMatch)
        yield* backUp(tower, bitcoin, first, 1, good)
        yield* tower.breach(breached)
        const init = new Init({ features: [0], chainHash: bitcoin.chain.chainHash })
        yield* talk(tower.publicKey, 1, [init, new DeleteSession()])
        const error = yield* Effect.flip(tower.breach(breached))
        assert.strictEqual(error.reason._tag, "NoMatch")
        assert.include(error.message, `no session has an update with the hint ${good.hint}`)
      })
    )
  )

  it.effect("whose blob is damaged is named with session and number, and does not hide a good one", () =>
    withTower(bitcoin, first, (tower) =>
      Effect.gen(function* () {
        yield* backUp(tower, bitcoin, first, 1, damaged(1), updateOf(first, { seqNum: 2, hint: flippedHint(good) }))
        const error = yield* Effect.flip(tower.breach(breached))
        assert.strictEqual(
          error.message,
          `The tower makes no justice transaction: update 1 of session ${sessionIdOf(1)}: its blob is damaged or was made for another transaction.`
        )
        yield* backUp(tower, bitcoin, first, 2, good)
        assert.deepStrictEqual(
          (yield* tower.breach(breached)).map(({ sessionId }) => sessionId),
          [sessionIdOf(2)]
        )
      })
    )
  )

  it.effect("is punished on the terms of the session: with another fee rate the signatures do not hold", () =>
    withTower(bitcoin, first, (tower) =>
      Effect.gen(function* () {
        const vector = { ...first, policy: { ...first.policy, sweepFeeRate: first.policy.sweepFeeRate + 1000 } }
        yield* backUp(tower, bitcoin, vector, 1, good)
        const { reason } = yield* Effect.flip(tower.breach(breached))
        assert.deepStrictEqual(reason._tag === "Useless" && reason.updates.map((one) => one.reason), [
          { _tag: "WrongSignature", role: "toLocal" }
        ])
        const dear = { ...first, policy: { ...first.policy, sweepFeeRate: 10_000_000 } }
        yield* backUp(tower, bitcoin, dear, 2, updateOf(first, { isComplete: 1 }))
        const both = yield* Effect.flip(tower.breach(breached))
        assert.sameMembers(both.reason._tag === "Useless" ? both.reason.updates.map((one) => one.reason._tag) : [], [
          "WrongSignature",
          "SweepImpossible"
        ])
      })
    )
  )

  it.effect("of bytes that are no transaction is refused with what is wrong with them", () =>
    withTower(bitcoin, first, (tower) =>
      Effect.gen(function* () {
        const cut = yield* Effect.flip(tower.breach(HexBytes.make(breached.slice(0, -2))))
        assert.deepStrictEqual(cut.reason, { _tag: "MalformedTransaction", fault: "Truncated" })
        assert.include(cut.message, "it is cut short")
        const longer = yield* Effect.flip(tower.breach(HexBytes.make(`${breached}00`)))
        assert.deepStrictEqual(longer.reason, { _tag: "MalformedTransaction", fault: "TrailingBytes" })
      })
    )
  )
})

import { assert, describe, it } from "@effect/vitest"
import { Effect, TestClock } from "effect"
import type * as LoopbackTower from "../../../src/layers/tower/LoopbackTower.js"
import { BlobType } from "../../../src/schema/BlobType.js"
import { HexBytes, Hint } from "../../../src/schema/Ids.js"
import { DeleteSession } from "../../../src/schema/wire/DeleteSession.js"
import { StateUpdate } from "../../../src/schema/wire/StateUpdate.js"
import type { TowerTransport } from "../../../src/services/TowerTransport.js"
import { ask, withTower } from "./loopback.js"
import { connect, create, init, receive, sessionIdOf, update } from "./towerClient.js"

describe("state updates (docs/protocol.md, StateUpdate)", () => {
  const created = <A, E>(use: (tower: LoopbackTower.LoopbackTower) => Effect.Effect<A, E, TowerTransport>) =>
    withTower((tower) => Effect.andThen(ask(tower, 1, create({ maxUpdates: 3 })), use(tower)))

  const rows: ReadonlyArray<readonly [what: string, updates: ReadonlyArray<ReturnType<typeof update>>, said: string]> =
    [
      ["one after another, until complete", [update(1, 0), update(2, 1), update(3, 2, 1)], "0 1 | 0 2 | 0 3 | end"],
      ["only exactly 1 is complete", [update(1, 0, 2), update(2, 1, 1)], "0 1 | 0 2 | end"],
      ["the last one again", [update(1, 0), update(1, 0, 1)], "0 1 | 0 1 | end"],
      ["with last applied lagging", [update(1, 0), update(2, 0), update(3, 0, 1)], "0 1 | 0 2 | 0 3 | end"],
      ["a number equal to last applied", [update(1, 0), update(2, 2)], "0 1 | 50 0 | end"],
      ["number 0", [update(0, 0)], "50 0 | end"],
      ["a number left out", [update(1, 0), update(3, 1)], "0 1 | 72 0 | end"],
      ["an older number", [update(1, 0), update(2, 0), update(1, 0)], "0 1 | 0 2 | 72 0 | end"],
      ["last applied going back", [update(1, 0), update(2, 1), update(3, 0)], "0 1 | 0 2 | 70 0 | end"],
      [
        "more than max updates",
        [update(1, 0), update(2, 1), update(3, 2), update(4, 3)],
        "0 1 | 0 2 | 0 3 | 71 0 | end"
      ],
      ["a blob of another size", [update(1, 0, 0, 313)], "40 0 | end"]
    ]
  for (const [what, updates, said] of rows) {
    it.effect(what, () =>
      created((tower) =>
        Effect.gen(function* () {
          assert.strictEqual(yield* ask(tower, 1, ...updates), `Init 1,3 | ${said}`)
        })
      )
    )
  }

  it.effect("go on over another connection", () =>
    created((tower) =>
      Effect.gen(function* () {
        assert.strictEqual(yield* ask(tower, 1, update(1, 0, 1)), "Init 1,3 | 0 1 | end")
        assert.strictEqual(yield* ask(tower, 1, update(2, 1), update(3, 2, 1)), "Init 1,3 | 0 2 | 0 3 | end")
      })
    )
  )

  it.effect("need a session, and nothing else between them", () =>
    created((tower) =>
      Effect.gen(function* () {
        assert.strictEqual(yield* ask(tower, 2, update(1, 0)), "Init 1,3 | 50 0 | end")
        assert.strictEqual(yield* ask(tower, 1, update(1, 0), create()), "Init 1,3 | 0 1 | end")
      })
    )
  )

  const hinted = (digit: string, seqNum: number, lastApplied: number, isComplete = 0) =>
    new StateUpdate({
      ...update(seqNum, lastApplied, isComplete),
      hint: Hint.make(digit.repeat(32)),
      encryptedBlob: HexBytes.make(digit.repeat(628))
    })

  const stored = (tower: LoopbackTower.LoopbackTower, key = 1) =>
    Effect.map(tower.updates(sessionIdOf(key)), (updates) =>
      updates.map(({ encryptedBlob, hint, seqNum }) => `${seqNum} ${hint.slice(0, 1)} ${encryptedBlob.slice(0, 1)}`)
    )

  it.effect("are kept with number, hint and blob, and with their session alone", () =>
    created((tower) =>
      Effect.gen(function* () {
        yield* ask(tower, 2, create())
        yield* ask(tower, 1, hinted("b", 1, 0), hinted("a", 2, 1, 1))
        assert.deepStrictEqual(yield* stored(tower), ["1 b b", "2 a a"])
        assert.deepStrictEqual(yield* stored(tower, 2), [])
        assert.deepStrictEqual(yield* stored(tower, 3), [])
      })
    )
  )

  it.effect("that are refused are not kept", () =>
    created((tower) =>
      Effect.gen(function* () {
        yield* ask(tower, 1, hinted("a", 1, 0), hinted("b", 3, 0))
        assert.deepStrictEqual(yield* stored(tower), ["1 a a"])
        const session = (yield* tower.sessions).get(sessionIdOf(1))
        assert.deepInclude(session, { lastApplied: 1, clientLastApplied: 0 })
      })
    )
  )

  it.effect("of one number under two hints are both kept; of one hint the last one is (lnd v0.21.2 tower_db.go)", () =>
    created((tower) =>
      Effect.gen(function* () {
        const again = new StateUpdate({ ...hinted("b", 2, 1, 1), encryptedBlob: HexBytes.make("c".repeat(628)) })
        yield* ask(tower, 1, hinted("a", 1, 0), hinted("b", 1, 0), again)
        assert.deepStrictEqual(yield* stored(tower), ["1 a a", "2 b c"])
      })
    )
  )

  it.effect("are gone with their session, and a new one on the same key has none", () =>
    created((tower) =>
      Effect.gen(function* () {
        yield* ask(tower, 1, hinted("a", 1, 0, 1))
        assert.strictEqual(yield* ask(tower, 1, create()), "Init 1,3 | 60 1 | end")
        yield* ask(tower, 1, new DeleteSession())
        assert.deepStrictEqual(yield* stored(tower), [])
        assert.strictEqual(yield* ask(tower, 1, create()), "Init 1,3 | 0 0 | end")
        assert.deepStrictEqual(yield* stored(tower), [])
        assert.strictEqual(yield* ask(tower, 1, hinted("b", 1, 0, 1)), "Init 1,3 | 0 1 | end")
      })
    )
  )

  it.effect("after it is put back to an older copy, or has forgotten all, are only those of the copy", () =>
    created((tower) =>
      Effect.gen(function* () {
        yield* ask(tower, 1, hinted("a", 1, 0, 1))
        const older = yield* tower.sessions
        yield* ask(tower, 1, hinted("b", 2, 1, 1))
        yield* tower.restore(older.values())
        assert.deepStrictEqual(yield* stored(tower), ["1 a a"])
        assert.strictEqual(yield* ask(tower, 1, hinted("c", 3, 2)), "Init 1,3 | 72 0 | end")
        yield* tower.restore([])
        assert.strictEqual(yield* ask(tower, 1, hinted("c", 2, 1)), "Init 1,3 | 50 0 | end")
      })
    )
  )

  it.effect("are told one by one before their replies, with their session", () =>
    Effect.gen(function* () {
      const told: Array<string> = []
      const onSession: LoopbackTower.Options["onSession"] = ({ lastApplied }, stored) =>
        Effect.sync(() => told.push(`${lastApplied} ${stored?.hint.slice(0, 1) ?? "created"}`))
      yield* withTower(
        (tower) =>
          Effect.gen(function* () {
            yield* ask(tower, 1, create())
            yield* ask(tower, 1, hinted("a", 1, 0), hinted("b", 1, 0), hinted("c", 3, 0))
            yield* ask(tower, 1, create())
            yield* ask(tower, 1, new DeleteSession())
          }),
        { onSession }
      )
      assert.deepStrictEqual(told, ["0 created", "1 a", "1 b"])
    })
  )

  it.effect("are read for 15 s after each reply", () =>
    created((tower) =>
      Effect.scoped(
        Effect.gen(function* () {
          const connection = yield* connect(tower.publicKey, 1)
          const say = (message: Parameters<typeof connection.send>[0]) =>
            Effect.andThen(connection.send(message), receive(connection))
          assert.strictEqual(yield* say(init), "Init 1,3")
          assert.strictEqual(yield* say(hinted("a", 1, 0)), "0 1")
          yield* TestClock.adjust("14999 millis")
          assert.strictEqual(yield* say(hinted("b", 2, 1)), "0 2")
          yield* TestClock.adjust("14999 millis")
          assert.isFalse(yield* connection.isClosed)
          yield* TestClock.adjust("1 millis")
          assert.isTrue(yield* connection.isClosed)
        })
      )
    )
  )

  it.effect("are larger for taproot", () =>
    withTower((tower) =>
      Effect.gen(function* () {
        yield* ask(tower, 1, create({ blobType: BlobType.make(10) }))
        assert.strictEqual(yield* ask(tower, 1, update(1, 0, 1, 340)), "Init 1,3 | 0 1 | end")
        assert.strictEqual(yield* ask(tower, 1, update(2, 1, 1, 314)), "Init 1,3 | 40 0 | end")
      })
    )
  )
})

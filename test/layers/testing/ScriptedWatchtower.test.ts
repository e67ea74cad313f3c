import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Option, TestClock } from "effect"
import { Chain, ClientDb, Policy, SessionNegotiator, TowerCandidates } from "../../../src/index.js"
import { KeyIndex } from "../../../src/schema/Ids.js"
import { Code, ScriptedWatchtower, TowerScript, VirtualTime } from "../../../src/testing.js"

const nextSession = Effect.flatMap(SessionNegotiator.SessionNegotiator, (negotiator) => negotiator.nextSession)
const negotiate = Effect.flatMap(SessionNegotiator.SessionNegotiator, (negotiator) => negotiator.negotiate)

describe("ScriptedWatchtower", () => {
  it.effect("gives the session of the fixture, which is stored, from one good tower", () =>
    Effect.gen(function* () {
      const session = yield* nextSession
      assert.deepStrictEqual(session, ScriptedWatchtower.session())
      const db = yield* ClientDb.ClientDb
      assert.deepStrictEqual(yield* db.listClientSessions(), [session])
    }).pipe(Effect.provide(ScriptedWatchtower.layer()))
  )

  it.effect("has a tower for each script, under TestClock", () =>
    Effect.gen(function* () {
      const asked = yield* Effect.fork(nextSession)
      yield* TestClock.adjust("999 millis")
      assert.deepStrictEqual(yield* Fiber.poll(asked), Option.none())
      yield* TestClock.adjust("1 millis")
      const session = yield* Fiber.join(asked)
      assert.strictEqual(session.towerPublicKey, ScriptedWatchtower.uriOf(2).publicKey)
      const towers = yield* ScriptedWatchtower.Towers
      assert.deepStrictEqual(
        towers.dials().map(({ address, number }) => [address, number]),
        [
          ["tower-1.test:9911", 1],
          ["tower-2.test:9911", 1]
        ]
      )
      assert.deepStrictEqual(towers.violations(), [])
    }).pipe(Effect.provide(ScriptedWatchtower.layer({ towers: [TowerScript.silentAt("reply"), TowerScript.ok] })))
  )

  it.effect("asks a behaviour at each dial, and has the reply codes by their names", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(negotiate)
      assert.strictEqual(error._tag, "FailedNegotiation")
      assert.match(error.message, /code 40/)
      const session = yield* negotiate
      assert.strictEqual(session.towerPublicKey, ScriptedWatchtower.uriOf(1).publicKey)
    }).pipe(
      Effect.provide(
        ScriptedWatchtower.layer({
          towers: [({ number }) => (number === 1 ? TowerScript.replies(Code.temporaryFailure) : TowerScript.ok)]
        })
      )
    )
  )

  it.effect("takes the negotiator's options, and a tower that is added later", () =>
    Effect.gen(function* () {
      const candidates = yield* TowerCandidates.TowerCandidates
      const { address, publicKey } = ScriptedWatchtower.uriOf(7)
      yield* candidates.add(publicKey, address)
      const session = yield* nextSession
      assert.deepStrictEqual(
        [session.towerPublicKey, session.keyIndex, session.policy.sweepFeeRate],
        [publicKey, 21, Chain.decredSimnet.defaultFeeRate]
      )
    }).pipe(
      Effect.provide(
        ScriptedWatchtower.layer({ chain: Chain.decredSimnet, towers: [], firstKeyIndex: KeyIndex.make(21) })
      )
    )
  )

  it("is a world of its own each time it is built, under VirtualTime too", () => {
    const layer = ScriptedWatchtower.layer()
    const program = Effect.gen(function* () {
      yield* nextSession
      return (yield* ScriptedWatchtower.Towers).count()
    })
    const twice = VirtualTime.run(Effect.all([Effect.provide(program, layer), Effect.provide(program, layer)]))
    assert.deepStrictEqual(Effect.runSync(twice), [1, 1])
  })

  it("takes no policy of the other chain", () => {
    const policy = Policy.defaults(Chain.decredSimnet)
    // @ts-expect-error the fee rate of a Decred policy is in atoms/kB
    assert.isDefined(ScriptedWatchtower.layer({ chain: Chain.bitcoinRegtest, policy }))
  })

  it("makes sessions that differ where the test says so", () => {
    const other = ScriptedWatchtower.session({ keyIndex: KeyIndex.make(2), seqNum: 3 })
    assert.deepStrictEqual([other.keyIndex, other.seqNum], [2, 3])
    assert.notStrictEqual(other.id, ScriptedWatchtower.session().id)
  })
})

import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Layer, TestClock } from "effect"
import {
  Chain,
  ClientDb,
  DbError,
  Policy,
  RoundRobinTowerCandidates,
  SessionNegotiator,
  TowerCandidates
} from "effect-watchtower"
import {
  FixedKeyRing,
  MemoryClientDb,
  ScriptedTowerTransport,
  ScriptedWatchtower,
  TowerScript
} from "effect-watchtower/testing"

const chain = Chain.bitcoinRegtest

// `ScriptedWatchtower.layer` has a database of its own. To give it another one, the parts are put together as an application does.
const watchtower = (database: Layer.Layer<ClientDb.ClientDb>, towers: ScriptedTowerTransport.ScriptedTowerTransport) =>
  SessionNegotiator.layer({ chain, policy: Policy.defaults(chain) }).pipe(
    Layer.provideMerge(RoundRobinTowerCandidates.layer()),
    Layer.provideMerge(Layer.mergeAll(database, towers.layer, FixedKeyRing.layer))
  )

it.effect("waits while the database is down, blames no tower, and goes on when it is back", () =>
  Effect.gen(function* () {
    let isDown = false
    const towers = ScriptedTowerTransport.make(() => TowerScript.ok)
    const memory = yield* MemoryClientDb.make()
    const database = Layer.succeed(ClientDb.ClientDb, {
      ...memory,
      nextSessionKeyIndex: (...request) =>
        isDown
          ? new DbError.DatabaseUnavailable({
              operation: "reserve",
              reason: "NoServer",
              detail: "no server answers there"
            })
          : memory.nextSessionKeyIndex(...request)
    })

    yield* Effect.gen(function* () {
      const negotiator = yield* SessionNegotiator.SessionNegotiator
      const candidates = yield* TowerCandidates.TowerCandidates
      for (const { address, publicKey } of [1, 2, 3].map(ScriptedWatchtower.uriOf)) {
        yield* candidates.add(publicKey, address)
      }

      isDown = true
      const session = yield* Effect.fork(negotiator.nextSession)
      yield* TestClock.adjust("1 second")
      const { state } = yield* negotiator.status
      if (state._tag !== "BackingOff") return assert.fail(state._tag)
      // The second failure of our own ends the round: the third tower would fare no better.
      assert.deepStrictEqual(
        state.failures.map(({ failure }) => failure._tag),
        ["DatabaseUnavailable", "DatabaseUnavailable"]
      )
      // No key was reserved, so no tower was called.
      assert.strictEqual(towers.count(), 0)

      isDown = false
      yield* TestClock.adjust("9 seconds")
      const { id } = yield* Fiber.join(session)
      const stored = yield* memory.listClientSessions()
      assert.deepStrictEqual(
        stored.map((one) => one.id),
        [id]
      )
    }).pipe(Effect.provide(watchtower(database, towers)))
  })
)

/** Databases that go away and come back, under a negotiator that is at work. */
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Stream } from "effect"
import { SessionNegotiator } from "../../../src/services/SessionNegotiator.js"
import * as Postgres from "../../layers/sql/postgres.js"
import { address, identity, policy, publicKey, session, update } from "../../services/ClientDb/samples.js"
import { negotiating, noWitness, openDb, type Witness } from "./support/negotiating.js"
import * as World from "./support/world.js"

const server = await Postgres.start()

afterAll(() => server?.stop())

const noClients = ""

/** How to take a database away and bring it back; `patience` is the storeTimeout, in ms, with which to meet that. */
interface Outage {
  readonly patience: number
  readonly off: Effect.Effect<void>
  readonly on: Effect.Effect<void>
}

/** Takes sessions before, and after the database was away for as long as a whole round noticed. */
const goesOn = (place: World.Place, outage: Outage) =>
  Effect.gen(function* () {
    const world = yield* World.make(noClients, place)
    const plan = { where: world.where, towers: world.uris, storeTimeoutMs: outage.patience }
    const negotiator = Context.get(yield* negotiating(plan), SessionNegotiator)
    const first = yield* negotiator.nextSession
    yield* outage.off
    const failing = yield* Effect.fork(
      Stream.runHead(
        Stream.filter(Stream.unwrapScoped(negotiator.statusChanges), ({ state }) => state._tag === "BackingOff")
      )
    )
    const second = yield* Effect.fork(negotiator.nextSession)
    assert.isTrue((yield* Fiber.join(failing))._tag === "Some")
    yield* outage.on
    const { id } = yield* Fiber.join(second)
    assert.notStrictEqual(id, first.id)
    const third = yield* negotiator.nextSession
    const { stored } = yield* world.agree()
    assert.strictEqual(stored, 3)
    assert.deepStrictEqual(
      (yield* world.db.listClientSessions()).map((one) => one.id).sort(),
      [first.id, id, third.id].sort()
    )
  })

describe("a negotiator goes on when its database is back", () => {
  it.scopedLive(
    "SQLite, locked by another process",
    () =>
      Effect.gen(function* () {
        const place = yield* World.sqlite
        yield* goesOn(place, {
          patience: 300,
          off: Effect.orDie(Effect.asVoid(place.look`BEGIN IMMEDIATE`)),
          on: Effect.orDie(Effect.asVoid(place.look`COMMIT`))
        })
      }),
    60_000
  )

  it.scopedLive.skipIf(server?.power === undefined)(
    "Postgres, that was stopped and started",
    () =>
      Effect.gen(function* () {
        const { power, url } = server ?? {}
        if (power === undefined || url === undefined) return
        yield* goesOn(yield* World.postgres(url), {
          patience: 2000,
          off: Effect.promise(power.off),
          on: Effect.promise(power.on)
        })
      }),
    120_000
  )
})

describe.skipIf(server?.power === undefined)("Postgres, restarted in the middle of a transaction", () => {
  const restarted = (breakpoint: "in the transaction" | "at COMMIT") =>
    Effect.gen(function* () {
      const { power, url } = server ?? {}
      if (power === undefined || url === undefined) return
      const where = yield* Postgres.newSchema(url)
      let restarts = 0
      const witness: Witness = {
        ...noWitness,
        reach: (at) =>
          at !== breakpoint || restarts++ > 0 ? Effect.void : Effect.promise(() => power.off().then(() => power.on()))
      }
      const db = yield* openDb({ where, storeTimeoutMs: 60_000 }, witness)
      yield* db.bindIdentity(identity)
      const tower = yield* db.createTower(publicKey(1), address(1))
      const held = yield* db.nextSessionKeyIndex(tower.id, policy.blobType, "clear")
      yield* db.createClientSession(session(tower, held), held, update(tower, { sessions: 1 }))
      assert.isAbove(restarts, 0)
      assert.deepStrictEqual(yield* db.listClientSessions(), [session(tower, held)])
      const next = yield* db.nextSessionKeyIndex(tower.id, policy.blobType, "clear")
      assert.strictEqual(next.keyIndex, held.keyIndex + 1)
    })

  it.scopedLive("before COMMIT: the session is stored, once", () => restarted("in the transaction"), 120_000)
  it.scopedLive("while COMMIT is on its way: the session is stored, once", () => restarted("at COMMIT"), 120_000)
})

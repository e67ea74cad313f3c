/** Several processes of one identity on one database, and processes that are stopped in the middle. */
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { LeaseToken, TowerId } from "../../../src/schema/Ids.js"
import type { ClientDb } from "../../../src/services/ClientDb.js"
import * as Postgres from "../../layers/sql/postgres.js"
import { openDb, policy } from "./support/negotiating.js"
import { bundle } from "./support/process.js"
import * as World from "./support/world.js"

const server = await Postgres.start()

const client = await bundle()

afterAll(async () => {
  client.remove()
  await server?.stop()
})

/** `npm run kills` has all eight processes take 504 sessions. */
const [processes, sessionsEach] = process.env.KILLS === undefined ? [3, 6] : [8, 63]

const suite = (engine: World.Engine, place: Effect.Effect<World.Place, never, Scope.Scope>, skip: boolean) => {
  const test = (title: string, body: (world: World.World) => Effect.Effect<void, unknown, Scope.Scope>) =>
    it.scopedLive.skipIf(skip)(
      title,
      () => Effect.flatMap(place, (made) => Effect.flatMap(World.make(client.file, made), body)),
      process.env.KILLS === undefined ? 120_000 : 600_000
    )

  /** Enough to connect to a server on a busy machine; a file needs no connection. */
  const patience = engine === "SQLite" ? 400 : 4000

  describe(engine, () => {
    test("several processes take sessions at the same time: none twice, and no failure of the database is seen", (world) =>
      Effect.gen(function* () {
        const clients = yield* Effect.forEach(
          Array.from({ length: processes }),
          () => Effect.tap(world.run({ sessions: sessionsEach, waits: true }), (client) => client.waitsFor("ready")),
          { concurrency: "unbounded" }
        )
        yield* Effect.forEach(clients, (client) => client.tell())
        const ends = yield* Effect.forEach(clients, (client) => client.end, { concurrency: "unbounded" })
        for (const [n, client] of clients.entries()) {
          assert.strictEqual(ends[n], 0, client.complaints())
          assert.deepStrictEqual(
            client.said.filter(({ word }) => word === "error"),
            []
          )
        }
        const { delivered, stored } = yield* world.agree(...clients)
        const all = processes * sessionsEach
        assert.deepStrictEqual({ delivered, stored }, { delivered: all, stored: all })
      }))

    /** The reservation that a stopped process holds: no other is held. */
    const heldIn = ({ look }: World.World) =>
      Effect.map(
        look<{ readonly tower: number; readonly index: number; readonly lease: string }>`
          SELECT tower, key_index AS "index", lease FROM wt_reservation WHERE for_ms > 0`,
        ([row]) => {
          assert.isDefined(row)
          return {
            tower: TowerId.make(row?.tower ?? 0),
            index: row?.index ?? 0,
            lease: LeaseToken.make(row?.lease ?? "")
          }
        }
      )

    test("a process that stops inside a transaction makes the others busy, and nothing is stored", (world) =>
      Effect.gen(function* () {
        const hasty = yield* openDb({ where: world.where, storeTimeoutMs: patience })
        const client = yield* world.run({
          sessions: 2,
          storeTimeoutMs: 60_000,
          at: { breakpoint: "in the transaction", does: { stop: "clock stands" } }
        })
        yield* client.waitsFor("stops")
        // The stopped process holds the counter: it reserves its next index.
        const skip = (db: ClientDb.Service) => db.skipSessionKeys(1)
        const before = yield* counter(world)
        assert.strictEqual((yield* Effect.flip(skip(hasty)))._tag, "DatabaseBusy")
        assert.strictEqual(yield* counter(world), before)
        assert.deepStrictEqual(yield* hasty.listClientSessions(), [])
        yield* client.resume
        assert.strictEqual(yield* client.end, 0, client.complaints())
        assert.isAbove(yield* skip(hasty), before)
        const { delivered } = yield* world.agree(client)
        assert.strictEqual(delivered, 2)
      }))

    test("a process that was paused until its reservation was taken over shows no key", (world) =>
      Effect.gen(function* () {
        const client = yield* world.run({
          sessions: 2,
          at: { breakpoint: "reserve", does: { stop: "lease runs out" } }
        })
        yield* client.waitsFor("stops")
        const { index, tower } = yield* heldIn(world)
        const taken = yield* world.later(world.db.nextSessionKeyIndex(tower, policy.blobType, "clear"))
        assert.strictEqual(taken.keyIndex, index)
        yield* client.resume
        assert.strictEqual(yield* client.end, 0, client.complaints())
        yield* world.agree(client)
        const key = yield* world.keyOf(taken.keyIndex)
        assert.notInclude(
          client.said.filter(({ word }) => word === "shown").map(({ about }) => about[1]),
          key
        )
      }))

    test("a process that was paused until its reservation was taken over cannot store", (world) =>
      Effect.gen(function* () {
        const client = yield* world.run({ sessions: 2, at: { breakpoint: "reply", does: { stop: "lease runs out" } } })
        yield* client.waitsFor("stops")
        const { index, lease, tower } = yield* heldIn(world)
        const taken = yield* world.later(world.db.nextSessionKeyIndex(tower, policy.blobType, "clear"))
        assert.strictEqual(taken.keyIndex, index)
        assert.notStrictEqual(taken.lease, lease)
        yield* client.resume
        assert.strictEqual(yield* client.end, 0, client.complaints())
        // The tower holds a session that is not stored: its key is still reserved, for the process that took it over.
        assert.strictEqual((yield* world.agree(client)).towerOnly, 1)
        assert.deepInclude(client.said, { word: "error", about: ["ReservationLost"] })
        yield* world.settle
      }))

    test("a process that was only slow stores", (world) =>
      Effect.gen(function* () {
        const client = yield* world.run({ sessions: 1, at: { breakpoint: "reply", does: { stop: "lease runs out" } } })
        yield* client.waitsFor("stops")
        const { index } = yield* heldIn(world)
        yield* world.later(Effect.void)
        yield* client.resume
        assert.strictEqual(yield* client.end, 0, client.complaints())
        yield* world.agree(client)
        const [session] = yield* world.db.listClientSessions()
        assert.strictEqual(session?.keyIndex, index)
      }))
  })
}

const counter = ({ look }: World.World) =>
  Effect.map(look<{ readonly next: number | string }>`SELECT next_index AS next FROM wt_identity`, ([row]) =>
    Number(row?.next)
  )

suite("SQLite", World.sqlite, false)
suite("Postgres", World.postgres(server?.url ?? ""), server === undefined)

/** What the network can do to a COMMIT and to its answer. */
import { SqlClient } from "@effect/sql"
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import * as PostgresClientDb from "../../src/layers/PostgresClientDb.js"
import * as SqlClientDb from "../../src/layers/SqlClientDb.js"
import type { Tower } from "../../src/schema/Tower.js"
import type { ClientDb } from "../../src/services/ClientDb.js"
import { address, identity, policy, publicKey, session, update } from "../services/ClientDb/samples.js"
import * as Postgres from "./sql/postgres.js"
import * as Proxy from "./sql/postgresProxy.js"
import { around } from "./sql/recording.js"

const server = await Postgres.start()
const newSchema = Postgres.newSchema(server?.url ?? "postgresql://127.0.0.1:1/none")

const connect = Postgres.connect

afterAll(() => server?.stop())

const type = policy.blobType

const bind = (db: ClientDb.Service) =>
  Effect.andThen(db.bindIdentity(identity), db.createTower(publicKey(1), address(1)))

describe.skipIf(server === undefined)("an operation of PostgresClientDb", () => {
  describe.concurrent("is done once, whatever its COMMIT meets:", () => {
    const faults: ReadonlyArray<ReadonlyArray<Proxy.Fault>> = [
      ["answer lost"],
      ["commit lost"],
      ["reset"],
      ["late"],
      ["reset", "late", "reset"]
    ]
    const bodies: ReadonlyArray<
      readonly [string, (db: ClientDb.Service, tower: Tower, fail: Effect.Effect<void>) => Effect.Effect<void, unknown>]
    > = [
      [
        "a tower is added",
        (db, _, fail) =>
          Effect.gen(function* () {
            yield* fail
            assert.strictEqual((yield* db.createTower(publicKey(2), address(2))).additions, 1)
          })
      ],
      [
        "a tower is added again",
        (db, tower, fail) =>
          Effect.gen(function* () {
            yield* fail
            assert.strictEqual((yield* db.createTower(tower.publicKey, address(2))).additions, 2)
            assert.strictEqual((yield* db.createTower(tower.publicKey, address(2))).additions, 3)
          })
      ],
      [
        "a held index gives way",
        (db, tower, fail) =>
          Effect.gen(function* () {
            const held = yield* db.nextSessionKeyIndex(tower.id, type, "clear")
            yield* fail
            const next = yield* db.nextSessionKeyIndex(tower.id, type, "clear", { forceNext: held })
            assert.strictEqual(next.keyIndex, 101)
            yield* db.createClientSession(session(tower, next), next, update(tower))
            const lost = yield* Effect.flip(db.nextSessionKeyIndex(tower.id, type, "clear", { forceNext: held }))
            assert.strictEqual(lost._tag, "ReservationLost")
          })
      ],
      [
        "indexes are skipped",
        (db, tower, fail) =>
          Effect.gen(function* () {
            yield* fail
            assert.strictEqual(yield* db.skipSessionKeys(1000), 1100)
            assert.strictEqual((yield* db.nextSessionKeyIndex(tower.id, type, "clear")).keyIndex, 1100)
          })
      ]
    ]
    for (const [title, body] of bodies) {
      for (const some of faults) {
        it.scopedLive(`${title} (${some.join(", ")})`, () =>
          Effect.gen(function* () {
            const proxy = yield* Proxy.make(yield* newSchema)
            const db = yield* PostgresClientDb.make({ url: Redacted.make(proxy.url), storeTimeout: "10 seconds" })
            const tower = yield* bind(db)
            yield* body(db, tower, proxy.inject(...some))
          })
        )
      }
    }
  })

  it.scopedLive("an index that was taken is known by its token when the answer to COMMIT was lost", () =>
    Effect.gen(function* () {
      const proxy = yield* Proxy.make(yield* newSchema)
      const db = yield* PostgresClientDb.make({ url: Redacted.make(proxy.url) })
      const tower = yield* bind(db)
      const take = db.nextSessionKeyIndex(tower.id, type, "clear")
      for (const held of yield* Effect.all([take, take])) {
        yield* db.freeSessionKeyIndex(held, { outcome: { _tag: "free", restMs: 0 }, update: update(tower) })
      }
      yield* proxy.inject("answer lost")
      // The second try finds the index that the first one took, and another that is free.
      const first = yield* take
      assert.deepStrictEqual([first.keyIndex, (yield* take).keyIndex].map(Number), [100, 101])
      yield* db.createClientSession(session(tower, first), first, update(tower))
    })
  )

  describe.concurrent("a session whose COMMIT met", () => {
    const stored = (...faults: ReadonlyArray<Proxy.Fault>) =>
      Effect.gen(function* () {
        const proxy = yield* Proxy.make(yield* newSchema)
        // Two lost answers take six tenths of it.
        const db = yield* PostgresClientDb.make({ url: Redacted.make(proxy.url), storeTimeout: "10 seconds" })
        const tower = yield* bind(db)
        const held = yield* db.nextSessionKeyIndex(tower.id, type, "clear")
        yield* proxy.inject(...faults)
        yield* db.createClientSession(session(tower, held), held, update(tower, { sessions: 1 }))
        assert.deepStrictEqual(yield* db.listClientSessions(), [session(tower, held)])
        assert.strictEqual((yield* db.loadStandings(type, update(tower).policyKey)).get(tower.id)?.sessions, 1)
        // Exactly one next index was reserved, and the stored one is gone.
        const next = yield* db.nextSessionKeyIndex(tower.id, type, "clear")
        assert.strictEqual(next.keyIndex, held.keyIndex + 1)
        assert.strictEqual((yield* db.nextSessionKeyIndex(tower.id, type, "clear")).keyIndex, held.keyIndex + 2)
      })

    const cases: ReadonlyArray<readonly [title: string, faults: ReadonlyArray<Proxy.Fault>]> = [
      ["a lost answer", ["answer lost"]],
      ["a lost request", ["commit lost"]],
      ["a reset", ["reset"]],
      ["a delay beyond the connection", ["late"]],
      ["a reset, and so did the question", ["reset", "reset"]],
      ["a lost answer, and the question another", ["answer lost", "answer lost"]],
      ["a reset, and the question a lost answer", ["reset", "answer lost"]],
      ["a reset, and the question two delays", ["reset", "late", "late"]],
      ["a reset, and its second COMMIT a lost answer", ["reset", "none", "answer lost"]],
      ["a reset, and its second and third COMMIT a reset", ["reset", "none", "reset", "none", "reset"]]
    ]
    for (const [title, faults] of cases) it.scopedLive(`${title} is stored once`, () => stored(...faults))

    it.scopedLive("faults without end is unknown", () =>
      Effect.gen(function* () {
        const proxy = yield* Proxy.make(yield* newSchema)
        const db = yield* PostgresClientDb.make({ url: Redacted.make(proxy.url), storeTimeout: "2 seconds" })
        const tower = yield* bind(db)
        const held = yield* db.nextSessionKeyIndex(tower.id, type, "clear")
        yield* proxy.inject("answer lost", ...Array.from({ length: 100 }, () => "reset" as const))
        const error = yield* Effect.flip(db.createClientSession(session(tower, held), held, update(tower)))
        assert.strictEqual(error._tag, "StoreOutcomeUnknown")
        assert.deepStrictEqual(yield* db.listClientSessions(), [session(tower, held)])
      })
    )

    it.scopedLive("a reset is lost when another client took the key over before the row was asked about", () =>
      Effect.gen(function* () {
        const to = yield* newSchema
        const sql = yield* connect(to)
        const proxy = yield* Proxy.make(to)
        const client = around(yield* connect(proxy.url), (text, statement) =>
          /UPDATE wt_reservation SET lease = \S+\s+WHERE/.test(text)
            ? Effect.zipRight(Effect.orDie(sql`UPDATE wt_reservation SET lease = 'another'`), statement)
            : statement
        )
        const db = yield* Effect.provideService(SqlClientDb.make(), SqlClient.SqlClient, client)
        const tower = yield* bind(db)
        const held = yield* db.nextSessionKeyIndex(tower.id, type, "clear")
        yield* proxy.inject("reset")
        const error = yield* Effect.flip(db.createClientSession(session(tower, held), held, update(tower)))
        assert.strictEqual(error._tag, "ReservationLost")
        assert.deepStrictEqual(yield* db.listClientSessions(), [])
      })
    )

    it.scopedLive("a reset is lost when another process has taken the key over", () =>
      Effect.gen(function* () {
        const to = yield* newSchema
        const proxy = yield* Proxy.make(to)
        const db = yield* PostgresClientDb.make({ url: Redacted.make(proxy.url) })
        const tower = yield* bind(db)
        const held = yield* db.nextSessionKeyIndex(tower.id, type, "clear")
        const sql = yield* connect(to)
        // The first thing to change the row after the reset is another process.
        yield* Effect.orDie(
          sql.unsafe(`
            CREATE FUNCTION steal() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
              NEW.lease = 'another process'; RETURN NEW;
            END $$;
            CREATE TRIGGER steal BEFORE UPDATE ON wt_reservation FOR EACH ROW EXECUTE FUNCTION steal();`)
        )
        yield* proxy.inject("reset")
        const error = yield* Effect.flip(db.createClientSession(session(tower, held), held, update(tower)))
        assert.strictEqual(error._tag, "ReservationLost")
        assert.deepStrictEqual(yield* db.listClientSessions(), [])
      })
    )
  })
})

import * as Reactivity from "@effect/experimental/Reactivity"
import { SqliteClient } from "@effect/sql-sqlite-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Option, TestClock } from "effect"
import * as SqliteClientDb from "../../src/layers/SqliteClientDb.js"
import type { Tower } from "../../src/schema/Tower.js"
import type { ClientDb } from "../../src/services/ClientDb.js"
import {
  address,
  identity,
  policy,
  policyKey,
  publicKey,
  session,
  start,
  update
} from "../services/ClientDb/samples.js"
import { around, recording } from "./sql/recording.js"
import { bind, newFile, openBoth, other, patiently, withClient } from "./sql/sqliteFile.js"

describe("SqliteClientDb", () => {
  describe("an operation fails with a typed error", () => {
    it.scoped("while another process holds the lock, and succeeds afterwards", () =>
      Effect.gen(function* () {
        const filename = yield* newFile
        const db = yield* SqliteClientDb.make({ filename })
        const tower = yield* bind(db)
        const held = yield* db.nextSessionKeyIndex(tower.id, policy.blobType, "clear")
        const connection = yield* other(filename)
        yield* connection.unsafe("BEGIN IMMEDIATE")
        const store = db.createClientSession(session(tower, held), held, update(tower))
        const error = yield* Effect.flip(patiently(store))
        assert.strictEqual(error._tag, "DatabaseBusy")
        assert.deepStrictEqual(yield* db.listClientSessions(), [])
        yield* connection.unsafe("ROLLBACK")
        yield* store
        assert.strictEqual((yield* db.listClientSessions()).length, 1)
      })
    )

    it.scoped("and is done when the lock is given back in time", () =>
      Effect.gen(function* () {
        const filename = yield* newFile
        const db = yield* SqliteClientDb.make({ filename })
        const tower = yield* bind(db)
        const connection = yield* other(filename)
        yield* connection.unsafe("BEGIN IMMEDIATE")
        const taking = yield* Effect.fork(db.nextSessionKeyIndex(tower.id, policy.blobType, "clear"))
        yield* TestClock.adjust("2 seconds")
        yield* connection.unsafe("COMMIT")
        yield* TestClock.adjust("1 second")
        assert.strictEqual((yield* Fiber.join(taking)).keyIndex, 100)
      })
    )

    it.scoped("when the waiting is interrupted, at once", () =>
      Effect.gen(function* () {
        const filename = yield* newFile
        const db = yield* SqliteClientDb.make({ filename })
        const tower = yield* bind(db)
        const connection = yield* other(filename)
        yield* connection.unsafe("BEGIN IMMEDIATE")
        const taking = yield* Effect.fork(db.nextSessionKeyIndex(tower.id, policy.blobType, "clear"))
        yield* TestClock.adjust("1 second")
        assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(taking)))
      })
    )

    const twoStanding = (db: ClientDb.Service) =>
      Effect.gen(function* () {
        const one = yield* bind(db)
        const two = yield* db.createTower(publicKey(2), address(2))
        yield* TestClock.setTime(start)
        for (const tower of [one, two]) yield* db.saveStanding(update(tower, { lastVisit: start }))
        // The clock is set back: both are to be written again.
        yield* TestClock.setTime(start - 60_000)
        return one
      })

    const operations: ReadonlyArray<
      readonly [string, (db: ClientDb.Service, tower: Tower) => Effect.Effect<unknown, unknown>]
    > = [
      ["nextSessionKeyIndex", (db, tower) => db.nextSessionKeyIndex(tower.id, policy.blobType, "clear")],
      ["loadStandings", (db) => db.loadStandings(policy.blobType, policyKey)],
      ["skipSessionKeys", (db) => db.skipSessionKeys(1)]
    ]
    for (const [name, operation] of operations) {
      it.scoped(
        `within storeTimeout, whatever it is made of, while each of its transactions has to wait: ${name}`,
        () =>
          Effect.gen(function* () {
            const filename = yield* newFile
            const connection = yield* other(filename)
            const lock = Effect.orDie(connection.unsafe("BEGIN IMMEDIATE"))
            let locks = false
            const client = around(yield* SqliteClientDb.client({ filename }), (text, statement) =>
              locks && text === "COMMIT" ? Effect.zipLeft(statement, lock) : statement
            )
            const db = yield* withClient(client)
            const tower = yield* twoStanding(db)
            locks = true
            yield* lock
            const fiber = yield* Effect.fork(operation(db, tower))
            yield* TestClock.adjust("4 seconds")
            yield* connection.unsafe("COMMIT")
            yield* TestClock.adjust("1 second")
            assert.isTrue(Option.isSome(yield* Fiber.poll(fiber)))
            yield* Fiber.interrupt(fiber)
          })
      )
    }

    it.scoped("never for the number of standings that are written back: they share their statements", () =>
      Effect.gen(function* () {
        const said: Array<string> = []
        const client = yield* SqliteClientDb.client({ filename: yield* newFile })
        const db = yield* withClient(
          recording(client, (text) => said.push(text.trim().split(/\s+/).slice(0, 3).join(" ")))
        )
        yield* twoStanding(db)
        said.length = 0
        const loaded = yield* db.loadStandings(policy.blobType, policyKey)
        assert.deepStrictEqual(
          said.filter((text) => !text.startsWith("PRAGMA")),
          ["SELECT s.tower AS", "BEGIN IMMEDIATE", "INSERT INTO wt_standing", "COMMIT"]
        )
        assert.deepStrictEqual(
          [...loaded.values()].map(({ lastVisit }) => lastVisit),
          [start - 60_000, start - 60_000]
        )
        said.length = 0
        assert.deepStrictEqual(yield* db.loadStandings(policy.blobType, policyKey), loaded)
        assert.deepStrictEqual(said, ["SELECT s.tower AS"])
      })
    )

    it.scoped("when the database is full, and nothing is stored", () =>
      Effect.gen(function* () {
        const { db, sql } = yield* openBoth(yield* newFile)
        const tower = yield* bind(db)
        const held = yield* db.nextSessionKeyIndex(tower.id, policy.blobType, "clear")
        yield* sql`PRAGMA max_page_count = 1`
        const full = yield* Effect.iterate(0, {
          while: (n) => n < 1000,
          body: (n) => Effect.as(db.createTower(publicKey(10 + n), address(n)), n + 1)
        }).pipe(Effect.flip)
        assert.strictEqual(full._tag, "DatabaseUnavailable")
        assert.match(full.message, /full/)
        yield* sql`PRAGMA max_page_count = 1000`
        yield* db.createClientSession(session(tower, held), held, update(tower))
        assert.strictEqual((yield* db.listClientSessions()).length, 1)
      })
    )

    it.scoped("when only reading is allowed", () =>
      Effect.gen(function* () {
        const { db, sql } = yield* openBoth(yield* newFile)
        const tower = yield* bind(db)
        yield* sql`PRAGMA query_only = ON`
        const error = yield* Effect.flip(db.nextSessionKeyIndex(tower.id, policy.blobType, "clear"))
        assert.strictEqual(error._tag, "DatabaseUnavailable")
        assert.match(error.message, /read-only/)
        assert.deepStrictEqual(yield* db.listTowers, [tower])
        yield* sql`PRAGMA query_only = OFF`
        yield* db.nextSessionKeyIndex(tower.id, policy.blobType, "clear")
      })
    )

    it.scoped("on a file that was opened read-only, which can be listed", () =>
      Effect.gen(function* () {
        const filename = yield* newFile
        const tower = yield* Effect.flatMap(SqliteClientDb.make({ filename }), bind)
        const sql = yield* SqliteClient.make({ filename, readonly: true, disableWAL: true }).pipe(
          Effect.provideServiceEffect(Reactivity.Reactivity, Reactivity.make)
        )
        const db = yield* withClient(sql)
        assert.deepStrictEqual(yield* db.listTowers, [tower])
        const error = yield* Effect.flip(db.createTower(publicKey(2), address(2)))
        assert.strictEqual(error._tag, "DatabaseUnavailable")
        assert.match(error.message, /read-only/)
      })
    )

    it.scoped("when a row is damaged", () =>
      Effect.gen(function* () {
        const { db, sql } = yield* openBoth(yield* newFile)
        const tower = yield* bind(db)
        const held = yield* db.nextSessionKeyIndex(tower.id, policy.blobType, "clear")
        yield* db.createClientSession(session(tower, held), held, update(tower))
        yield* sql`UPDATE wt_session SET sweep_fee_rate = '-5'`
        yield* sql`UPDATE wt_standing SET body = '{'`
        yield* sql`UPDATE wt_reservation SET way = 'pigeon'`
        yield* sql`UPDATE wt_address SET address = ''`
        yield* sql`UPDATE wt_identity SET public_key = 'x'`
        const errors = yield* Effect.all([
          Effect.flip(db.listClientSessions()),
          Effect.flip(db.loadStandings(policy.blobType, update(tower).policyKey)),
          Effect.flip(db.listTowers),
          Effect.flip(db.bindIdentity(identity))
        ])
        assert.deepStrictEqual(
          errors.map((error) => (error._tag === "CorruptRow" ? error.table : error._tag)),
          ["wt_session", "wt_standing", "wt_tower", "wt_identity"]
        )
      })
    )

    it.scoped("when the COMMIT is refused, and no connection stays inside its transaction", () =>
      Effect.gen(function* () {
        const { db, sql } = yield* openBoth(yield* newFile)
        const tower = yield* bind(db)
        yield* sql`CREATE TABLE later (tower INTEGER REFERENCES wt_tower (id) DEFERRABLE INITIALLY DEFERRED)`
        yield* sql`
          CREATE TRIGGER refuse AFTER INSERT ON wt_session BEGIN INSERT INTO later VALUES (987654); END`
        const held = yield* db.nextSessionKeyIndex(tower.id, policy.blobType, "clear")
        const store = db.createClientSession(session(tower, held), held, update(tower))
        const error = yield* Effect.flip(store)
        assert.strictEqual(error._tag, "DatabaseUnavailable")
        yield* sql`DROP TRIGGER refuse`
        yield* store
        assert.strictEqual((yield* db.listClientSessions()).length, 1)
      })
    )
  })

  it.scoped("skipping key indexes gives none again that another process took meanwhile", () =>
    Effect.gen(function* () {
      const filename = yield* newFile
      const elsewhere = yield* SqliteClientDb.make({ filename })
      const tower = yield* bind(elsewhere)
      const take = elsewhere.nextSessionKeyIndex(tower.id, policy.blobType, "clear")
      let isSkipping = false
      // Between the look at the counter and the transaction that moves it.
      const client = around(yield* SqliteClientDb.client({ filename }), (text, statement) => {
        if (!isSkipping || text !== "BEGIN IMMEDIATE") return statement
        isSkipping = false
        return Effect.zipRight(Effect.orDie(Effect.replicateEffect(take, 3)), statement)
      })
      const db = yield* withClient(client)
      isSkipping = true
      yield* db.skipSessionKeys(1)
      assert.strictEqual((yield* take).keyIndex, 103)
    })
  )
})

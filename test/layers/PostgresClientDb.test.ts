import { SqlClient } from "@effect/sql"
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Redacted, TestClock } from "effect"
import * as PostgresClientDb from "../../src/layers/PostgresClientDb.js"
import * as SqlClientDb from "../../src/layers/SqlClientDb.js"
import { version } from "../../src/layers/sql/migrations.js"
import type { ClientDb } from "../../src/services/ClientDb.js"
import { address, identity, policy, publicKey, session, update } from "../services/ClientDb/samples.js"
import { suite } from "../services/ClientDb/suite.js"
import * as check from "./sql/databaseCheck.suite.js"
import * as Emptied from "./sql/emptied.js"
import * as migrations from "./sql/migrations.suite.js"
import * as Postgres from "./sql/postgres.js"
import * as Proxy from "./sql/postgresProxy.js"
import { around, hiding, recording } from "./sql/recording.js"
import { restore } from "./sql/versions.js"

const server = await Postgres.start()
const url = server?.url ?? "postgresql://127.0.0.1:1/none"

const newSchema = Postgres.newSchema(url)
const connect = Postgres.connect

const shared = Emptied.make(Effect.map(newSchema, (to) => ({ to })))

afterAll(async () => {
  await shared.dispose()
  await server?.stop()
})

const type = policy.blobType

const bind = (db: ClientDb.Service) =>
  Effect.andThen(db.bindIdentity(identity), db.createTower(publicKey(1), address(1)))

describe.skipIf(server === undefined)("PostgresClientDb", () => {
  suite("the suite", shared.layer)

  const empty = Effect.flatMap(newSchema, connect)
  migrations.suite("postgres", empty)
  check.suite(empty, [
    // SQLite finds this as a damage of its file.
    [
      "a second identity",
      `ALTER TABLE wt_identity DROP CONSTRAINT wt_identity_id_check;
       INSERT INTO wt_identity SELECT 2, chain_hash, layout, public_key, next_index FROM wt_identity`,
      "wt_identity",
      /one row .* there are 2/
    ]
  ])

  describe("several processes", () => {
    it.scopedLive("migrate one after another", () =>
      Effect.gen(function* () {
        const to = Redacted.make(yield* newSchema)
        const handles = yield* Effect.all(
          Array.from({ length: 6 }, () => PostgresClientDb.make({ url: to, maxConnections: 2 })),
          { concurrency: "unbounded" }
        )
        yield* Effect.forEach(handles, bind, { concurrency: "unbounded" })
        for (const db of handles) assert.strictEqual((yield* db.listTowers).length, 1)
      })
    )

    it.scopedLive("never get the same key index", () =>
      Effect.gen(function* () {
        const to = Redacted.make(yield* newSchema)
        const handles = yield* Effect.all(
          Array.from({ length: 4 }, () => PostgresClientDb.make({ url: to, maxConnections: 4 }))
        )
        const [first] = handles
        if (first === undefined) return assert.fail()
        const tower = yield* bind(first)
        const take = (db: ClientDb.Service) => db.nextSessionKeyIndex(tower.id, type, "clear")
        const held = yield* Effect.all(Array.from({ length: 8 }, () => take(first)))
        yield* Effect.forEach(held, (mine) =>
          first.freeSessionKeyIndex(mine, { outcome: { _tag: "free", restMs: 0 }, update: update(tower) })
        )
        const taken = yield* Effect.forEach(
          handles.flatMap((db) => Array.from({ length: 6 }, () => db)),
          take,
          { concurrency: "unbounded" }
        )
        assert.strictEqual(new Set(taken.map(({ keyIndex }) => keyIndex)).size, 24)
        assert.isAtMost(Math.max(...taken.map(({ keyIndex }) => keyIndex)), 100 + 23 + 8)
      })
    )
  })

  describe("an operation", () => {
    it.scopedLive("fails with a typed error while another client holds the lock, and succeeds afterwards", () =>
      Effect.gen(function* () {
        const to = yield* newSchema
        const db = yield* PostgresClientDb.make({ url: Redacted.make(to), storeTimeout: "2 seconds" })
        const tower = yield* bind(db)
        const take = db.nextSessionKeyIndex(tower.id, type, "clear")
        const sql = yield* connect(to)
        const error = yield* Effect.orDie(
          sql.withTransaction(Effect.andThen(sql`SELECT 1 FROM wt_identity FOR UPDATE`, Effect.flip(take)))
        )
        assert.strictEqual(error._tag, "DatabaseBusy")
        assert.strictEqual((yield* take).keyIndex, 100)
      })
    )

    it.scopedLive("holds its locks for few round trips", () =>
      Effect.gen(function* () {
        const said: Array<string> = []
        const client = yield* PostgresClientDb.client({ url: Redacted.make(yield* newSchema) })
        const db = yield* SqlClientDb.make().pipe(
          Effect.provideService(
            SqlClient.SqlClient,
            recording(client, (text) => said.push(text.trim().split(/\s+/).slice(0, 3).join(" ")))
          )
        )
        const tower = yield* bind(db)
        const held = yield* db.nextSessionKeyIndex(tower.id, type, "clear")
        said.length = 0
        yield* db.createClientSession(session(tower, held), held, update(tower))
        assert.deepStrictEqual(said, [
          "BEGIN ISOLATION LEVEL",
          "DELETE FROM wt_reservation",
          "INSERT INTO wt_session",
          "INSERT INTO wt_standing",
          "DELETE FROM wt_quarantine",
          "SELECT 1 FROM",
          "UPDATE wt_identity SET",
          "INSERT INTO wt_reservation",
          "COMMIT"
        ])
        said.length = 0
        yield* db.nextSessionKeyIndex(tower.id, type, "clear")
        assert.deepStrictEqual(said, [
          "BEGIN ISOLATION LEVEL",
          "UPDATE wt_reservation SET",
          "UPDATE wt_reservation SET",
          "COMMIT"
        ])
      })
    )

    it.scoped("of a migration may take minutes, and blocks no other client for longer than a call may take", () =>
      Effect.gen(function* () {
        const sql = yield* connect(yield* newSchema)
        yield* restore(sql, "postgres", 1)
        const reached = yield* Deferred.make<void>()
        const goOn = yield* Deferred.make<void>()
        const settings: Array<unknown> = []
        const client = around(sql, (text, statement, connection) =>
          Effect.gen(function* () {
            if (text.startsWith("CREATE INDEX wt_session_created_at")) {
              for (const name of ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"])
                settings.push(...(yield* Effect.orDie(connection.execute(`SHOW ${name}`, [], undefined))))
              yield* Deferred.succeed(reached, undefined)
              yield* Deferred.await(goOn)
            }
            return yield* statement
          })
        )
        const opening = yield* Effect.fork(Effect.provideService(SqlClientDb.make(), SqlClient.SqlClient, client))
        yield* Deferred.await(reached)
        yield* TestClock.adjust("9 minutes")
        yield* Deferred.succeed(goOn, undefined)
        yield* Fiber.join(opening)
        assert.deepStrictEqual(settings, [
          { statement_timeout: "10min" },
          { lock_timeout: "1s" },
          { idle_in_transaction_session_timeout: "1s" }
        ])
      })
    )

    it.scopedLive("passes over what another transaction is taking", () =>
      Effect.gen(function* () {
        const to = yield* newSchema
        const db = yield* PostgresClientDb.make({ url: Redacted.make(to) })
        const tower = yield* bind(db)
        const take = db.nextSessionKeyIndex(tower.id, type, "clear")
        const held = yield* take
        yield* db.freeSessionKeyIndex(held, { outcome: { _tag: "free", restMs: 0 }, update: update(tower) })
        const sql = yield* connect(to)
        const other = yield* Effect.orDie(
          sql.withTransaction(Effect.andThen(sql`SELECT 1 FROM wt_reservation FOR UPDATE`, take))
        )
        assert.strictEqual(other.keyIndex, 101)
      })
    )

    it.scopedLive("that removes an address waits for another that does, so that the last one stays", () =>
      Effect.gen(function* () {
        const to = yield* newSchema
        const db = yield* PostgresClientDb.make({ url: Redacted.make(to), storeTimeout: "2 seconds" })
        yield* bind(db)
        yield* db.createTower(publicKey(1), address(2))
        const sql = yield* connect(to)
        const busy = yield* Effect.orDie(
          sql.withTransaction(
            sql`SELECT 1 FROM wt_tower FOR UPDATE`.pipe(
              Effect.andThen(sql`DELETE FROM wt_address WHERE address = ${address(2)}`),
              Effect.andThen(Effect.flip(db.removeTower(publicKey(1), address(1))))
            )
          )
        )
        assert.strictEqual(busy._tag, "DatabaseBusy")
        assert.strictEqual((yield* Effect.flip(db.removeTower(publicKey(1), address(1))))._tag, "LastTowerAddr")
      })
    )

    it.scopedLive("is on the server's disk when it answers, whatever the server's default is", () =>
      Effect.gen(function* () {
        const sql = yield* connect(yield* newSchema)
        const settings: Array<unknown> = []
        const client = around(sql, (text, statement, connection) =>
          text.startsWith("BEGIN")
            ? // What the administrator chose for the whole database would be in force like this.
              Effect.zipRight(
                Effect.orDie(connection.execute("SET synchronous_commit = off", [], undefined)),
                statement
              )
            : text === "COMMIT"
              ? Effect.zipRight(
                  Effect.map(Effect.orDie(connection.execute("SHOW synchronous_commit", [], undefined)), (rows) =>
                    settings.push(...rows)
                  ),
                  statement
                )
              : statement
        )
        const db = yield* Effect.provideService(SqlClientDb.make(), SqlClient.SqlClient, client)
        settings.length = 0
        const tower = yield* bind(db)
        yield* db.saveStanding(update(tower))
        assert.deepStrictEqual(
          settings,
          Array.from({ length: 3 }, () => ({ synchronous_commit: "on" }))
        )
      })
    )

    it.scopedLive("survives that its connections were ended", () =>
      Effect.gen(function* () {
        const to = yield* newSchema
        const db = yield* PostgresClientDb.make({ url: Redacted.make(to) })
        yield* bind(db)
        const sql = yield* connect(to)
        yield* Effect.orDie(sql`
          SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE application_name = 'effect-watchtower' AND pid <> pg_backend_pid()`)
        assert.strictEqual((yield* db.listTowers).length, 1)
      })
    )

    it.scopedLive("is tried again when its COMMIT meets a serialization failure", () =>
      Effect.gen(function* () {
        const to = yield* newSchema
        const db = yield* PostgresClientDb.make({ url: Redacted.make(to) })
        const tower = yield* bind(db)
        const held = yield* db.nextSessionKeyIndex(tower.id, type, "clear")
        const sql = yield* connect(to)
        // A sequence is not rolled back: it counts the attempts.
        yield* Effect.orDie(
          sql.unsafe(`
            CREATE SEQUENCE attempts;
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
              IF nextval('attempts') < 3 THEN RAISE EXCEPTION 'not now' USING ERRCODE = '40001'; END IF;
              RETURN NULL;
            END $$;
            CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON wt_session
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse();`)
        )
        yield* db.createClientSession(session(tower, held), held, update(tower))
        assert.strictEqual((yield* db.listClientSessions()).length, 1)
        assert.deepStrictEqual(yield* Effect.orDie(sql`SELECT last_value::int FROM attempts`), [{ last_value: 3 }])
      })
    )

    it.scopedLive("is bounded when the network goes silent", () =>
      Effect.gen(function* () {
        const proxy = yield* Proxy.make(yield* newSchema)
        const db = yield* PostgresClientDb.make({ url: Redacted.make(proxy.url), storeTimeout: "2 seconds" })
        yield* bind(db)
        yield* proxy.silence
        const error = yield* Effect.flip(db.listTowers)
        assert.strictEqual(error._tag, "DatabaseUnavailable")
      })
    )
  })

  it.scopedLive("what can be done twice is done again when the answer to COMMIT was lost", () =>
    Effect.gen(function* () {
      const proxy = yield* Proxy.make(yield* newSchema)
      const db = yield* PostgresClientDb.make({ url: Redacted.make(proxy.url) })
      yield* db.bindIdentity(identity)
      yield* proxy.inject("answer lost")
      const tower = yield* db.createTower(publicKey(1), address(1))
      assert.deepStrictEqual(yield* db.listTowers, [tower])
      // The first try is lost, and its token with it: its index waits for its lease to run out.
      yield* proxy.inject("reset")
      const first = yield* db.nextSessionKeyIndex(tower.id, type, "clear")
      assert.strictEqual((yield* db.nextSessionKeyIndex(tower.id, type, "clear")).keyIndex, first.keyIndex + 1)
      yield* proxy.inject("reset", "reset")
      yield* db.freeSessionKeyIndex(first, { outcome: { _tag: "free", restMs: 0 }, update: update(tower) })
      assert.strictEqual((yield* db.nextSessionKeyIndex(tower.id, type, "clear")).keyIndex, first.keyIndex)
    })
  )

  describe("opening fails with a typed error", () => {
    it.scopedLive("for a client whose silent connections cannot be cut", () =>
      Effect.gen(function* () {
        const client = yield* connect(yield* newSchema)
        // As if the field had another name.
        const renamed = hiding(client, "pg")
        const make = (options?: SqlClientDb.Options) =>
          Effect.provideService(SqlClientDb.make(options), SqlClient.SqlClient, renamed)
        const error = yield* Effect.flip(make())
        assert.strictEqual(error._tag, "DatabaseUnavailable")
        assert.match(
          error.message,
          /socket .* @effect\/sql-pg \^0\.53\.0 with pg \^8, or give SqlClientDb the option cut/
        )
        yield* make({ cut: () => Effect.void })
      })
    )

    const refused = (change: (to: URL) => void) =>
      Effect.gen(function* () {
        const to = new URL(yield* newSchema)
        change(to)
        const error = yield* Effect.flip(PostgresClientDb.make({ url: Redacted.make(to.toString()) }))
        return { error, said: `${error.message} ${JSON.stringify(error)}` }
      })

    it.scopedLive("where no program listens, and without the password", () =>
      Effect.gen(function* () {
        const { error, said } = yield* refused((to) => {
          to.password = "a-secret-word"
          to.port = "1"
        })
        assert.strictEqual(error._tag, "DatabaseUnavailable")
        assert.notInclude(said, "a-secret-word")
      })
    )

    // A server of ours has no TLS; of another one we do not know.
    it.scopedLive.skipIf(server?.power === undefined)("for a server without the TLS that the address asks for", () =>
      Effect.gen(function* () {
        const { error } = yield* refused((to) => {
          to.searchParams.set("sslmode", "no-verify")
        })
        assert.strictEqual(error._tag, "DatabaseUnavailable")
        assert.match(error.message, /does not speak TLS.*sslmode=disable/)
      })
    )

    it.scopedLive("for a database that does not exist", () =>
      Effect.gen(function* () {
        const { error, said } = yield* refused((to) => {
          to.pathname = "/nowhere"
        })
        assert.strictEqual(error._tag, "DatabaseUnavailable")
        assert.match(said, /nowhere/)
      })
    )

    it.scopedLive("for a database of a newer version", () =>
      Effect.gen(function* () {
        const to = yield* newSchema
        yield* Effect.scoped(PostgresClientDb.make({ url: Redacted.make(to) }))
        const sql = yield* connect(to)
        yield* Effect.orDie(sql`INSERT INTO wt_version (version) VALUES (${version + 1})`)
        const error = yield* Effect.flip(PostgresClientDb.make({ url: Redacted.make(to) }))
        assert.deepInclude(error, { _tag: "DatabaseTooNew", found: version + 1, supported: version })
      })
    )
  })
})

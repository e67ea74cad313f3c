import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as Reactivity from "@effect/experimental/Reactivity"
import { SqlClient } from "@effect/sql"
import { SqliteClient } from "@effect/sql-sqlite-node"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Exit, Fiber, Option, TestClock } from "effect"
import * as SqlClientDb from "../../src/layers/SqlClientDb.js"
import * as SqliteClientDb from "../../src/layers/SqliteClientDb.js"
import { check as checkDatabase } from "../../src/layers/sql/databaseCheck.js"
import { version } from "../../src/layers/sql/migrations.js"
import { TowerId } from "../../src/schema/Ids.js"
import type { Tower } from "../../src/schema/Tower.js"
import { ClientDb } from "../../src/services/ClientDb.js"
import { address, identity, policy, policyKey, publicKey, session, start, update } from "./ClientDb.fixtures.js"
import * as check from "./sql/databaseCheck.suite.js"
import * as migrations from "./sql/migrations.suite.js"
import { around, recording } from "./sql/recording.js"
import { populate } from "./sql/sample.js"

const folder = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "client-db-"))),
  (made) => Effect.sync(() => fs.rmSync(made, { recursive: true }))
)

const newFile = Effect.map(folder, (made) => path.join(made, "client.db"))

const withClient = (sql: SqlClient.SqlClient) => Effect.provideService(SqlClientDb.make(), SqlClient.SqlClient, sql)

/** The adapter, and the connection that it uses. */
const openBoth = (filename: string) =>
  Effect.gen(function* () {
    const sql = yield* SqliteClientDb.client({ filename })
    return { sql, db: yield* withClient(sql) }
  })

/** Another connection to the file, as another process has it. */
const other = (filename: string) =>
  SqliteClient.make({ filename, disableWAL: true }).pipe(
    Effect.provideServiceEffect(Reactivity.Reactivity, Reactivity.make)
  )

const modeOf = (file: string) => fs.statSync(file).mode & 0o777

/** Ends in spite of the waits on the Clock. */
const patiently = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(effect)
    yield* TestClock.adjust("5 seconds")
    return yield* Fiber.join(fiber)
  })

const bind = (db: ClientDb.Service) =>
  Effect.andThen(db.bindIdentity(identity), db.createTower(publicKey(1), address(1)))

describe.skipIf(process.platform !== "linux")("a folder that cannot be made (Linux has one)", () => {
  it.scopedLive("is a failure, and does not hang", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(SqliteClientDb.make({ filename: "/proc/none/clients/client.db" }))
      assert.deepInclude(error, { _tag: "DatabaseUnavailable" })
      assert.match(error.message, /\/proc\/none/)
    })
  )
})

describe("SqliteClientDb", () => {
  describe("the file", () => {
    it.scoped("and its folder are for their owner only", () =>
      Effect.gen(function* () {
        const filename = path.join(yield* folder, "data", "mainnet", "client.db")
        const db = yield* SqliteClientDb.make({ filename })
        yield* bind(db)
        assert.strictEqual(modeOf(path.dirname(filename)), 0o700)
        assert.strictEqual(modeOf(path.dirname(path.dirname(filename))), 0o700)
        for (const file of [filename, `${filename}-wal`, `${filename}-shm`])
          assert.strictEqual(modeOf(file), 0o600, file)
      })
    )

    it.scoped("that others could read becomes its owner's", () =>
      Effect.gen(function* () {
        const filename = yield* newFile
        yield* Effect.scoped(SqliteClientDb.make({ filename }))
        fs.chmodSync(filename, 0o644)
        const db = yield* SqliteClientDb.make({ filename })
        yield* bind(db)
        for (const file of [filename, `${filename}-wal`, `${filename}-shm`])
          assert.strictEqual(modeOf(file), 0o600, file)
      })
    )

    it.scoped("is set up on every open", () =>
      Effect.gen(function* () {
        const filename = yield* newFile
        for (let opened = 0; opened < 2; opened++) {
          yield* Effect.scoped(
            Effect.gen(function* () {
              const { db, sql } = yield* openBoth(filename)
              const pragma = (name: string) =>
                Effect.map(sql<Record<string, unknown>>`PRAGMA ${sql.literal(name)}`, ([row]) =>
                  Object.values(row ?? {}).at(0)
                )
              const tower = yield* bind(db)
              // The last write bound a tower: it is synced, and so is a session with the next index; what is given back is not.
              assert.strictEqual(yield* pragma("synchronous"), 2)
              const held = yield* db.nextSessionKeyIndex(tower.id, policy.blobType, "clear")
              yield* db.freeSessionKeyIndex(held, { outcome: { _tag: "free", restMs: 0 }, update: update(tower) })
              assert.strictEqual(yield* pragma("synchronous"), 1)
              const again = yield* db.nextSessionKeyIndex(tower.id, policy.blobType, "clear")
              yield* db.createClientSession(session(tower, again), again, update(tower))
              assert.strictEqual(yield* pragma("synchronous"), 2)
              assert.strictEqual(yield* pragma("journal_mode"), "wal")
              assert.strictEqual(yield* pragma("foreign_keys"), 1)
              assert.isAtMost(Number(yield* pragma("busy_timeout")), 20)
            })
          )
        }
      })
    )

    it.scoped("is closed with the scope", () =>
      Effect.gen(function* () {
        const filename = yield* newFile
        yield* Effect.scoped(Effect.flatMap(SqliteClientDb.make({ filename }), bind))
        // The last connection that closes removes the log.
        assert.isFalse(fs.existsSync(`${filename}-wal`))
      })
    )

    it.scoped("serves two handles", () =>
      Effect.gen(function* () {
        const filename = yield* newFile
        const one = yield* SqliteClientDb.make({ filename })
        const two = yield* SqliteClientDb.make({ filename })
        const tower = yield* bind(one)
        const taken = yield* Effect.all(
          Array.from({ length: 20 }, (_, n) =>
            (n % 2 === 0 ? one : two).nextSessionKeyIndex(tower.id, policy.blobType, "clear")
          ),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(new Set(taken.map(({ keyIndex }) => keyIndex)).size, 20)
        const [held] = taken
        if (held === undefined) return assert.fail()
        yield* two.createClientSession(session(tower, held), held, update(tower))
        assert.deepStrictEqual(yield* one.listClientSessions(), [session(tower, held)])
      })
    )

    it.scoped("can be named by the configuration", () =>
      Effect.gen(function* () {
        const filename = yield* newFile
        const layer = SqliteClientDb.layerConfig()
        const towers = yield* ClientDb.pipe(
          Effect.flatMap((db) => db.listTowers),
          Effect.provide(layer),
          Effect.withConfigProvider(ConfigProvider.fromJson({ watchtower: { sqlite: { filename } } }))
        )
        assert.deepStrictEqual(towers, [])
        assert.isTrue(fs.existsSync(filename))
      })
    )
  })

  describe("opening fails with a typed error", () => {
    const refused = (filename: string) => Effect.flip(Effect.scoped(SqliteClientDb.make({ filename })))

    it.scoped("where no folder can be", () =>
      Effect.gen(function* () {
        const file = yield* newFile
        fs.writeFileSync(file, "")
        const error = yield* refused(path.join(file, "mainnet", "client.db"))
        assert.strictEqual(error._tag, "DatabaseUnavailable")
        assert.match(error.message, /a part of the path is not a folder \(/)
      })
    )

    it.scoped("for a folder", () =>
      Effect.gen(function* () {
        const error = yield* refused(yield* folder)
        assert.strictEqual(error._tag, "DatabaseUnavailable")
        assert.match(error.message, /cannot be opened/)
      })
    )

    it.scoped("for a file that is no database", () =>
      Effect.gen(function* () {
        const filename = yield* newFile
        fs.writeFileSync(filename, "this is not a database, it is a text ".repeat(200))
        const error = yield* refused(filename)
        assert.strictEqual(error._tag, "DatabaseUnavailable")
        assert.match(error.message, /not a database/)
      })
    )

    it.scoped("for a damaged file", () =>
      Effect.gen(function* () {
        const filename = yield* newFile
        yield* Effect.scoped(Effect.flatMap(SqliteClientDb.make({ filename }), bind))
        const bytes = fs.readFileSync(filename)
        fs.writeFileSync(filename, bytes.fill(0xa5, 100, 4096))
        const error = yield* refused(filename)
        assert.strictEqual(error._tag, "DatabaseUnavailable")
        assert.match(error.message, /damaged|not a database/)
      })
    )

    it.scoped("for a database of a newer version", () =>
      Effect.gen(function* () {
        const filename = yield* newFile
        yield* Effect.scoped(SqliteClientDb.make({ filename }))
        const connection = yield* other(filename)
        yield* connection.unsafe(`INSERT INTO wt_version (version) VALUES (${version + 1})`)
        const error = yield* refused(filename)
        assert.deepInclude(error, { _tag: "DatabaseTooNew", found: version + 1, supported: version })
      })
    )

    it.scoped("for one that somebody holds, after it has waited", () =>
      Effect.gen(function* () {
        const filename = yield* newFile
        const connection = yield* other(filename)
        yield* connection.unsafe("PRAGMA locking_mode = EXCLUSIVE")
        yield* connection.unsafe("BEGIN EXCLUSIVE")
        const error = yield* patiently(refused(filename))
        assert.strictEqual(error._tag, "DatabaseBusy")
      })
    )
  })

  describe("migrating", () => {
    it.scoped("waits for another that migrates", () =>
      Effect.gen(function* () {
        const filename = yield* newFile
        const connection = yield* other(filename)
        yield* connection.unsafe("PRAGMA journal_mode = WAL")
        yield* connection.unsafe("BEGIN IMMEDIATE")
        const opening = yield* Effect.fork(SqliteClientDb.make({ filename }))
        yield* TestClock.adjust("100 millis")
        assert.isNull(yield* Fiber.poll(opening).pipe(Effect.map((exit) => (exit._tag === "None" ? null : exit.value))))
        yield* connection.unsafe("COMMIT")
        yield* TestClock.adjust("1 second")
        yield* bind(yield* Fiber.join(opening))
      })
    )

    it.scoped("leaves nothing behind when it fails", () =>
      Effect.gen(function* () {
        const filename = yield* newFile
        const connection = yield* other(filename)
        // Somebody else's table under one of our names.
        yield* connection.unsafe("CREATE TABLE wt_standing (ours INTEGER)")
        const error = yield* Effect.flip(SqliteClientDb.make({ filename }))
        assert.strictEqual(error._tag, "DatabaseUnavailable")
        const tables = yield* connection`SELECT name FROM sqlite_master WHERE type = 'table'`
        assert.deepStrictEqual(tables, [{ name: "wt_standing" }])
      })
    )
  })

  const empty = Effect.orDie(SqliteClientDb.client({ filename: ":memory:" }))
  migrations.suite("sqlite", empty)
  check.suite(empty)

  it.scoped("a check finds a file that is not whole", () =>
    Effect.gen(function* () {
      const filename = yield* newFile
      const page = yield* Effect.scoped(
        Effect.gen(function* () {
          const { db, sql } = yield* openBoth(filename)
          yield* populate(db)
          const [row] = yield* sql<{ readonly page: number }>`
            SELECT rootpage AS page FROM sqlite_master WHERE name = 'wt_reservation_triple'`
          return row?.page ?? 0
        })
      )
      // The index says another way than its table.
      const bytes = fs.readFileSync(filename)
      bytes.write("cleat", bytes.indexOf("clear", (page - 1) * 4096))
      fs.writeFileSync(filename, bytes)
      const findings = yield* Effect.provideService(
        checkDatabase,
        SqlClient.SqlClient,
        yield* SqliteClientDb.client({ filename })
      )
      assert.isAbove(findings.length, 0)
      assert.deepStrictEqual([...new Set(findings.map(({ table }) => table))], ["the file"])
    })
  )

  describe("an operation fails with a typed error", () => {
    it.scoped("while somebody holds the lock, and succeeds afterwards", () =>
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
        // The clock is put back: both are to be written again.
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

  const lists: ReadonlyArray<readonly [what: string, filter: ClientDb.SessionFilter, index: RegExp]> = [
    ["all", {}, /s USING INTEGER PRIMARY KEY \(rowid>\?\)/],
    ["those of a tower", { towerId: TowerId.make(1) }, /s USING INDEX wt_session_tower \(tower=\? AND key_index>\?\)/],
    ["inactive ones", { status: "inactive" }, /s USING INDEX wt_session_status \(status=\? AND key_index>\?\)/],
    ["old ones", { createdBefore: 1 }, /wt_session USING INDEX wt_session_created_at \(created_at<\?\)/]
  ]
  for (const [what, filter, index] of lists) {
    it.scoped(`lists ${what} by an index`, () =>
      Effect.gen(function* () {
        const sql = yield* SqliteClientDb.client({ filename: ":memory:" })
        const said: Array<string> = []
        const db = yield* withClient(recording(sql, (text) => said.push(text)))
        yield* db.listClientSessions(filter)
        const text = said.at(-1) ?? ""
        const plan = yield* sql.unsafe<{ readonly detail: string }>(
          `EXPLAIN QUERY PLAN ${text}`,
          [...text.matchAll(/\?/g)].map(() => 1)
        )
        const steps = plan.map(({ detail }) => detail)
        assert.match(steps.join("; "), index)
        assert.notMatch(steps.join("; "), /SCAN (wt_session|t)\b/)
      })
    )
  }

  it.scoped("stores sessions with the next index reserved only when it is told to", () =>
    Effect.gen(function* () {
      const db = yield* SqliteClientDb.make({ filename: yield* newFile, reserveNext: false })
      const tower = yield* bind(db)
      const held = yield* db.nextSessionKeyIndex(tower.id, policy.blobType, "clear")
      yield* db.createClientSession(session(tower, held), held, update(tower))
      assert.strictEqual(yield* db.skipSessionKeys(1), 102)
    })
  )
})

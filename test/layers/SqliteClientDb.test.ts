import * as fs from "node:fs"
import * as path from "node:path"
import { SqlClient } from "@effect/sql"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Fiber, TestClock } from "effect"
import * as SqliteClientDb from "../../src/layers/SqliteClientDb.js"
import { check as checkDatabase } from "../../src/layers/sql/databaseCheck.js"
import { version } from "../../src/layers/sql/migrations.js"
import { TowerId } from "../../src/schema/Ids.js"
import { ClientDb } from "../../src/services/ClientDb.js"
import { policy, session, update } from "../services/ClientDb/samples.js"
import * as check from "./sql/databaseCheck.suite.js"
import * as migrations from "./sql/migrations.suite.js"
import { recording } from "./sql/recording.js"
import { populate } from "./sql/sample.js"
import { bind, folder, newFile, openBoth, other, patiently, withClient } from "./sql/sqliteFile.js"

const modeOf = (file: string) => fs.statSync(file).mode & 0o777

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

    it.scoped("for one that another process holds, after it has waited", () =>
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

    it.scoped("needs no lock where nothing is to be done", () =>
      Effect.gen(function* () {
        const filename = yield* newFile
        const tower = yield* Effect.scoped(Effect.flatMap(SqliteClientDb.make({ filename }), bind))
        yield* (yield* other(filename)).unsafe("BEGIN IMMEDIATE")
        const db = yield* patiently(SqliteClientDb.make({ filename }))
        assert.deepStrictEqual(yield* db.listTowers, [tower])
      })
    )

    it.scoped("leaves nothing behind when it fails", () =>
      Effect.gen(function* () {
        const filename = yield* newFile
        const connection = yield* other(filename)
        // Another application's table under one of our names.
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

  it.scoped("lists the old ones among very many", () =>
    Effect.gen(function* () {
      const { db, sql } = yield* openBoth(":memory:")
      const tower = yield* bind(db)
      const held = yield* db.nextSessionKeyIndex(tower.id, policy.blobType, "clear")
      yield* db.createClientSession(session(tower, held, { createdAt: 1 }), held, update(tower))
      // More of them, each a millisecond younger than the one before.
      yield* sql`
        WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 2000)
        INSERT INTO wt_session (
          key_index, id, tower, status, created_at, blob_type, max_updates, reward_base, reward_rate, sweep_fee_rate,
          reward_pk_script, seq_num, tower_last_applied
        )
        SELECT key_index + n, substr(id, 1, 58) || printf('%08x', key_index + n), tower, status, created_at + n, blob_type,
          max_updates, reward_base, reward_rate, sweep_fee_rate, reward_pk_script, seq_num, tower_last_applied
        FROM wt_session, n`
      for (const older of [10, 999, 1000, 1500]) {
        const found = yield* db.listClientSessions({ createdBefore: 1 + older, limit: 5000 })
        assert.deepStrictEqual(
          found.map(({ keyIndex }) => keyIndex - held.keyIndex),
          Array.from({ length: older }, (_, n) => n)
        )
      }
    })
  )

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

import * as Reactivity from "@effect/experimental/Reactivity"
import { SqlClient, SqlError, Statement } from "@effect/sql"
import { SqliteClient } from "@effect/sql-sqlite-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as SqlClientDb from "../../src/layers/SqlClientDb.js"
import { check } from "../../src/layers/sql/databaseCheck.js"
import { address, policy, publicKey, session, update } from "../services/ClientDb/samples.js"
import { around } from "./sql/recording.js"
import { bind, patiently, withClient } from "./sql/sqliteFile.js"

const dialects = ["mysql", "mssql", "clickhouse"] as const

/** A client of another database, and what was said to it. */
const clientOf = (dialect: (typeof dialects)[number], said: Array<string>) =>
  SqlClient.make({
    acquirer: Effect.suspend(() => {
      said.push("connect")
      return new SqlError.SqlError({ cause: "refused", message: "refused" })
    }),
    compiler: Statement.makeCompiler({
      dialect,
      placeholder: () => "?",
      onIdentifier: (name) => name,
      onRecordUpdate: () => ["", []],
      onCustom: () => ["", []]
    }),
    spanAttributes: []
  }).pipe(Effect.provideServiceEffect(Reactivity.Reactivity, Reactivity.make))

describe("SqlClientDb", () => {
  for (const dialect of dialects) {
    it.effect(`refuses a client of ${dialect}, to which nothing is said`, () =>
      Effect.gen(function* () {
        const said: Array<string> = []
        const client = yield* clientOf(dialect, said)
        const error = yield* Effect.flip(Effect.provideService(SqlClientDb.make(), SqlClient.SqlClient, client))
        assert.strictEqual(error._tag, "DatabaseUnavailable")
        assert.match(error.message, /neither SQLite nor Postgres: give it one of/)
        assert.deepStrictEqual(said, [])
      })
    )
  }

  const sqlite = (options: Omit<Parameters<typeof SqliteClient.make>[0], "filename"> = {}) =>
    SqliteClient.make({ filename: ":memory:", disableWAL: true, ...options }).pipe(
      Effect.provideServiceEffect(Reactivity.Reactivity, Reactivity.make)
    )

  it.scoped("keeps its own names through a client that changes those of the application", () =>
    Effect.gen(function* () {
      const client = yield* sqlite({
        transformQueryNames: (name) => `app_${name}`,
        transformResultNames: (name) => name.toUpperCase()
      })
      const db = yield* withClient(client)
      const tower = yield* bind(db)
      const held = yield* db.nextSessionKeyIndex(tower.id, policy.blobType, "clear")
      yield* db.createClientSession(session(tower, held), held, update(tower))
      assert.deepStrictEqual(yield* db.listClientSessions(), [session(tower, held)])
      assert.deepStrictEqual(yield* Effect.provideService(check, SqlClient.SqlClient, client), [])
    })
  )

  it.scoped("fails with a typed error where the client throws instead of making a connection", () =>
    Effect.gen(function* () {
      let isBroken = false
      const thrown = Object.assign(new Error("no such file"), { code: "ENOENT", path: "/tls/root.crt" })
      const client = yield* sqlite()
      const throwing: SqlClient.SqlClient = new Proxy(client, {
        get: (target, name) =>
          name === "withoutTransforms"
            ? () => throwing
            : name === "reserve"
              ? Effect.suspend(() => (isBroken ? Effect.die(thrown) : target.reserve))
              : Reflect.get(target, name, target)
      })
      const db = yield* withClient(throwing)
      isBroken = true
      const error = yield* patiently(Effect.flip(db.listTowers))
      assert.strictEqual(error._tag, "DatabaseUnavailable")
      assert.match(error.message, /\/tls\/root\.crt/)
    })
  )

  const later = ["SQLITE_BUSY", "SQLITE_FULL"] as const
  it.scoped.each(later)(
    "does not say that nothing was stored where a COMMIT was not answered, and then it is %s",
    (since) =>
      Effect.gen(function* () {
        const failed = (code: string) =>
          Effect.fail(new SqlError.SqlError({ cause: Object.assign(new Error(code), { code }), message: code }))
        let isLost = false
        let isBusy = false
        const failing = around(yield* sqlite(), (text, statement) => {
          if (isBusy && text.startsWith("BEGIN")) return failed(since)
          if (!isLost || text !== "COMMIT") return statement
          isBusy = true
          return Effect.zipRight(statement, failed("ECONNRESET"))
        })
        const db = yield* withClient(failing)
        yield* bind(db)
        isLost = true
        const error = yield* patiently(Effect.flip(db.createTower(publicKey(2), address(2))))
        assert.strictEqual(error._tag, "DatabaseUnavailable")
        assert.match(error.message, /it did not say whether this was stored\.$/)
        isBusy = false
        assert.strictEqual((yield* db.listTowers).length, 2)
      })
  )
})

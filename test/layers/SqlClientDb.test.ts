import * as Reactivity from "@effect/experimental/Reactivity"
import { SqlClient, SqlError, Statement } from "@effect/sql"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as SqlClientDb from "../../src/layers/SqlClientDb.js"

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
})

/**
 * Writes `versions/<engine>-<version>.sql`: the sample in a database of the version that this program writes. Run it
 * before a migration is added, so that the tests can come from there:
 *
 *   npx vite-node test/layers/sql/dump.ts
 */
import * as fs from "node:fs"
import { SqlClient } from "@effect/sql"
import { Effect } from "effect"
import * as SqlClientDb from "../../../src/layers/SqlClientDb.js"
import * as SqliteClientDb from "../../../src/layers/SqliteClientDb.js"
import { version } from "../../../src/layers/sql/migrations.js"
import * as Postgres from "./postgres.js"
import { recording } from "./recording.js"
import { populate } from "./sample.js"
import { tables } from "./tables.js"

const literal = (value: unknown): string => {
  if (value === null) return "NULL"
  return typeof value === "number" || typeof value === "bigint"
    ? String(value)
    : `'${String(value).replaceAll("'", "''")}'`
}

const dump = (sql: SqlClient.SqlClient) =>
  Effect.gen(function* () {
    const isPostgres = sql.onDialectOrElse({ pg: () => true, orElse: () => false })
    const said: Array<string> = []
    const db = yield* Effect.provideService(
      SqlClientDb.make(),
      SqlClient.SqlClient,
      recording(sql, (text) => said.push(text))
    )
    yield* populate(db)
    const lines = said.filter((text) => /^(CREATE|ALTER) /.test(text))
    for (const table of ["wt_version", ...tables, "wt_counter", "wt_client"]) {
      const rows = yield* sql<Record<string, unknown>>`SELECT * FROM ${sql(table)}`
      for (const row of rows) {
        const override = isPostgres && table === "wt_tower" ? " OVERRIDING SYSTEM VALUE" : ""
        const values = Object.values(row).map(literal).join(", ")
        lines.push(`INSERT INTO ${table} (${Object.keys(row).join(", ")})${override} VALUES (${values})`)
      }
    }
    if (isPostgres)
      lines.push("SELECT setval(pg_get_serial_sequence('wt_tower', 'id'), (SELECT max(id) FROM wt_tower))")
    return `${lines.join(";\n")};\n`
  })

const write = (engine: string, text: string) =>
  Effect.sync(() => fs.writeFileSync(new URL(`versions/${engine}-${version}.sql`, import.meta.url), text))

const server = await Postgres.start()
await Effect.runPromise(
  Effect.scoped(
    Effect.gen(function* () {
      const sqlite = yield* SqliteClientDb.client({ filename: ":memory:" })
      yield* Effect.flatMap(dump(sqlite), (text) => write("sqlite", text))
      if (server === undefined) return
      const postgres = yield* Effect.flatMap(Postgres.newSchema(server.url), Postgres.connect)
      yield* Effect.flatMap(dump(postgres), (text) => write("postgres", text))
    })
  )
)
await server?.stop()

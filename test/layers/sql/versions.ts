import * as fs from "node:fs"
import type { SqlClient } from "@effect/sql/SqlClient"
import { Effect } from "effect"
import { version } from "../../../src/layers/sql/migrations.js"

export type Engine = "sqlite" | "postgres"

/** The versions that an older program can have left behind; each has a file for each engine in `versions/`. */
export const older = Array.from({ length: version - 1 }, (_, n) => n + 1)

/** Makes an empty database one of a version, with the sample in it, as the program of that version did. */
export const restore = (sql: SqlClient, engine: Engine, of: number) =>
  Effect.forEach(
    fs
      .readFileSync(new URL(`versions/${engine}-${of}.sql`, import.meta.url), "utf8")
      .split(/;\n/)
      .filter((statement) => statement !== ""),
    (statement) => Effect.orDie(sql.unsafe(statement)),
    { discard: true }
  )

/** All tables, columns and indexes, in an order of their own. */
export const shapeOf = (sql: SqlClient) =>
  sql.onDialectOrElse({
    pg: () =>
      sql`
        SELECT table_name AS name, column_name || ' ' || data_type || ' ' || is_nullable || ' ' ||
          coalesce(column_default, '') AS text
        FROM information_schema.columns WHERE table_schema = current_schema()
        UNION ALL SELECT indexname, regexp_replace(indexdef, current_schema() || '.', '') FROM pg_indexes
        WHERE schemaname = current_schema()
        UNION ALL SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = current_schema()::regnamespace
        ORDER BY 1, 2`,
    orElse: () => sql`SELECT name, sql AS text FROM sqlite_master ORDER BY name`
  })

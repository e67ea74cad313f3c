import { SqlClient } from "@effect/sql"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as SqliteClientDb from "../../../src/layers/SqliteClientDb.js"
import { check } from "../../../src/layers/sql/databaseCheck.js"
import { newFile } from "../../layers/sql/sqliteFile.js"
import { agree, commands } from "./model.js"

it.scoped.prop(
  "memory and SQLite answer the same to anything, also over restarts, and the database is sound",
  [commands],
  ([some]) =>
    Effect.gen(function* () {
      const filename = yield* newFile
      yield* agree(some, SqliteClientDb.services({ filename }), () => Effect.void)
      const sql = yield* SqliteClientDb.client({ filename })
      assert.deepStrictEqual(yield* Effect.provideService(check, SqlClient.SqlClient, sql), [])
    }),
  { fastCheck: { numRuns: 20 } }
)

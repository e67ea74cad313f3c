import { SqlClient } from "@effect/sql"
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import * as SqlClientDb from "../../../src/layers/SqlClientDb.js"
import { check } from "../../../src/layers/sql/databaseCheck.js"
import { populate } from "./sample.js"

/** What somebody or something did to a database, and what must be found. */
const damages: ReadonlyArray<readonly [title: string, statement: string, table: string, detail: RegExp]> = [
  ["no identity", "DELETE FROM wt_identity", "wt_identity", /one row .* there are 0/],
  ["a counter set back", "UPDATE wt_identity SET next_index = 107", "wt_identity", /key index 107 was given out/],
  [
    "a key index reserved again",
    "UPDATE wt_reservation SET key_index = 101 WHERE key_index = 103",
    "wt_reservation",
    /key index 101 is reserved, and a session has it/
  ],
  ["a tower without an address", "DELETE FROM wt_address WHERE tower = 2", "wt_tower", /tower 2 has no address/],
  ["an address out of order", "UPDATE wt_address SET position = 1", "wt_address", /two addresses of tower 1/],
  ["a session of nobody", "UPDATE wt_session SET tower = 77 WHERE key_index = 100", "wt_session", /tower 77/],
  ["a reservation for nobody", "UPDATE wt_reservation SET tower = 77", "wt_reservation", /tower 77/],
  ["a standing of nobody", "UPDATE wt_standing SET tower = 77 WHERE tower = 1", "wt_standing", /tower 77/],
  ["an identity of no key", "UPDATE wt_identity SET public_key = '02'", "wt_identity", /row 1 .*publicKey/],
  ["an address that is none", "UPDATE wt_address SET address = '' WHERE tower = 2", "wt_tower", /row 2 .*address/],
  [
    "a tower that was added less than never",
    "UPDATE wt_tower SET additions = -1 WHERE id = 2",
    "wt_tower",
    /row 2 .*additions/
  ],
  ["a route that is none", "UPDATE wt_reservation SET way = 'pigeon'", "wt_reservation", /row \d+ .*route.*pigeon/],
  [
    "a fee rate that is none",
    "UPDATE wt_session SET sweep_fee_rate = '-5' WHERE key_index = 102",
    "wt_session",
    /row 102 .*sweepFeeRate/
  ],
  ["a standing that is none", "UPDATE wt_standing SET body = '{' WHERE tower = 2", "wt_standing", /row 2 .*standing/]
]

const dropReferences = `
  DO $$ DECLARE found record; BEGIN
    FOR found IN
      SELECT conname, conrelid::regclass AS place FROM pg_constraint
      WHERE contype = 'f' AND connamespace = current_schema()::regnamespace
    LOOP EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', found.place, found.conname); END LOOP;
  END $$`

/** What `check` finds on an engine; `empty` is a client of an empty database. */
export const suite = (empty: Effect.Effect<SqlClient.SqlClient, never, Scope.Scope>) => {
  const sample = Effect.gen(function* () {
    const sql = yield* empty
    yield* Effect.flatMap(Effect.provideService(SqlClientDb.make(), SqlClient.SqlClient, sql), populate)
    return sql
  })
  const found = (sql: SqlClient.SqlClient) => Effect.provideService(check, SqlClient.SqlClient, sql)

  /** Does what references forbid. */
  const damage = (sql: SqlClient.SqlClient, statement: string) =>
    Effect.andThen(
      sql.onDialectOrElse({
        pg: () => sql.unsafe(dropReferences),
        orElse: () => sql`PRAGMA foreign_keys = OFF`
      }),
      sql.unsafe(statement)
    )

  describe("a check", () => {
    it.scopedLive("finds nothing in a database that is new, or in use", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* found(yield* empty), [])
        assert.deepStrictEqual(yield* found(yield* sample), [])
      })
    )

    for (const [title, statement, table, detail] of damages) {
      it.scopedLive(`finds ${title}, and nothing else`, () =>
        Effect.gen(function* () {
          const sql = yield* sample
          yield* damage(sql, statement)
          const findings = yield* found(sql)
          assert.isAbove(findings.length, 0)
          for (const finding of findings) {
            assert.strictEqual(finding.table, table)
            assert.match(finding.detail, detail)
            assert.notInclude(finding.detail, "\n")
          }
        })
      )
    }
  })
}

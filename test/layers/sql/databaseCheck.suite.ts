import { SqlClient } from "@effect/sql"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, type Scope } from "effect"
import * as SqlClientDb from "../../../src/layers/SqlClientDb.js"
import { check } from "../../../src/layers/sql/databaseCheck.js"
import { BackupDb } from "../../../src/services/BackupDb.js"
import { ClientDb } from "../../../src/services/ClientDb.js"
import { populate, populateBackups } from "./sample.js"

/** A change of a database from outside, and what must be found. */
type Damage = readonly [title: string, statement: string, table: string, detail: RegExp]

const damages: ReadonlyArray<Damage> = [
  ["no identity", "DELETE FROM wt_identity", "wt_identity", /one row .* there are 0/],
  ["a counter set back", "UPDATE wt_identity SET next_index = 109", "wt_identity", /key index 109 was given out/],
  [
    "a key index reserved again",
    "UPDATE wt_reservation SET key_index = 101 WHERE key_index = 103",
    "wt_reservation",
    /key index 101 is reserved, and a session has it/
  ],
  ["a tower without an address", "DELETE FROM wt_address WHERE tower = 2", "wt_tower", /tower 2 has no address/],
  ["an address out of order", "UPDATE wt_address SET position = 1", "wt_address", /two addresses of tower 1/],
  ["a session of no tower", "UPDATE wt_session SET tower = 77 WHERE key_index = 100", "wt_session", /tower 77/],
  ["a reservation for no tower", "UPDATE wt_reservation SET tower = 77", "wt_reservation", /tower 77/],
  ["a standing of no tower", "UPDATE wt_standing SET tower = 77 WHERE tower = 1", "wt_standing", /tower 77/],
  ["a quarantine of no tower", "UPDATE wt_quarantine SET tower = 77", "wt_quarantine", /tower 77/],
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
  ["a standing that is none", "UPDATE wt_standing SET body = '{' WHERE tower = 2", "wt_standing", /row 2 .*standing/],
  [
    "an end that is none",
    "UPDATE wt_session SET ended = 'over' WHERE key_index = 108",
    "wt_session",
    /row 108 .*status/
  ],
  [
    "a session with a hole",
    "UPDATE wt_update SET seq_num = 7 WHERE seq_num = 4",
    "wt_session",
    /session 104 has bound/
  ],
  [
    "a session behind itself",
    "UPDATE wt_session SET seq_num = 3 WHERE key_index = 104",
    "wt_session",
    /session 104 has bound/
  ],
  [
    "a session that ended with numbers bound",
    "UPDATE wt_session SET ended = 'terminal' WHERE key_index = 104",
    "wt_session",
    /session 104 has bound/
  ],
  [
    "a channel that is none",
    "UPDATE wt_channel SET type = 'pigeon' WHERE id = 2",
    "wt_channel",
    /row 2 .*type.*pigeon/
  ],
  ["a backup of no channel", "UPDATE wt_backup SET channel = 77 WHERE height = 6", "wt_backup", /channel 77/],
  ["a backup without bytes", "UPDATE wt_backup SET hint = '' WHERE height = 6", "wt_backup", /row 6 cannot be read/],
  ["a counter of backups set back", "UPDATE wt_counter SET last_backup = 1", "wt_backup", /number \d+ was given out/],
  ["no counter of backups", "DELETE FROM wt_counter", "wt_counter", /there are 0/],
  ["no row of the sender", "DELETE FROM wt_client", "wt_client", /there are 0/],
  [
    "a backup that has its copies",
    "UPDATE wt_backup SET copies = 1 WHERE height = 3",
    "wt_backup",
    /backup 3 is kept, and has its copies/
  ],
  ["an update of no backup", "DELETE FROM wt_backup WHERE height = 4", "wt_update", /backup 4/],
  ["an update of no session", "UPDATE wt_update SET session = 777 WHERE seq_num IS NULL", "wt_update", /session 777/],
  ["an update at another tower", "UPDATE wt_update SET tower = 2 WHERE seq_num IS NULL", "wt_update", /backup 3 is at/],
  [
    "an update that was lost",
    "UPDATE wt_update SET session = 108 WHERE seq_num IS NULL",
    "wt_update",
    /lost session has confirmed backup 3/
  ],
  ["ranges of no session", "UPDATE wt_acked SET session = 777 WHERE last = 1", "wt_acked", /session 777/],
  ["ranges of no channel", "UPDATE wt_acked SET channel = 77 WHERE last = 1", "wt_acked", /channel 77/],
  ["ranges that touch", "INSERT INTO wt_acked VALUES (104, 1, 2, 2)", "wt_acked", /session 104 are not ranges/],
  ["a range that ends before it begins", "UPDATE wt_acked SET first = 9 WHERE last = 1", "wt_acked", /are not ranges/],
  [
    "a kept state that a tower has",
    "UPDATE wt_acked SET first = 3, last = 3 WHERE last = 1",
    "wt_acked",
    /backup 3, which/
  ],
  [
    "a kept state that is ineligible",
    "UPDATE wt_ineligible SET first = 3, last = 3",
    "wt_ineligible",
    /backup 3, which is kept/
  ],
  [
    "an ineligible state that a tower has",
    "UPDATE wt_ineligible SET first = 0, last = 1",
    "wt_ineligible",
    /channel 1 is ineligible, and a tower has it/
  ],
  [
    "ineligible heights that touch",
    "INSERT INTO wt_ineligible VALUES (1, 12, 12)",
    "wt_ineligible",
    /channel 1 are not ranges/
  ],
  ["ineligible heights of no channel", "UPDATE wt_ineligible SET channel = 77", "wt_ineligible", /channel 77/]
]

const dropReferences = `
  DO $$ DECLARE found record; BEGIN
    FOR found IN
      SELECT conname, conrelid::regclass AS place FROM pg_constraint
      WHERE contype = 'f' AND connamespace = current_schema()::regnamespace
    LOOP EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', found.place, found.conname); END LOOP;
  END $$`

/** What `check` finds on an engine; `empty` is a client of an empty database, `more` what can be done to this engine's alone. */
export const suite = (
  empty: Effect.Effect<SqlClient.SqlClient, never, Scope.Scope>,
  more: ReadonlyArray<Damage> = []
) => {
  const sample = Effect.gen(function* () {
    const sql = yield* empty
    const services = yield* Effect.provideService(SqlClientDb.services(), SqlClient.SqlClient, sql)
    yield* populate(Context.get(services, ClientDb))
    yield* populateBackups(Context.get(services, ClientDb), Context.get(services, BackupDb))
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

    it.scopedLive("reads a tower that has no address, too", () =>
      Effect.gen(function* () {
        const sql = yield* sample
        yield* sql`DELETE FROM wt_address WHERE tower = 2`
        yield* sql`UPDATE wt_tower SET additions = -1 WHERE id = 2`
        const [address, unreadable, ...others] = yield* found(sql)
        assert.match(address?.detail ?? "", /tower 2 has no address/)
        assert.match(unreadable?.detail ?? "", /row 2 .*additions/)
        assert.deepStrictEqual(others, [])
      })
    )

    for (const [title, statement, table, detail] of [...damages, ...more]) {
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

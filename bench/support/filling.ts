/** A database as it is after years: towers, sessions in turns, a standing for each tower, and states that wait. */
import { SqlClient } from "@effect/sql"
import { Effect } from "effect"
import * as SqlClientDb from "../../src/layers/SqlClientDb.js"
import * as Chain from "../../src/schema/Chain.js"
import * as Policy from "../../src/schema/Policy.js"
import * as Standing from "../../src/schema/Standing.js"
import { start } from "../../test/services/ClientDb/samples.js"

/** The chain and the policy of all that is filled in. */
export const chain = Chain.bitcoinRegtest
export const policy = Policy.defaults(chain)

/** What a database holds. */
export interface Contents {
  readonly towers: number
  readonly sessions: number
  /** States that no tower has (default: none). */
  readonly states?: number
  /** Is every tenth session inactive (default: none)? */
  readonly someInactive?: boolean
  /** The address of all towers (default: one that nothing dials). */
  readonly address?: string
}

/**
 * Makes the tables and fills them, in one transaction of a few statements: the database makes the rows itself, since a million of them
 * would take minutes to be handed over.
 */
export const fill = (
  sql: SqlClient.SqlClient,
  { address = "tower.example:9911", sessions, someInactive = false, states = 0, towers }: Contents
) =>
  Effect.gen(function* () {
    yield* Effect.provideService(SqlClientDb.make(), SqlClient.SqlClient, sql)
    const hex = (prefix: string, digits: number) =>
      sql.onDialectOrElse({
        pg: () => sql.literal(`'${prefix}' || lpad(to_hex(n), ${digits}, '0')`),
        orElse: () => sql.literal(`printf('${prefix}%0${digits}x', n)`)
      })
    const noise = sql.onDialectOrElse({
      pg: () => sql.literal("decode(repeat(md5(n::text), 20), 'hex')"),
      orElse: () => sql.literal("randomblob(314)")
    })
    const status = sql.literal(someInactive ? "CASE WHEN n % 10 = 0 THEN 'inactive' ELSE 'active' END" : "'active'")
    const upTo = (count: number) =>
      sql`WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < CAST(${count} AS INTEGER))`
    const body = JSON.stringify({ ...Standing.initial, attempts: 100, sessions: 100, lastSession: start })
    yield* Effect.gen(function* () {
      yield* sql`${upTo(towers)} INSERT INTO wt_tower (public_key) SELECT ${hex("02", 64)} FROM n`
      yield* sql`INSERT INTO wt_address (tower, address, position) SELECT id, ${address}, 1 FROM wt_tower`
      yield* sql`
        INSERT INTO wt_standing (tower, blob_type, body)
        SELECT id, CAST(${policy.blobType} AS INTEGER), ${body} FROM wt_tower`
      if (sessions > 0) {
        yield* sql`${upTo(sessions)}
          INSERT INTO wt_session (key_index, id, tower, status, created_at, blob_type, max_updates, reward_base, reward_rate,
            sweep_fee_rate, reward_pk_script, seq_num, tower_last_applied, way)
          SELECT n, ${hex("03", 64)}, 1 + n % ${sql.literal(String(towers))}, ${status}, ${sql.literal(String(start))} + n * 1000.0,
            ${sql.literal(`${policy.blobType}, ${policy.maxUpdates}`)}, 0, 0, ${String(policy.sweepFeeRate)}, '', 0, 0, 'clear'
          FROM n`
      }
      if (states > 0) {
        yield* sql`INSERT INTO wt_channel (channel_id, type, sweep_pk_script) VALUES (${"01".repeat(32)}, 'anchors', ${`0014${"02".repeat(20)}`})`
        yield* sql`${upTo(states)}
          INSERT INTO wt_backup (id, channel, height, policy_key, hint, blob, copies)
          SELECT n, (SELECT max(id) FROM wt_channel), n, ${Policy.keyOf(policy)}, ${hex("", 32)}, ${noise}, 1 FROM n`
        yield* sql`UPDATE wt_counter SET last_backup = ${states}`
      }
    }).pipe(sql.withTransaction)
    yield* sql.onDialectOrElse({ pg: () => sql`VACUUM ANALYZE`, orElse: () => sql`PRAGMA wal_checkpoint(TRUNCATE)` })
  })

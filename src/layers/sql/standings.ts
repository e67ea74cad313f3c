/**
 * Standings: one row for each (tower, blob type), and the quarantines, one row for each (tower, policy).
 *
 * @since 0.1.0
 */
import type { SqlError } from "@effect/sql/SqlError"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { TowerId } from "../../schema/Ids.js"
import * as Standing from "../../schema/Standing.js"
import type { ClientDb } from "../../services/ClientDb.js"
import { column, decode } from "./rows.js"
import type { Database } from "./transaction.js"

/** Decodes standings and quarantines. @since 0.1.0 @category combinators */
export const standingRows = decode(
  "wt_standing",
  Schema.Struct({
    towerId: column(TowerId),
    standing: Schema.parseJson(Standing.Standing),
    quarantine: Schema.NullOr(Schema.parseJson(Standing.Quarantine))
  })
)

/** Writes a standing inside a transaction. @since 0.1.0 @category constructors */
export const write = ({ sql }: Database, update: ClientDb.StandingUpdate): Effect.Effect<void, SqlError> =>
  Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const { quarantine, ...standing } = Standing.notAfter(update.standing, now)
    yield* sql`
      INSERT INTO wt_standing (blob_type, tower, body)
      VALUES (${update.blobType}, ${update.towerId}, ${JSON.stringify(standing)})
      ON CONFLICT (blob_type, tower) DO UPDATE SET body = excluded.body`
    yield* quarantine === undefined
      ? sql`DELETE FROM wt_quarantine WHERE tower = ${update.towerId} AND policy_key = ${update.policyKey}`
      : sql`
          INSERT INTO wt_quarantine (tower, policy_key, body)
          VALUES (${update.towerId}, ${update.policyKey}, ${JSON.stringify(quarantine)})
          ON CONFLICT (tower, policy_key) DO UPDATE SET body = excluded.body`
  })

/** Writes a standing alone. @since 0.1.0 @category constructors */
export const saveStanding =
  (database: Database): ClientDb.Service["saveStanding"] =>
  (update) =>
    database.transaction("saveStanding", "unsynced", write(database, update))

/**
 * Loads the standings. One with an instant in the future, written before the clock was put back, is written back with
 * `now`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const loadStandings =
  (database: Database): ClientDb.Service["loadStandings"] =>
  (blobType, policyKey) =>
    Effect.gen(function* () {
      const { sql, transaction } = database
      const found = yield* transaction(
        "loadStandings",
        "read",
        Effect.flatMap(
          sql`
            SELECT s.tower AS "towerId", s.body AS standing, q.body AS quarantine
            FROM wt_standing s LEFT JOIN wt_quarantine q ON q.tower = s.tower AND q.policy_key = ${policyKey}
            WHERE s.blob_type = ${blobType}`,
          standingRows
        )
      )
      const now = yield* Clock.currentTimeMillis
      const standings = new Map<TowerId, Standing.Standing>()
      for (const { quarantine, standing, towerId } of found) {
        const stored = quarantine === null ? standing : { ...standing, quarantine }
        const current = Standing.notAfter(stored, now)
        if (current !== stored) yield* saveStanding(database)({ towerId, blobType, policyKey, standing: current })
        standings.set(towerId, current)
      }
      return standings
    })

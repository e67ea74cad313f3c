/**
 * Standings: one row for each (tower, blob type), and the quarantines, one row for each (tower, policy).
 *
 * @since 0.1.0
 */
import type { SqlError } from "@effect/sql/SqlError"
import * as Arr from "effect/Array"
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

/** The rows of one statement: both databases limit its parameters. */
const rowsAtOnce = 1000

/**
 * Writes the standings that differ from the stored ones, in few statements: on a slow network a round trip for each of
 * thousands of towers would take longer than an operation may. A stored quarantine that is not among them stays.
 */
const rewrite = ({ sql }: Database, updates: ReadonlyArray<ClientDb.StandingUpdate>): Effect.Effect<void, SqlError> =>
  Effect.forEach(
    Arr.chunksOf(updates, rowsAtOnce),
    (some) =>
      Effect.gen(function* () {
        const standings = some.map(({ blobType, standing: { quarantine: _, ...standing }, towerId }) => ({
          blob_type: blobType,
          tower: towerId,
          body: JSON.stringify(standing)
        }))
        yield* sql`
          INSERT INTO wt_standing ${sql.insert(standings)}
          ON CONFLICT (blob_type, tower) DO UPDATE SET body = excluded.body`
        const quarantines = some.flatMap(({ policyKey, standing: { quarantine }, towerId }) =>
          quarantine === undefined ? [] : [{ tower: towerId, policy_key: policyKey, body: JSON.stringify(quarantine) }]
        )
        if (quarantines.length === 0) return
        yield* sql`
          INSERT INTO wt_quarantine ${sql.insert(quarantines)}
          ON CONFLICT (tower, policy_key) DO UPDATE SET body = excluded.body`
      }),
    { discard: true }
  )

/**
 * Loads the standings. Instants in the future were written before the clock was set back: they are replaced by `now` and
 * stored, all in one transaction.
 *
 * @since 0.1.0
 * @category constructors
 */
export const loadStandings =
  (database: Database): ClientDb.Service["loadStandings"] =>
  (blobType, policyKey) =>
    database.operation("loadStandings", (transaction) =>
      Effect.gen(function* () {
        const { sql } = database
        const found = yield* transaction(
          "read",
          Effect.flatMap(
            sql`
              SELECT s.tower AS "towerId", s.body AS standing, q.body AS quarantine
              FROM wt_standing s LEFT JOIN wt_quarantine q ON q.tower = s.tower AND q.policy_key = ${policyKey}
              WHERE s.blob_type = ${blobType} ORDER BY s.tower`,
            standingRows
          )
        )
        const now = yield* Clock.currentTimeMillis
        const standings = new Map<TowerId, Standing.Standing>()
        const changed: Array<ClientDb.StandingUpdate> = []
        for (const { quarantine, standing, towerId } of found) {
          const stored = quarantine === null ? standing : { ...standing, quarantine }
          const current = Standing.notAfter(stored, now)
          if (current !== stored) changed.push({ towerId, blobType, policyKey, standing: current })
          standings.set(towerId, current)
        }
        if (changed.length > 0) yield* transaction("unsynced", rewrite(database, changed))
        return standings
      })
    )

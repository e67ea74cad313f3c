/**
 * Which backups are open for which tower. A query walks along `wt_backup_policy` from a cursor on; with serving towers it
 * walks along what one of them holds (`wt_update_tower`), since the backlog may be far longer than that.
 *
 * @since 0.1.0
 */
import type { Fragment } from "@effect/sql/Statement"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { type Instant, TowerId } from "../../schema/Ids.js"
import { BackupId } from "../../schema/StoredBackup.js"
import type { BackupDb } from "../../services/BackupDb.js"
import { column, decode } from "./rows.js"
import type { Database } from "./transaction.js"

/** The condition that a session `s` of a tower `t` takes updates. @since 0.1.0 @category combinators */
export const isInUse = ({ sql }: Database): Fragment => sql`s.status = 'active' AND s.ended IS NULL AND t.removed = 0`

/** The condition that an update `u` is confirmed, or is bound in a session in use. Most are confirmed: for them no session is read. */
const isHeld = (database: Database, alsoOfSession: Fragment): Fragment => {
  const { sql } = database
  return sql`(u.seq_num IS NULL OR EXISTS (
    SELECT 1 FROM wt_session s JOIN wt_tower t ON t.id = s.tower
    WHERE s.key_index = u.session AND ${isInUse(database)} AND ${alsoOfSession}
  ))`
}

/** The condition that a tower has a backup `b`, or that a session in use has bound it there. */
const isAt = (database: Database, tower: Fragment): Fragment => {
  const { sql } = database
  return sql`(SELECT count(*) FROM wt_update u WHERE u.backup = b.id AND u.tower = ${tower}
    AND ${isHeld(database, sql`1 = 1`)}) > 0`
}

/**
 * The condition that a tower could take a backup `b`: it does not hold it, and fewer than `copies` others do. Its parts are
 * counted, because Postgres would make joins of them that read whole tables.
 *
 * @since 0.1.0
 * @category combinators
 */
export const isOpenFor = (database: Database, tower: Fragment, stalledSince: Instant): Fragment => {
  const { sql } = database
  const isNotStalled = sql`(s.failing_since IS NULL OR s.failing_since > ${stalledSince})`
  return sql`NOT (${isAt(database, tower)})
    AND (SELECT count(DISTINCT u.tower) FROM wt_update u WHERE u.backup = b.id
      AND ${isHeld(database, isNotStalled)}) < b.copies`
}

const usefulRows = decode(
  "wt_backup",
  Schema.Struct({ towerId: column(TowerId), first: Schema.NullOr(column(BackupId)) })
)

/** Few, because SQLite keeps a prepared statement for each number of towers. */
const towersAtOnce = 32

/** The backups `b` that serving towers have, with what the first one has of them, `v`. */
const heldBy = (database: Database, [one, ...others]: Arr.NonEmptyReadonlyArray<TowerId>): Fragment => {
  const { sql } = database
  // Towers take the oldest first: behind the last one that each of them has, nothing is to be found.
  const lasts = [one, ...others].map(
    (tower) => sql`SELECT coalesce(max(m.backup), 0) AS backup FROM wt_update m WHERE m.tower = ${tower}`
  )
  return sql`wt_update v JOIN wt_backup b ON b.id = v.backup
    WHERE v.tower = ${one} AND v.backup <= (SELECT min(l.backup) FROM (${sql.join(" UNION ALL ", false)(lasts)}) l)
      AND ${sql.and([one, ...others].map((tower) => isAt(database, sql`${tower}`)))}`
}

/** The oldest backup that makes a tower `w` useful. */
const firstFor = (database: Database, { policyKey, serving, stalledSince }: BackupDb.UsefulQuery): Fragment => {
  const { sql } = database
  const [from, id] = Arr.isNonEmptyReadonlyArray(serving)
    ? [heldBy(database, serving), sql`v.backup`]
    : [sql`wt_backup b WHERE 1 = 1`, sql`b.id`]
  return sql`(SELECT b.id FROM ${from} AND ${id} > w.after_backup AND b.policy_key = ${policyKey}
      AND ${isOpenFor(database, sql`w.tower`, stalledSince)}
    ORDER BY ${id} LIMIT 1)`
}

/** Which towers could take what no serving tower can. @since 0.1.0 @category constructors */
export const usefulTowers =
  (database: Database): BackupDb.Service["usefulTowers"] =>
  (query) => {
    const { sql, transaction } = database
    const ask = (towers: BackupDb.UsefulQuery["towers"]) => {
      const asked = towers.map(({ after = 0, towerId }, at) => sql`(${at}, ${towerId}, ${after})`)
      return Effect.flatMap(
        sql`
          WITH asked (place, tower, after_backup) AS (VALUES ${sql.csv(asked)})
          SELECT w.tower AS "towerId", ${firstFor(database, query)} AS first FROM (
            SELECT CAST(place AS INTEGER) AS place, CAST(tower AS INTEGER) AS tower,
              CAST(after_backup AS BIGINT) AS after_backup FROM asked
          ) w ORDER BY w.place`,
        usefulRows
      )
    }
    return Effect.map(
      transaction("usefulTowers", "read", Effect.forEach(Arr.chunksOf(query.towers, towersAtOnce), ask)),
      (found) =>
        Arr.filterMap(found.flat(), ({ first, towerId }) =>
          first === null ? Option.none() : Option.some({ towerId, first })
        )
    )
  }

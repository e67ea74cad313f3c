/**
 * Which backups are open for which tower. A query walks along `wt_backup_policy` from a cursor on; with serving towers it
 * walks along what one of them holds (`wt_update_tower`), since the backlog may be far longer than that.
 *
 * @since 0.1.0
 */
import type { Fragment } from "@effect/sql/Statement"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { TowerId } from "../../schema/Ids.js"
import { BackupId, type TowerNeed } from "../../schema/StoredBackup.js"
import type { BackupDb } from "../../services/BackupDb.js"
import { column, decode } from "./rows.js"
import { isTowerInUse } from "./towerTables.js"
import type { Database } from "./transaction.js"

/** The condition that a session `s` of a tower `t` takes updates. @since 0.1.0 @category combinators */
export const isInUse = (database: Database): Fragment =>
  database.sql`s.status = 'active' AND s.ended IS NULL AND ${isTowerInUse(database)}`

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
export const isOpenFor = (
  database: Database,
  tower: Fragment,
  { route, stalledSince }: Pick<BackupDb.NeedQuery, "route" | "stalledSince">
): Fragment => {
  const { sql } = database
  const isNotStalled = sql`s.way = ${route} AND (s.failing_since IS NULL OR s.failing_since > ${stalledSince})`
  return sql`NOT (${isAt(database, tower)})
    AND (SELECT count(DISTINCT u.tower) FROM wt_update u WHERE u.backup = b.id
      AND ${isHeld(database, isNotStalled)}) < b.copies`
}

const needRows = decode(
  "wt_backup",
  Schema.Struct({
    towerId: column(TowerId),
    after: column(Schema.NonNegativeInt),
    first: Schema.NullOr(column(BackupId)),
    last: column(Schema.NonNegativeInt)
  })
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
const firstFor = (database: Database, query: BackupDb.NeedQuery): Fragment => {
  const { sql } = database
  const { policyKey, serving } = query
  const [from, id] = Arr.isNonEmptyReadonlyArray(serving)
    ? [heldBy(database, serving), sql`v.backup`]
    : [sql`wt_backup b WHERE 1 = 1`, sql`b.id`]
  return sql`(SELECT b.id FROM ${from} AND ${id} > w.after_backup AND b.policy_key = ${policyKey}
      AND ${isOpenFor(database, sql`w.tower`, query)}
    ORDER BY ${id} LIMIT 1)`
}

const needOf =
  ({ serving }: BackupDb.NeedQuery) =>
  ({ after, first, last, towerId }: Effect.Effect.Success<ReturnType<typeof needRows>>[number]): TowerNeed => {
    const upTo = serving.length > 0 ? after : first === null ? last : first - 1
    return { towerId, first: first ?? undefined, after: upTo > 0 ? BackupId.make(upTo) : undefined }
  }

/**
 * Which towers could take what no serving tower can. `last` is read in the same statement: a backup that this does not see gets a
 * greater id.
 *
 * @since 0.1.0
 * @category constructors
 */
export const towerNeeds =
  (database: Database): BackupDb.Service["towerNeeds"] =>
  (query) => {
    const { sql, transaction } = database
    const ask = (towers: BackupDb.NeedQuery["towers"]) => {
      const asked = towers.map(({ after = 0, towerId }, at) => sql`(${at}, ${towerId}, ${after})`)
      return Effect.flatMap(
        sql`
          WITH asked (place, tower, after_backup) AS (VALUES ${sql.csv(asked)})
          SELECT w.tower AS "towerId", w.after_backup AS after, ${firstFor(database, query)} AS first,
            (SELECT last_backup FROM wt_counter WHERE id = 1) AS last
          FROM (
            SELECT CAST(place AS INTEGER) AS place, CAST(tower AS INTEGER) AS tower,
              CAST(after_backup AS BIGINT) AS after_backup FROM asked
          ) w ORDER BY w.place`,
        needRows
      )
    }
    return Effect.map(
      transaction("towerNeeds", "read", Effect.forEach(Arr.chunksOf(query.towers, towersAtOnce), ask)),
      (found) => found.flat().map(needOf(query))
    )
  }

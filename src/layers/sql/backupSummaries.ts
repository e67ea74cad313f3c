/**
 * How many states of a channel were handed in, and what has become of them: from indices and ranges, without a blob.
 *
 * @since 0.1.0
 */
import type { Fragment } from "@effect/sql/Statement"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { ChannelNotRegistered } from "../../schema/BackupError.js"
import { PolicyKey } from "../../schema/Policy.js"
import type { ChannelSummary } from "../../schema/StoredBackup.js"
import type { BackupDb } from "../../services/BackupDb.js"
import { recordOf } from "./backupTable.js"
import { channelColumns, channelFields, registeredOf } from "./channelTable.js"
import { column, decode } from "./rows.js"
import type { Database } from "./transaction.js"

const number = column(Schema.NonNegativeInt)

const backlogs = decode("wt_backup", Schema.Struct({ policyKey: PolicyKey, states: number }))

/** How many backups of each policy are kept. @since 0.1.0 @category constructors */
export const backlog = ({ sql, transaction }: Database): BackupDb.Service["backlog"] =>
  transaction(
    "backlog",
    "read",
    Effect.flatMap(
      sql`
        SELECT policy_key AS "policyKey", count(*) AS states FROM wt_backup GROUP BY policy_key ORDER BY policy_key`,
      backlogs
    )
  )

/** The backups that sessions have bound: a window for each session. They are read once, whatever the statistics of the tables say. */
const bound = ({ sql }: Database): Fragment =>
  sql`WITH bound AS MATERIALIZED (SELECT DISTINCT backup FROM wt_update WHERE seq_num IS NOT NULL)`

/**
 * How many kept backups `b` of a channel `c` have their copies: a session has them bound still, so they are among `bound`. (CROSS
 * JOIN: SQLite would walk along the backups of the channel otherwise.)
 */
const held = ({ sql }: Database, which = sql`1 = 1`): Fragment =>
  sql`(SELECT count(*) FROM bound CROSS JOIN wt_backup b
    WHERE b.id = bound.backup AND b.channel = c.id AND ${which}
      AND (SELECT count(DISTINCT o.tower) FROM wt_update o WHERE o.backup = b.id AND o.seq_num IS NULL) >= b.copies)`

/** How many numbers are in ranges that may overlap: each adds what is above all that came before it. */
const covered = ({ sql }: Database, ranges: Fragment): Fragment =>
  sql`(SELECT coalesce(sum(CASE
      WHEN p.before IS NULL OR p.before < p.first THEN p.last - p.first + 1
      WHEN p.before < p.last THEN p.last - p.before
      ELSE 0 END), 0)
    FROM (
      SELECT r.first, r.last,
        max(r.last) OVER (ORDER BY r.first, r.last ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
      FROM (${ranges}) r
    ) p)`

/** The ranges of a channel `c` that sessions have lost. */
const lost = ({ sql }: Database): Fragment =>
  sql`SELECT a.first, a.last FROM wt_acked a JOIN wt_session s ON s.key_index = a.session
    WHERE a.channel = c.id AND s.ended = 'lost'`

const summaryRows = decode(
  "wt_channel",
  Schema.Struct({
    ...channelFields,
    kept: number,
    held: number,
    acked: number,
    lost: number,
    ineligible: number
  })
)

const summaries = (database: Database, which: Fragment) => {
  const { sql } = database
  return sql`
    ${bound(database)}
    SELECT ${channelColumns(database)},
      (SELECT count(*) FROM wt_backup b WHERE b.channel = c.id) AS kept,
      ${held(database)} AS held,
      ${covered(database, sql`SELECT a.first, a.last FROM wt_acked a WHERE a.channel = c.id`)} AS acked,
      ${covered(database, lost(database))} AS lost,
      (SELECT coalesce(sum(i.last - i.first + 1), 0) FROM wt_ineligible i WHERE i.channel = c.id) AS ineligible
    FROM wt_channel c WHERE ${which}`.pipe(
    Effect.flatMap(summaryRows),
    Effect.map((found) =>
      found.map(
        ({ acked, held, ineligible, kept, lost, ...row }): ChannelSummary => ({
          ...registeredOf(row),
          handedIn: kept + acked + ineligible,
          complete: acked - lost + held,
          missing: kept - held,
          ineligible,
          lost
        })
      )
    )
  )
}

/** How many states of a channel miss copies, for each policy. @since 0.1.0 @category constructors */
export const missing =
  (database: Database): BackupDb.Service["missing"] =>
  (id) => {
    const { sql, transaction } = database
    return transaction(
      "missing",
      "read",
      sql`
        ${bound(database)}
        SELECT c.policy_key AS "policyKey", c.kept - ${held(database, sql`b.policy_key = c.policy_key`)} AS states
        FROM (
          SELECT w.id, k.policy_key, count(*) AS kept FROM wt_backup k JOIN wt_channel w ON w.id = k.channel
          WHERE w.channel_id = ${id} GROUP BY w.id, k.policy_key
        ) c
        ORDER BY c.policy_key`.pipe(
        Effect.flatMap(backlogs),
        Effect.map((found) => found.filter(({ states }) => states > 0))
      )
    )
  }

/** Lists channels. @since 0.1.0 @category constructors */
export const listChannels =
  (database: Database): BackupDb.Service["listChannels"] =>
  ({ after = "", limit = 100 } = {}) => {
    const { sql, transaction } = database
    const which = sql`c.channel_id > ${after} ORDER BY c.channel_id LIMIT ${limit}`
    return transaction("listChannels", "read", summaries(database, which))
  }

/** What has become of a channel's states. @since 0.1.0 @category constructors */
export const summarize =
  (database: Database): BackupDb.Service["summarize"] =>
  (channelId) =>
    database
      .transaction("summarize", "read", summaries(database, database.sql`c.channel_id = ${channelId}`))
      .pipe(
        Effect.flatMap(([found]) =>
          found === undefined ? new ChannelNotRegistered({ channelId }) : Effect.succeed(found)
        )
      )

const progresses = decode("wt_backup", Schema.Struct({ kept: number, held: number, lost: number }))

/** What has become of a channel's states up to a height. @since 0.1.0 @category constructors */
export const progress =
  (database: Database): BackupDb.Service["progress"] =>
  (id, height) => {
    const { sql, transaction } = database
    const upTo = sql`SELECT l.first, CASE WHEN l.last < ${height} THEN l.last ELSE ${height} END AS last
      FROM (${lost(database)} AND a.first <= ${height}) l`
    return transaction(
      "progress",
      "read",
      Effect.gen(function* () {
        const record = yield* recordOf(database, id, height)
        const [row] = yield* Effect.flatMap(
          sql`
            ${bound(database)}
            SELECT
              (SELECT count(*) FROM wt_backup b WHERE b.channel = c.id AND b.height <= ${height}) AS kept,
              ${held(database, sql`b.height <= ${height}`)} AS held,
              ${covered(database, upTo)} AS lost
            FROM wt_channel c WHERE c.channel_id = ${id}`,
          progresses
        )
        return {
          isHandedIn: record._tag !== "Unknown",
          missing: row === undefined ? 0 : row.kept - row.held,
          lost: row?.lost ?? 0
        }
      })
    )
  }

/**
 * What the sender knows of sessions beside their numbers: since when they fail, how often they were refused, and how they ended.
 *
 * @since 0.1.0
 */
import type { SqlError } from "@effect/sql/SqlError"
import type { Fragment } from "@effect/sql/Statement"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { SessionNotFound } from "../../schema/BackupError.js"
import { SessionEnd } from "../../schema/ClientSession.js"
import type { CorruptRow } from "../../schema/DbError.js"
import { KeyIndex } from "../../schema/Ids.js"
import { BackupId, type Ended } from "../../schema/StoredBackup.js"
import type { BackupDb } from "../../services/BackupDb.js"
import { isInUse } from "./openBackups.js"
import * as rows from "./rows.js"
import { asSender, lockUpdates } from "./senderTable.js"
import { settle } from "./settling.js"
import type { Database } from "./transaction.js"

const list = (
  { sql, transaction }: Database,
  operation: string,
  where: Fragment,
  { after = 0, limit = 100 }: BackupDb.Page<number> = {}
) =>
  transaction(
    operation,
    "read",
    Effect.flatMap(
      sql`
        SELECT ${rows.sessionColumns(sql)}, ${rows.sendingColumns(sql)}
        FROM wt_session s JOIN wt_tower t ON t.id = s.tower
        WHERE ${where} AND s.key_index > ${after} ORDER BY s.key_index LIMIT ${limit}`,
      rows.sendingSessions
    )
  )

/** Lists sessions with numbers to use or to confirm. @since 0.1.0 @category constructors */
export const listSending =
  (database: Database): BackupDb.Service["listSending"] =>
  (route, page) =>
    list(
      database,
      "listSending",
      // The words of the index wt_session_sending: SQLite compares them.
      database.sql`s.way = ${route} AND s.tower_last_applied < s.max_updates AND ${isInUse(database)}`,
      page
    )

/** Lists sessions with confirmed numbers. @since 0.1.0 @category constructors */
export const listAcked =
  (database: Database): BackupDb.Service["listAcked"] =>
  (towerId, route, page) =>
    list(
      database,
      "listAcked",
      database.sql`s.tower = ${towerId} AND s.way = ${route} AND s.tower_last_applied > 0
        AND (s.ended IS NULL OR s.ended <> 'lost')`,
      page
    )

/** Remembers the first failed contact while something is bound. @since 0.1.0 @category constructors */
export const noteFailure =
  (database: Database): BackupDb.Service["noteFailure"] =>
  (token, session, now) =>
    database.transaction(
      "noteFailure",
      "synced",
      Effect.gen(function* () {
        yield* asSender(database, token)
        yield* database.sql`
          UPDATE wt_session SET failing_since = ${now}
          WHERE key_index = ${session} AND (failing_since IS NULL OR failing_since > ${now})
            AND EXISTS (SELECT 1 FROM wt_update u WHERE u.session = ${session} AND u.seq_num IS NOT NULL)`
      })
    )

const refused = rows.decode("wt_session", Schema.Struct({ refusals: rows.column(Schema.NonNegativeInt) }))

/**
 * Counts a refusal. The target is read first, so that a second run counts no further; only the sender counts, and for a
 * session one after another.
 *
 * @since 0.1.0
 * @category constructors
 */
export const noteRefusal =
  (database: Database): BackupDb.Service["noteRefusal"] =>
  (token, session) =>
    database.operation("noteRefusal", (transaction) =>
      Effect.gen(function* () {
        const { sql } = database
        const [row] = yield* transaction(
          "read",
          Effect.flatMap(sql`SELECT refusals FROM wt_session WHERE key_index = ${session}`, refused)
        )
        const refusals = row === undefined ? 0 : row.refusals + 1
        yield* transaction(
          "synced",
          Effect.andThen(
            asSender(database, token),
            sql`UPDATE wt_session SET refusals = ${refusals} WHERE key_index = ${session} AND refusals < ${refusals}`
          )
        )
        return refusals
      })
    )

const counts = rows.decode("wt_session", Schema.Struct({ ended: rows.column(Schema.NonNegativeInt) }))

/** Counts the sessions that were ended, which are few, by their index. @since 0.1.0 @category constructors */
export const endedSessions = ({ sql, transaction }: Database): BackupDb.Service["endedSessions"] =>
  transaction(
    "endedSessions",
    "read",
    Effect.map(
      Effect.flatMap(sql`SELECT count(*) AS ended FROM wt_session WHERE ended IS NOT NULL`, counts),
      ([row]) => row?.ended ?? 0
    )
  )

const nothing: Ended = { reopened: 0, lost: 0 }

const EndRow = Schema.Struct({ keyIndex: rows.column(KeyIndex), ended: Schema.NullOr(SessionEnd) })
const endRows = rows.decode("wt_session", EndRow)

const released = rows.decode("wt_update", Schema.Struct({ backup: rows.column(BackupId) }))
const sums = rows.decode("wt_acked", Schema.Struct({ lost: rows.column(Schema.NonNegativeInt) }))

/** Ends a session, inside a transaction that has `lockUpdates`. */
const end = (
  database: Database,
  { ended, keyIndex }: typeof EndRow.Type,
  how: SessionEnd
): Effect.Effect<Ended, SqlError | CorruptRow> =>
  Effect.gen(function* () {
    const { sql } = database
    if (ended === "lost" || ended === how) return nothing
    yield* sql`UPDATE wt_session SET ended = ${how}, failing_since = NULL WHERE key_index = ${keyIndex}`
    const bound = yield* Effect.flatMap(
      sql`DELETE FROM wt_update WHERE session = ${keyIndex} AND seq_num IS NOT NULL RETURNING backup`,
      released
    )
    const settled = yield* settle(
      database,
      bound.map(({ backup }) => backup)
    )
    const reopened = bound.length - settled
    if (how === "terminal") return { reopened, lost: 0 }
    const acked = yield* sql`DELETE FROM wt_update WHERE session = ${keyIndex} RETURNING backup`
    const [sum] = yield* Effect.flatMap(
      sql`SELECT coalesce(sum(last - first + 1), 0) AS lost FROM wt_acked WHERE session = ${keyIndex}`,
      sums
    )
    return { reopened: reopened + acked.length, lost: sum?.lost ?? 0 }
  })

/** Ends a session; a second run finds it ended. @since 0.1.0 @category constructors */
export const endSession =
  (database: Database): BackupDb.Service["endSession"] =>
  (token, session, how) =>
    database.transaction(
      "endSession",
      "synced",
      Effect.gen(function* () {
        yield* asSender(database, token)
        const [row] = yield* Effect.flatMap(
          database.sql`SELECT key_index AS "keyIndex", ended FROM wt_session WHERE key_index = ${session}`,
          endRows
        )
        return row === undefined ? nothing : yield* end(database, row, how)
      })
    )

/** Gives a session up; a second run finds it ended. @since 0.1.0 @category constructors */
export const terminateSession =
  (database: Database): BackupDb.Service["terminateSession"] =>
  (id) =>
    database.transaction(
      "terminateSession",
      "synced",
      Effect.gen(function* () {
        yield* lockUpdates(database)
        const [row] = yield* Effect.flatMap(
          database.sql`SELECT key_index AS "keyIndex", ended FROM wt_session WHERE id = ${id}`,
          endRows
        )
        return row === undefined ? yield* new SessionNotFound({ id }) : yield* end(database, row, "terminal")
      })
    )

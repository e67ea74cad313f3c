/**
 * States that are handed in: stored with their blobs until their copies are made, or recorded as ineligible.
 *
 * @since 0.1.0
 */
import type { SqlError } from "@effect/sql/SqlError"
import type { Fragment } from "@effect/sql/Statement"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { fromHex } from "../../internal/bytes.js"
import { ChannelNotRegistered, OtherTransaction } from "../../schema/BackupError.js"
import type { ChannelId } from "../../schema/Channel.js"
import { CorruptRow } from "../../schema/DbError.js"
import { Hint } from "../../schema/Ids.js"
import type { CommitHeight } from "../../schema/RevokedState.js"
import { BackupId, type NewBackup, StateRecord } from "../../schema/StoredBackup.js"
import type { BackupDb } from "../../services/BackupDb.js"
import { channelColumns, channelRows, lockOpenChannel, registeredOf } from "./channelTable.js"
import * as ranges from "./rangeTable.js"
import { column, decode } from "./rows.js"
import { lockUpdates } from "./senderTable.js"
import { settle } from "./settling.js"
import type { Database } from "./transaction.js"

const stateRows = decode(
  "wt_backup",
  Schema.Struct({
    hint: Schema.NullOr(Hint),
    acked: column(Schema.NonNegativeInt),
    lost: column(Schema.NonNegativeInt),
    ineligible: column(Schema.NonNegativeInt)
  })
)

/**
 * What is known of a state of channel `c`, under the names of `stateRows`. One statement, so that a state is seen on one side of its
 * settling or on the other, and never on neither.
 */
const stateColumns = ({ sql }: Database, height: CommitHeight): Fragment => {
  const holds = sql`r.channel = c.id AND r.last >= ${height} AND r.first <= ${height}`
  return sql`
    (SELECT b.hint FROM wt_backup b WHERE b.channel = c.id AND b.height = ${height}) AS hint,
    (SELECT count(*) FROM wt_acked r WHERE ${holds}) AS acked,
    (SELECT count(*) FROM wt_acked r JOIN wt_session s ON s.key_index = r.session
      WHERE ${holds} AND s.ended = 'lost') AS lost,
    (SELECT count(*) FROM wt_ineligible r WHERE ${holds}) AS ineligible`
}

const recordOfRow = (row: Effect.Effect.Success<ReturnType<typeof stateRows>>[number]): StateRecord => {
  if (row.hint !== null) return StateRecord.Kept({ hint: row.hint })
  if (row.lost > 0) return StateRecord.Lost()
  if (row.acked > 0) return StateRecord.Complete()
  return row.ineligible > 0 ? StateRecord.Ineligible() : StateRecord.Unknown()
}

/** What is known of a state. @since 0.1.0 @category combinators */
export const recordOf = (
  database: Database,
  channelId: ChannelId,
  height: CommitHeight
): Effect.Effect<StateRecord, SqlError | CorruptRow> =>
  Effect.map(
    Effect.flatMap(
      database.sql`SELECT ${stateColumns(database, height)} FROM wt_channel c WHERE c.channel_id = ${channelId}`,
      stateRows
    ),
    ([row]) => (row === undefined ? StateRecord.Unknown() : recordOfRow(row))
  )

/** What is known of a state. @since 0.1.0 @category constructors */
export const findState =
  (database: Database): BackupDb.Service["findState"] =>
  (id, height) =>
    database.transaction("findState", "read", recordOf(database, id, height))

/** Loads a channel and a state. @since 0.1.0 @category constructors */
export const loadState =
  (database: Database): BackupDb.Service["loadState"] =>
  (channelId, height) => {
    const { sql, transaction } = database
    const load = Effect.gen(function* () {
      const found = yield* sql`
        SELECT ${channelColumns(database)}, ${stateColumns(database, height)}
        FROM wt_channel c WHERE c.channel_id = ${channelId}`
      const [channel] = yield* channelRows(found)
      const [state] = yield* stateRows(found)
      if (channel === undefined || state === undefined) return yield* new ChannelNotRegistered({ channelId })
      return { ...registeredOf(channel), record: recordOfRow(state) }
    })
    return transaction("loadState", "read", load)
  }

const ids = decode("wt_counter", Schema.Struct({ id: column(BackupId) }))

/**
 * Adds a backup under the next id. The counter's row stays locked until the transaction ends: so ids become visible in their
 * order, and the sender, which looks at those after a certain one, misses none that is stored later.
 */
const insert = ({ sql }: Database, channel: number, backup: NewBackup) =>
  Effect.gen(function* () {
    const [next] = yield* Effect.flatMap(
      sql`UPDATE wt_counter SET last_backup = last_backup + 1 RETURNING last_backup AS id`,
      ids
    )
    if (next === undefined) return yield* new CorruptRow({ table: "wt_counter", detail: "its row is not there" })
    yield* sql`
      INSERT INTO wt_backup (id, channel, height, policy_key, hint, blob, copies)
      VALUES (
        ${next.id}, ${channel}, ${backup.commitHeight}, ${backup.policyKey}, ${backup.hint},
        ${fromHex(backup.encryptedBlob)}, ${backup.copies}
      )`
    return next.id
  })

/**
 * Stores a state of which a copy was lost: copies that it has count again, and those that were lost are not mentioned any
 * more. Inside a transaction that has `lockUpdates`.
 */
const retake = (database: Database, channel: number, backup: NewBackup) =>
  Effect.gen(function* () {
    const { sql } = database
    const owners = yield* ranges.remove(database, "wt_acked", channel, backup.commitHeight)
    const id = yield* insert(database, channel, backup)
    const sessions = Arr.filterMap(owners, ({ session }) => Arr.head(session === undefined ? [] : [session]))
    yield* sql`
      INSERT INTO wt_update (backup, session, tower)
      SELECT b.id, s.key_index, s.tower FROM wt_backup b, wt_session s
      WHERE b.id = ${id} AND ${sql.in("s.key_index", sessions)} AND (s.ended IS NULL OR s.ended <> 'lost')`
    yield* settle(database, [id])
  })

/** Stores a backup, unless a copy of the state was lost: then it answers false, because `retake` has to lock more, and first. */
const store = (database: Database, backup: NewBackup) =>
  Effect.gen(function* () {
    const { channelId, commitHeight, hint } = backup
    const channel = yield* lockOpenChannel(database, channelId)
    const record = yield* recordOf(database, channelId, commitHeight)
    switch (record._tag) {
      case "Kept":
        if (record.hint !== hint) return yield* new OtherTransaction({ channelId, commitHeight })
        return true
      case "Complete":
        return true
      case "Lost":
        return false
      case "Ineligible":
        yield* ranges.remove(database, "wt_ineligible", channel, commitHeight)
        break
      case "Unknown":
        break
    }
    yield* insert(database, channel, backup)
    return true
  })

const storeAgain = (database: Database, backup: NewBackup) =>
  Effect.gen(function* () {
    yield* lockUpdates(database)
    // It may have been handed in again meanwhile.
    if (yield* store(database, backup)) return
    yield* retake(database, yield* lockOpenChannel(database, backup.channelId), backup)
  })

/**
 * Stores a backup; a second run finds it kept. Others may see it before it is durable: the window that binds it is a synced transaction
 * after it in the same log.
 *
 * @since 0.1.0
 * @category constructors
 */
export const addBackup =
  (database: Database): BackupDb.Service["addBackup"] =>
  (backup) =>
    database.operation("addBackup", (transaction) =>
      Effect.gen(function* () {
        if (yield* transaction("flushed", store(database, backup))) return
        yield* transaction("flushed", storeAgain(database, backup))
      })
    )

/** Records a state as ineligible. @since 0.1.0 @category constructors */
export const addIneligible =
  (database: Database): BackupDb.Service["addIneligible"] =>
  (id, height) =>
    database.transaction(
      "addIneligible",
      "synced",
      Effect.gen(function* () {
        const channel = yield* lockOpenChannel(database, id)
        const record = yield* recordOf(database, id, height)
        if (record._tag !== "Unknown") return
        yield* ranges.add(database, "wt_ineligible", [{ channel, first: height, last: height }])
      })
    )

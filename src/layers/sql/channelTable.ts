/**
 * Channels. Their rows stay when they are closed, so that no other channel gets their id.
 *
 * @since 0.1.0
 */
import type { SqlError } from "@effect/sql/SqlError"
import type { Fragment } from "@effect/sql/Statement"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { ChannelClosed, ChannelMismatch, ChannelNotRegistered } from "../../schema/BackupError.js"
import { Channel, type ChannelId } from "../../schema/Channel.js"
import { CorruptRow } from "../../schema/DbError.js"
import type { RegisteredChannel } from "../../schema/StoredBackup.js"
import type { BackupDb } from "../../services/BackupDb.js"
import { column, decode } from "./rows.js"
import type { Database } from "./transaction.js"

/** The columns of a channel `c`, under the names of its fields. @since 0.1.0 @category models */
export const channelColumns = ({ sql }: Pick<Database, "sql">): Fragment =>
  sql`c.channel_id AS "channelId", c.type, c.sweep_pk_script AS "sweepPkScript", c.closed`

const { id, ...fields } = Channel.fields

/** What `channelColumns` hold. @since 0.1.0 @category models */
export const channelFields = { channelId: id, ...fields, closed: column(Schema.Int.pipe(Schema.between(0, 1))) }

const ChannelRow = Schema.Struct(channelFields)

/** Decodes channels. @since 0.1.0 @category combinators */
export const channelRows = decode("wt_channel", ChannelRow)

/** The channel of a row. @since 0.1.0 @category combinators */
export const registeredOf = ({ channelId, closed, ...row }: typeof ChannelRow.Type): RegisteredChannel => ({
  channel: new Channel({ id: channelId, ...row }),
  isClosed: closed === 1
})

const find = (
  { sql }: Database,
  channelId: ChannelId
): Effect.Effect<RegisteredChannel | undefined, SqlError | CorruptRow> =>
  Effect.map(
    Effect.flatMap(
      sql`SELECT ${channelColumns({ sql })} FROM wt_channel c WHERE c.channel_id = ${channelId}`,
      channelRows
    ),
    ([row]) => (row === undefined ? undefined : registeredOf(row))
  )

/** Registers a channel, or compares. @since 0.1.0 @category constructors */
export const registerChannel =
  (database: Database): BackupDb.Service["registerChannel"] =>
  (channel) =>
    database.transaction(
      "registerChannel",
      "synced",
      Effect.gen(function* () {
        const { id: channelId } = channel
        const added = yield* database.sql`
          INSERT INTO wt_channel (channel_id, type, sweep_pk_script)
          VALUES (${channelId}, ${channel.type}, ${channel.sweepPkScript})
          ON CONFLICT (channel_id) DO NOTHING
          RETURNING id`
        if (added.length > 0) return
        const known = yield* find(database, channelId)
        if (known === undefined) {
          return yield* new CorruptRow({ table: "wt_channel", detail: "a row with this id is there, and is not" })
        }
        for (const field of ["type", "sweepPkScript"] as const) {
          if (known.channel[field] !== channel[field]) return yield* new ChannelMismatch({ channelId, field })
        }
        if (known.isClosed) return yield* new ChannelClosed({ channelId })
      })
    )

/** Closes a channel. @since 0.1.0 @category constructors */
export const closeChannel =
  ({ sql, transaction }: Database): BackupDb.Service["closeChannel"] =>
  (channelId) =>
    transaction(
      "closeChannel",
      "synced",
      Effect.gen(function* () {
        const found = yield* sql`UPDATE wt_channel SET closed = 1 WHERE channel_id = ${channelId} RETURNING id`
        if (found.length === 0) return yield* new ChannelNotRegistered({ channelId })
      })
    )

/** Loads a channel. @since 0.1.0 @category constructors */
export const loadChannel =
  (database: Database): BackupDb.Service["loadChannel"] =>
  (channelId) =>
    database
      .transaction("loadChannel", "read", find(database, channelId))
      .pipe(
        Effect.flatMap((found) =>
          found === undefined ? new ChannelNotRegistered({ channelId }) : Effect.succeed(found)
        )
      )

const numbers = decode("wt_channel", Schema.Struct({ channel: column(Schema.Int), closed: channelFields.closed }))

/**
 * The number of a channel that takes states, inside a transaction. Its row stays locked until that ends, so that no other
 * state of the channel is handed in between; a window that is confirmed, which adds heights of the channel, does not wait for it,
 * nor the other way round.
 *
 * @since 0.1.0
 * @category combinators
 */
export const lockOpenChannel = (
  { dialect, sql }: Database,
  channelId: ChannelId
): Effect.Effect<number, SqlError | CorruptRow | ChannelNotRegistered | ChannelClosed> =>
  Effect.gen(function* () {
    const [row] = yield* Effect.flatMap(
      sql`SELECT id AS channel, closed FROM wt_channel WHERE channel_id = ${channelId} ${dialect.lockNoKey}`,
      numbers
    )
    if (row === undefined) return yield* new ChannelNotRegistered({ channelId })
    if (row.closed === 1) return yield* new ChannelClosed({ channelId })
    return row.channel
  })

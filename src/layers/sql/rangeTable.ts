/**
 * Heights of channels as ranges: `wt_acked` has those that a session's tower has confirmed and that are not kept any more,
 * `wt_ineligible` those that no tower can punish. Ranges of one owner neither overlap nor touch.
 *
 * @since 0.1.0
 */
import type { SqlError } from "@effect/sql/SqlError"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Ranges from "../../internal/ranges.js"
import type { CorruptRow } from "../../schema/DbError.js"
import { KeyIndex } from "../../schema/Ids.js"
import { CommitHeight } from "../../schema/RevokedState.js"
import { column, decode } from "./rows.js"
import type { Database } from "./transaction.js"

/** @since 0.1.0 @category models */
export type Table = "wt_acked" | "wt_ineligible"

/** Whose heights these are; ineligible ones belong to no session. @since 0.1.0 @category models */
export interface Owner {
  readonly channel: number
  readonly session?: KeyIndex | undefined
}

interface Row extends Owner, Ranges.Range {}

const parse = (table: Table) =>
  decode(
    table,
    Schema.Struct({
      channel: column(Schema.Int),
      session: Schema.optional(column(KeyIndex)),
      first: column(CommitHeight),
      last: column(CommitHeight)
    })
  )
const parsers = { wt_acked: parse("wt_acked"), wt_ineligible: parse("wt_ineligible") }

/** Fewer than the parameters that a statement may have; and SQLite keeps a prepared statement for each number of rows. */
const rowsAtOnce = 32

const insert = ({ sql }: Database, table: Table, rows: ReadonlyArray<Row>): Effect.Effect<void, SqlError> =>
  Effect.forEach(
    Arr.chunksOf(rows, rowsAtOnce),
    (some) =>
      sql`INSERT INTO ${sql(table)} ${sql.insert(
        some.map(({ channel, first, last, session }) => ({
          channel,
          first,
          last,
          ...(session === undefined ? {} : { session })
        }))
      )}`,
    { discard: true }
  )

/** The rows of each owner as a set, with gaps between its ranges. */
const joined = (rows: ReadonlyArray<Row>): ReadonlyArray<Row> =>
  Object.values(Arr.groupBy(rows, ({ channel, session }) => `${channel}/${session}`)).flatMap((owned) =>
    Ranges.union(owned).map((range) => ({ ...owned[0], ...range }))
  )

/** Adds ranges, inside a transaction that excludes others which change the same owner's. @since 0.1.0 @category constructors */
export const add = (
  database: Database,
  table: Table,
  added: ReadonlyArray<Row>
): Effect.Effect<void, SqlError | CorruptRow> =>
  Effect.forEach(
    Arr.chunksOf(joined(added), rowsAtOnce),
    (some) =>
      Effect.gen(function* () {
        const { sql } = database
        const touching = sql.or(
          some.map(({ channel, first, last, session }) =>
            sql.and([
              ...(session === undefined ? [] : [sql`session = ${session}`]),
              sql`channel = ${channel} AND last >= ${first - 1} AND first <= ${last + 1}`
            ])
          )
        )
        const found = yield* Effect.flatMap(
          sql`DELETE FROM ${sql(table)} WHERE ${touching} RETURNING *`,
          parsers[table]
        )
        yield* insert(database, table, joined([...found, ...some]))
      }),
    { discard: true }
  )

/** Takes a height of a channel out of the ranges of all owners; answers whose it was. @since 0.1.0 @category constructors */
export const remove = (
  database: Database,
  table: Table,
  channel: number,
  height: CommitHeight
): Effect.Effect<ReadonlyArray<Owner>, SqlError | CorruptRow> =>
  Effect.gen(function* () {
    const { sql } = database
    const found = yield* Effect.flatMap(
      sql`
        DELETE FROM ${sql(table)} WHERE channel = ${channel} AND last >= ${height} AND first <= ${height}
        RETURNING *`,
      parsers[table]
    )
    const only = { first: height, last: height }
    yield* insert(
      database,
      table,
      found.flatMap((row) => Ranges.difference([row], [only]).map((range) => ({ ...row, ...range })))
    )
    return found
  })

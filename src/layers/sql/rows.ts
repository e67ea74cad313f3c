/**
 * What drivers answer, decoded: the same column comes as a number from SQLite and as text from Postgres.
 *
 * @since 0.1.0
 */
import type { Fragment } from "@effect/sql/Statement"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { BlobType } from "../../schema/BlobType.js"
import { ClientSession } from "../../schema/ClientSession.js"
import { CorruptRow } from "../../schema/DbError.js"
import { KeyIndex, Route, TowerId } from "../../schema/Ids.js"
import * as Policy from "../../schema/Policy.js"
import { Reservation } from "../../schema/Reservation.js"
import type { SendingSession } from "../../schema/StoredBackup.js"
import type { Sql } from "./statement.js"

/** A number in any of the forms that drivers give it. @since 0.1.0 @category models */
export const Numeric = Schema.Union(Schema.Number, Schema.NumberFromString)

/** A column with a number that obeys a schema. @since 0.1.0 @category models */
export const column = <A>(schema: Schema.Schema<A, number>) => Schema.compose(Numeric, schema)

/**
 * Decodes rows of a table; one that does not hold what it must is a `CorruptRow`.
 *
 * @since 0.1.0
 * @category combinators
 */
export const decode = <A, I>(table: string, schema: Schema.Schema<A, I>) => {
  const parse = Schema.decodeUnknown(Schema.Array(schema))
  return (rows: ReadonlyArray<unknown>): Effect.Effect<ReadonlyArray<A>, CorruptRow> =>
    Effect.mapError(parse(rows), (error) => new CorruptRow({ table, detail: error.message }))
}

/** The columns of a reservation, under the names of its fields; that of the route is `way` in all databases so far. @since 0.1.0 @category models */
export const reservationColumns = (sql: Sql): Fragment =>
  sql`key_index AS "keyIndex", tower AS "towerId", blob_type AS "blobType", way AS route, lease, since, for_ms AS "forMs"`

/** Decodes reservations. @since 0.1.0 @category combinators */
export const reservations = decode(
  "wt_reservation",
  Schema.Struct({
    ...Reservation.fields,
    keyIndex: column(KeyIndex),
    towerId: column(TowerId),
    blobType: column(BlobType),
    since: Numeric,
    forMs: Numeric
  })
)

/** The status of a session `s`: how it ended counts more than what became of its tower. @since 0.1.0 @category models */
export const statusOf = (sql: Sql): Fragment => sql`coalesce(s.ended, s.status)`

/** The columns of a session `s` and its tower `t`, under the names of their fields. @since 0.1.0 @category models */
export const sessionColumns = (sql: Sql): Fragment =>
  sql`s.id, s.tower AS "towerId", t.public_key AS "towerPublicKey", s.key_index AS "keyIndex", ${statusOf(sql)} AS status,
    s.created_at AS "createdAt", s.blob_type AS "blobType", s.max_updates AS "maxUpdates", s.reward_base AS "rewardBase",
    s.reward_rate AS "rewardRate", s.sweep_fee_rate AS "sweepFeeRate", s.reward_pk_script AS "rewardPkScript",
    s.seq_num AS "seqNum", s.tower_last_applied AS "towerLastApplied"`

const { policy: _, ...sessionFields } = ClientSession.fields

const sessionRows = decode(
  "wt_session",
  Schema.Struct({
    ...sessionFields,
    towerId: column(TowerId),
    keyIndex: column(KeyIndex),
    seqNum: column(sessionFields.seqNum),
    towerLastApplied: column(sessionFields.towerLastApplied),
    createdAt: Numeric,
    blobType: column(BlobType),
    maxUpdates: column(Policy.fields.maxUpdates),
    rewardBase: column(Policy.fields.rewardBase),
    rewardRate: column(Policy.fields.rewardRate),
    // Text: 63 bits do not fit into a number.
    sweepFeeRate: Policy.fields.sweepFeeRate
  })
)

/** Made of fields that were decoded. */
const unchecked = { disableValidation: true }

/** Decodes sessions. @since 0.1.0 @category combinators */
export const sessions = (rows: ReadonlyArray<unknown>): Effect.Effect<ReadonlyArray<ClientSession>, CorruptRow> =>
  Effect.map(sessionRows(rows), (found) =>
    found.map(
      ({ blobType, maxUpdates, rewardBase, rewardRate, sweepFeeRate, ...row }) =>
        new ClientSession(
          { ...row, policy: Policy.of({ blobType, maxUpdates, rewardBase, rewardRate, sweepFeeRate }) },
          unchecked
        )
    )
  )

/** What the sender keeps of a session `s`, beside `sessionColumns`. @since 0.1.0 @category models */
export const sendingColumns = (sql: Sql): Fragment => sql`s.way AS route, s.failing_since AS "failingSince", s.refusals`

/** Decodes what the sender keeps of sessions. @since 0.1.0 @category combinators */
export const sendingRows = decode(
  "wt_session",
  Schema.Struct({
    route: Route,
    failingSince: Schema.NullOr(Numeric),
    refusals: column(Schema.NonNegativeInt)
  })
)

/** Decodes sessions with what the sender keeps of them. @since 0.1.0 @category combinators */
export const sendingSessions = (
  rows: ReadonlyArray<unknown>
): Effect.Effect<ReadonlyArray<SendingSession>, CorruptRow> =>
  Effect.zipWith(sessions(rows), sendingRows(rows), (found, kept) =>
    Arr.zipWith(found, kept, (session, { failingSince, refusals, route }) => ({
      session,
      route,
      failingSince: failingSince ?? undefined,
      refusals
    }))
  )

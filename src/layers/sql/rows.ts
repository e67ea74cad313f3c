/**
 * What drivers answer, decoded: the same column comes as a number from SQLite and as text from Postgres.
 *
 * @since 0.1.0
 */
import type { Fragment } from "@effect/sql/Statement"
import * as Arr from "effect/Array"
import type * as Effect from "effect/Effect"
import * as Either from "effect/Either"
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

/** Decodes what a table holds; what is not that is a `CorruptRow`. */
const parse = <A, I>(table: string, schema: Schema.Schema<A, I>) => {
  const decoded = Schema.decodeUnknownEither(schema)
  return (given: unknown): Either.Either<A, CorruptRow> =>
    Either.mapLeft(decoded(given), (error) => new CorruptRow({ table, detail: error.message }))
}

/**
 * Decodes rows of a table; one that does not hold what it must is a `CorruptRow`.
 *
 * @since 0.1.0
 * @category combinators
 */
export const decode = <A, I>(
  table: string,
  schema: Schema.Schema<A, I>
): ((rows: ReadonlyArray<unknown>) => Effect.Effect<ReadonlyArray<A>, CorruptRow>) => parse(table, Schema.Array(schema))

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

const policyColumns = {
  blobType: column(BlobType),
  maxUpdates: column(Policy.fields.maxUpdates),
  rewardBase: column(Policy.fields.rewardBase),
  rewardRate: column(Policy.fields.rewardRate),
  // Text: 63 bits do not fit into a number.
  sweepFeeRate: Policy.fields.sweepFeeRate
}

/** As the driver gave them. */
const undecodedPolicy = {
  blobType: Schema.Unknown,
  maxUpdates: Schema.Unknown,
  rewardBase: Schema.Unknown,
  rewardRate: Schema.Unknown,
  sweepFeeRate: Schema.Unknown
}

const SessionRow = Schema.Struct({
  ...sessionFields,
  ...undecodedPolicy,
  towerId: column(TowerId),
  keyIndex: column(KeyIndex),
  seqNum: column(sessionFields.seqNum),
  towerLastApplied: column(sessionFields.towerLastApplied),
  createdAt: Numeric
})
type SessionRow = typeof SessionRow.Type

const sessionRows = parse("wt_session", Schema.Array(SessionRow))

const hasSamePolicy = (one: SessionRow, other: SessionRow): boolean =>
  one.blobType === other.blobType &&
  one.maxUpdates === other.maxUpdates &&
  one.rewardBase === other.rewardBase &&
  one.rewardRate === other.rewardRate &&
  one.sweepFeeRate === other.sweepFeeRate

const policyOf = parse("wt_session", Schema.Struct(policyColumns))

/** Made of fields that were decoded. */
const unchecked = { disableValidation: true }

/**
 * Makes sessions of rows. Most have the policy of another one: each policy is decoded once and is one value, since to decode it costs
 * twice as much as the rest of the row.
 */
const sessionsOf = (rows: ReadonlyArray<SessionRow>): Either.Either<ReadonlyArray<ClientSession>, CorruptRow> => {
  const policies: Array<readonly [row: SessionRow, policy: Policy.Policy]> = []
  const found: Array<ClientSession> = []
  for (const row of rows) {
    let policy = policies.find(([one]) => hasSamePolicy(one, row))?.[1]
    if (policy === undefined) {
      const decoded = policyOf(row)
      if (Either.isLeft(decoded)) return Either.left(decoded.left)
      policy = Policy.of(decoded.right)
      policies.push([row, policy])
    }
    const { createdAt, id, keyIndex, rewardPkScript, seqNum, status, towerId, towerLastApplied, towerPublicKey } = row
    const fields = {
      id,
      towerId,
      towerPublicKey,
      keyIndex,
      policy,
      rewardPkScript,
      seqNum,
      towerLastApplied,
      status,
      createdAt
    }
    found.push(new ClientSession(fields, unchecked))
  }
  return Either.right(found)
}

/** Decodes sessions. @since 0.1.0 @category combinators */
export const sessions = (rows: ReadonlyArray<unknown>): Effect.Effect<ReadonlyArray<ClientSession>, CorruptRow> =>
  Either.flatMap(sessionRows(rows), sessionsOf)

/** What the sender keeps of a session `s`, beside `sessionColumns`. @since 0.1.0 @category models */
export const sendingColumns = (sql: Sql): Fragment => sql`s.way AS route, s.failing_since AS "failingSince", s.refusals`

const sendingFields = {
  route: Route,
  failingSince: Schema.NullOr(Numeric),
  refusals: column(Schema.NonNegativeInt)
}

/** Decodes what the sender keeps of sessions. @since 0.1.0 @category combinators */
export const sendingRows = decode("wt_session", Schema.Struct(sendingFields))

const sendingSessionRows = parse("wt_session", Schema.Array(Schema.Struct({ ...SessionRow.fields, ...sendingFields })))

/** Decodes sessions with what the sender keeps of them. @since 0.1.0 @category combinators */
export const sendingSessions = (
  rows: ReadonlyArray<unknown>
): Effect.Effect<ReadonlyArray<SendingSession>, CorruptRow> =>
  Either.flatMap(sendingSessionRows(rows), (found) =>
    Either.map(sessionsOf(found), (made) =>
      Arr.zipWith(found, made, ({ failingSince, refusals, route }, session) => ({
        session,
        route,
        failingSince: failingSince ?? undefined,
        refusals
      }))
    )
  )

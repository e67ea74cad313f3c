/**
 * Sessions: stored in one transaction with the end of their reservation, and listed by page.
 *
 * @since 0.1.0
 */
import type { SqlError } from "@effect/sql/SqlError"
import type { Fragment } from "@effect/sql/Statement"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { BlobType } from "../../schema/BlobType.js"
import { type ClientSession, SessionEnd } from "../../schema/ClientSession.js"
import {
  ClientSessionAlreadyExists,
  IncorrectKeyIndex,
  NoReservedKeyIndex,
  ReservationLost,
  TowerNotFound
} from "../../schema/DbError.js"
import { KeyIndex, type LeaseToken, type Route } from "../../schema/Ids.js"
import type { Reservation } from "../../schema/Reservation.js"
import type { ClientDb } from "../../services/ClientDb.js"
import { newKeyIndex } from "./identityTable.js"
import { newLease, ofTriple, open, type Triple } from "./reservationTable.js"
import * as rows from "./rows.js"
import * as standings from "./standingTables.js"
import type { Database } from "./transaction.js"

const count = rows.column(Schema.NonNegativeInt)

const counts = rows.decode(
  "wt_session",
  Schema.Struct({
    blobType: rows.column(BlobType),
    usable: count,
    left: count,
    full: count,
    inactive: count,
    terminal: count,
    lost: count,
    exhausted: count,
    confirmed: count
  })
)

const keyIndexes = rows.decode("wt_reservation", Schema.Struct({ keyIndex: rows.column(KeyIndex) }))

/** Why no reservation of this session is held: in the order of the reference (docs/negotiation.md, The reference's database). */
const refuse = (database: Database, session: ClientSession, triple: Triple) =>
  Effect.gen(function* () {
    const { sql } = database
    const { id, keyIndex, towerId } = session
    const exists = yield* sql`SELECT 1 FROM wt_session WHERE id = ${id}`
    if (exists.length > 0) return yield* new ClientSessionAlreadyExists({ id })
    const tower = yield* sql`SELECT 1 FROM wt_tower WHERE id = ${towerId}`
    if (tower.length === 0) return yield* new TowerNotFound({ tower: towerId })
    const reserved = yield* Effect.flatMap(
      sql`SELECT key_index AS "keyIndex" FROM wt_reservation WHERE ${ofTriple(database, triple)}`,
      keyIndexes
    )
    if (reserved.length === 0) return yield* new NoReservedKeyIndex({ towerId })
    return yield* reserved.some((row) => row.keyIndex === keyIndex)
      ? new ReservationLost({ keyIndex })
      : new IncorrectKeyIndex({ towerId, keyIndex })
  })

/** Ends the reservation that is held for this session. Its row stays locked until the transaction ends. */
const endReservation = (database: Database, session: ClientSession, triple: Triple, lease: LeaseToken) =>
  Effect.gen(function* () {
    const { sql } = database
    const ended = yield* sql`
      DELETE FROM wt_reservation
      WHERE key_index = ${session.keyIndex} AND lease = ${lease} AND ${ofTriple(database, triple)}
      RETURNING key_index`
    if (ended.length === 0) yield* refuse(database, session, triple)
  })

const insert = ({ sql }: Database, session: ClientSession, route: Route) =>
  Effect.gen(function* () {
    const { policy, status } = session
    const ended = Schema.is(SessionEnd)(status) ? status : null
    const inserted = yield* sql`
      INSERT INTO wt_session (
        key_index, id, tower, status, created_at, blob_type, max_updates, reward_base, reward_rate, sweep_fee_rate,
        reward_pk_script, seq_num, tower_last_applied, way, ended
      ) VALUES (
        ${session.keyIndex}, ${session.id}, ${session.towerId}, ${ended === null ? status : "active"}, ${session.createdAt},
        ${policy.blobType}, ${policy.maxUpdates}, ${policy.rewardBase}, ${policy.rewardRate},
        ${String(policy.sweepFeeRate)}, ${session.rewardPkScript}, ${session.seqNum}, ${session.towerLastApplied}, ${route},
        ${ended}
      )
      ON CONFLICT (id) DO NOTHING
      RETURNING key_index`
    if (inserted.length === 0) return yield* new ClientSessionAlreadyExists({ id: session.id })
  })

/** Reserves the next index for the triple, free, unless one is free already or none is left. */
const reserveNext = (database: Database, triple: Triple) =>
  Effect.gen(function* () {
    const { dialect, sql } = database
    const now = yield* dialect.now
    // One that was never taken is free by any clock. Those from before the clock was set back begin now when the next one is taken.
    const free = yield* sql`
      SELECT 1 FROM wt_reservation
      WHERE ${ofTriple(database, triple)} AND (for_ms = 0 OR since + for_ms <= ${now}) LIMIT 1`
    if (free.length > 0) return
    const keyIndex = yield* newKeyIndex(database, "createClientSession")
    yield* open(database, keyIndex, triple, { forMs: 0, lease: yield* newLease })
  }).pipe(Effect.catchTag("KeyIndexesExhausted", () => Effect.void))

/** How sessions are stored. @since 0.1.0 @category models */
export interface Options {
  readonly reserveNext: boolean
}

/**
 * Stores a session, inside a transaction.
 *
 * @since 0.1.0
 * @category constructors
 */
export const store = (
  database: Database,
  options: Options,
  session: ClientSession,
  { lease, route }: Pick<Reservation, "lease" | "route">,
  update: ClientDb.StandingUpdate
) =>
  Effect.gen(function* () {
    const triple = { towerId: session.towerId, blobType: session.policy.blobType, route }
    yield* endReservation(database, session, triple, lease)
    yield* insert(database, session, route)
    yield* standings.write(database, update)
    if (options.reserveNext) yield* reserveNext(database, triple)
  })

/** The condition that a session `s` has a status, in words that an index on `status` can be used for. */
const hasStatus = ({ sql }: Database, status: ClientSession["status"]): Fragment =>
  Schema.is(SessionEnd)(status) ? sql`s.ended = ${status}` : sql`s.status = ${status} AND s.ended IS NULL`

const defaultLimit = 100
const largestLimit = 0x7fff_ffff

/** From this number of sessions before an instant on, a walk along the key indexes finds a page soon; fewer are sorted. */
const many = 1000

/** The sessions created before an instant, or all, under the name `s`. */
const createdBefore = ({ sql }: Database, instant: number | undefined): Effect.Effect<Fragment, SqlError> =>
  instant === undefined
    ? Effect.succeed(sql`wt_session s`)
    : Effect.map(
        sql`SELECT 1 FROM wt_session WHERE created_at < ${instant} LIMIT 1 OFFSET ${many - 1}`,
        (found): Fragment =>
          found.length > 0
            ? sql`(SELECT * FROM wt_session WHERE created_at < ${instant}) s`
            : sql`(WITH older AS MATERIALIZED (SELECT * FROM wt_session WHERE created_at < ${instant}) SELECT * FROM older) s`
      )

/** Lists a page of sessions. @since 0.1.0 @category constructors */
export const listClientSessions =
  (database: Database): ClientDb.Service["listClientSessions"] =>
  (filter = {}) => {
    const { after = 0, blobType, limit = defaultLimit, status, towerId } = filter
    const { sql, transaction } = database
    const wanted = sql.and([
      sql`s.key_index > ${after}`,
      ...(towerId === undefined ? [] : [sql`s.tower = ${towerId}`]),
      ...(status === undefined ? [] : [hasStatus(database, status)]),
      ...(blobType === undefined ? [] : [sql`s.blob_type = ${blobType}`])
    ])
    return transaction(
      "listClientSessions",
      "read",
      createdBefore(database, filter.createdBefore).pipe(
        Effect.flatMap(
          (source) => sql`
            SELECT ${rows.sessionColumns(sql)} FROM ${source} JOIN wt_tower t ON t.id = s.tower
            WHERE ${wanted} ORDER BY s.key_index LIMIT ${Math.min(limit, largestLimit)}`
        ),
        Effect.flatMap(rows.sessions)
      )
    )
  }

/** Counts the sessions. @since 0.1.0 @category constructors */
export const countClientSessions = ({ sql, transaction }: Database): ClientDb.Service["countClientSessions"] => {
  const isUsable = sql`status = 'active' AND ended IS NULL AND seq_num < max_updates`
  const counted = (isCounted: Fragment) => sql`SUM(CASE WHEN ${isCounted} THEN 1 ELSE 0 END)`
  const isKept = sql`(ended IS NULL OR ended <> 'lost')`
  return transaction(
    "countClientSessions",
    "read",
    Effect.flatMap(
      sql`
        SELECT blob_type AS "blobType",
          ${counted(isUsable)} AS usable,
          SUM(CASE WHEN ${isUsable} THEN max_updates - seq_num ELSE 0 END) AS "left",
          ${counted(sql`status = 'active' AND ended IS NULL AND seq_num >= max_updates`)} AS "full",
          ${counted(sql`status <> 'active' AND ended IS NULL`)} AS inactive,
          ${counted(sql`ended = 'terminal'`)} AS terminal,
          ${counted(sql`ended = 'lost'`)} AS lost,
          ${counted(sql`tower_last_applied >= max_updates AND ${isKept}`)} AS exhausted,
          SUM(CASE WHEN ${isKept} THEN tower_last_applied ELSE 0 END) AS confirmed
        FROM wt_session GROUP BY blob_type ORDER BY blob_type`,
      counts
    )
  )
}

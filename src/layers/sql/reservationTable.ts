/**
 * Reservations of key indexes (docs/negotiation.md, Reservations). A row is one open reservation; it can be taken when
 * `since + for_ms` has passed.
 *
 * @since 0.1.0
 */
import type { Fragment } from "@effect/sql/Statement"
import * as Effect from "effect/Effect"
import type { BlobType } from "../../schema/BlobType.js"
import { CorruptRow, ReservationLost, TowerNotFound } from "../../schema/DbError.js"
import { type KeyIndex, LeaseToken, type Route, type TowerId } from "../../schema/Ids.js"
import { leaseMs, type Reservation } from "../../schema/Reservation.js"
import type { ClientDb } from "../../services/ClientDb.js"
import { newKeyIndex } from "./identityTable.js"
import * as rows from "./rows.js"
import * as standings from "./standingTables.js"
import { newToken } from "./token.js"
import type { Database } from "./transaction.js"

const operation = "nextSessionKeyIndex"

/** What a reservation is for. @since 0.1.0 @category models */
export interface Triple {
  readonly towerId: TowerId
  readonly blobType: BlobType
  readonly route: Route
}

/** The condition that a reservation is for this triple. @since 0.1.0 @category combinators */
export const ofTriple = ({ sql }: Database, { blobType, towerId, route }: Triple): Fragment =>
  sql`tower = ${towerId} AND blob_type = ${blobType} AND way = ${route}`

/** The condition that a row is this reservation, and still held under its lease. @since 0.1.0 @category combinators */
export const isHeld = ({ sql }: Database, { keyIndex, lease }: Reservation): Fragment =>
  sql`key_index = ${keyIndex} AND lease = ${lease}`

/** The token of a new lease. @since 0.1.0 @category constructors */
export const newLease: Effect.Effect<LeaseToken> = Effect.map(newToken, (token) => LeaseToken.make(token))

const single = (found: ReadonlyArray<typeof Reservation.Type>): Effect.Effect<Reservation, CorruptRow> => {
  const [row] = found
  return row === undefined
    ? new CorruptRow({ table: "wt_reservation", detail: "an added row is not there" })
    : Effect.succeed(row)
}

/** Adds a reservation of a new index, which is taken for `forMs` from now; 0 leaves it free. @since 0.1.0 @category constructors */
export const open = (
  database: Database,
  keyIndex: KeyIndex,
  { blobType, towerId, route }: Triple,
  { forMs, lease }: Pick<Reservation, "forMs" | "lease">
) =>
  Effect.gen(function* () {
    const { dialect, sql } = database
    const now = yield* dialect.now
    const added = yield* sql`
      INSERT INTO wt_reservation (key_index, tower, blob_type, way, lease, since, for_ms)
      VALUES (${keyIndex}, ${towerId}, ${blobType}, ${route}, ${lease}, ${now}, ${forMs})
      RETURNING ${rows.reservationColumns(sql)}`
    return yield* Effect.flatMap(rows.reservations(added), single)
  })

/** Lets reservations that begin in the future begin now: they were made before the clock was set back. */
const rewind = (database: Database, triple: Triple, now: Fragment) =>
  database.sql`UPDATE wt_reservation SET since = ${now} WHERE ${ofTriple(database, triple)} AND since > ${now}`

/**
 * Takes the reservation that has been free longest, or one of `left`, or none. One that has this lease already comes first:
 * an earlier run took it, and the answer to its COMMIT was lost.
 */
const takeFree = (database: Database, triple: Triple, left: ReadonlyArray<Reservation>, lease: LeaseToken) =>
  Effect.gen(function* () {
    const { dialect, sql } = database
    const now = yield* dialect.now
    yield* rewind(database, triple, now)
    const takeable = sql.or([
      sql`since + for_ms <= ${now}`,
      sql`lease = ${lease}`,
      ...left.map((mine) => sql`(${isHeld(database, mine)})`)
    ])
    const taken = yield* sql`
      UPDATE wt_reservation SET lease = ${lease}, since = ${now}, for_ms = ${leaseMs}
      WHERE key_index = (
        SELECT key_index FROM wt_reservation
        WHERE ${ofTriple(database, triple)} AND ${takeable}
        ORDER BY CASE WHEN lease = ${lease} THEN 0 ELSE 1 END, since + for_ms, key_index LIMIT 1 ${dialect.lockFree}
      )
      RETURNING ${rows.reservationColumns(sql)}`
    const [reservation] = yield* rows.reservations(taken)
    return reservation
  })

const takeNew = (database: Database, triple: Triple, lease: LeaseToken) =>
  Effect.flatMap(newKeyIndex(database, operation), (keyIndex) =>
    open(database, keyIndex, triple, { forMs: leaseMs, lease })
  )

/**
 * Ends a held reservation. When an earlier run did that and the answer to its COMMIT was lost, answers the reservation that
 * it took instead: the first statement waits for that COMMIT, so that the second one sees its result.
 */
const endHeld = (database: Database, held: Reservation, lease: LeaseToken) =>
  Effect.gen(function* () {
    const { sql } = database
    const ended = yield* sql`DELETE FROM wt_reservation WHERE ${isHeld(database, held)} RETURNING key_index`
    if (ended.length > 0) return undefined
    const [taken] = yield* Effect.flatMap(
      sql`SELECT ${rows.reservationColumns(sql)} FROM wt_reservation WHERE lease = ${lease}`,
      rows.reservations
    )
    return taken ?? (yield* new ReservationLost({ keyIndex: held.keyIndex }))
  })

/**
 * Takes a key index. Taking a free one binds nothing new and needs no sync of the disk; a new index does. All runs of both
 * transactions have one token.
 *
 * @since 0.1.0
 * @category constructors
 */
export const nextSessionKeyIndex =
  (database: Database): ClientDb.Service["nextSessionKeyIndex"] =>
  (towerId, blobType, route, { forceNext, left = [] } = {}) =>
    database.operation(operation, (transaction) =>
      Effect.gen(function* () {
        const { sql } = database
        const triple = { towerId, blobType, route }
        const lease = yield* newLease
        if (forceNext === undefined) {
          const taken = yield* transaction("unsynced", takeFree(database, triple, left, lease))
          if (taken !== undefined) return taken
        }
        return yield* transaction(
          "synced",
          Effect.gen(function* () {
            const tower = yield* sql`SELECT 1 FROM wt_tower WHERE id = ${towerId}`
            if (tower.length === 0) return yield* new TowerNotFound({ tower: towerId })
            const before = forceNext === undefined ? undefined : yield* endHeld(database, forceNext, lease)
            if (before !== undefined) return before
            return (yield* takeFree(database, triple, left, lease)) ?? (yield* takeNew(database, triple, lease))
          })
        )
      })
    )

/** Gives a reservation back. @since 0.1.0 @category constructors */
export const freeSessionKeyIndex =
  (database: Database): ClientDb.Service["freeSessionKeyIndex"] =>
  (reservation, { outcome, update }) => {
    const { dialect, sql, transaction } = database
    return transaction(
      "freeSessionKeyIndex",
      "unsynced",
      Effect.gen(function* () {
        const now = yield* dialect.now
        yield* outcome._tag === "end"
          ? sql`DELETE FROM wt_reservation WHERE ${isHeld(database, reservation)}`
          : sql`
              UPDATE wt_reservation SET since = ${now}, for_ms = ${outcome.restMs}
              WHERE ${isHeld(database, reservation)}`
        yield* standings.write(database, update)
      })
    )
  }

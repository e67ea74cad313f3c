/**
 * Storing a session although the answer to COMMIT may be lost.
 *
 * Asking whether the session is there would not do: a COMMIT that comes late would make "no" a lie. So a new token is put
 * on the reservation's row, which waits for the lock of the lost transaction. One row changed: it did not commit and never
 * will; the session is stored again under the new token. None: the session is there, or another process has taken the
 * reservation over. That is repeated until `storeTimeout` (docs/database.md, When it does not answer).
 *
 * @since 0.1.0
 */
import type { SqlError } from "@effect/sql/SqlError"
import * as Effect from "effect/Effect"
import type { ClientSession } from "../../schema/ClientSession.js"
import { ReservationLost, StoreOutcomeUnknown } from "../../schema/DbError.js"
import type { LeaseToken } from "../../schema/Ids.js"
import type { ClientDb } from "../../services/ClientDb.js"
import { spanWhereTraced } from "../support/spanWhereTraced.js"
import { type CommitLost, isCommitLost, isSqlError, toDbError } from "./errors.js"
import { newLease } from "./reservationTable.js"
import * as sessions from "./sessionTable.js"
import type { Database, Deadline } from "./transaction.js"

const operation = "createClientSession"
const waitMs = 20

/** Puts the last of these tokens on the row that has any of them. */
const retake = ({ sql }: Database, session: ClientSession, tokens: ReadonlyArray<LeaseToken>) =>
  Effect.gen(function* () {
    const changed = yield* sql`
      UPDATE wt_reservation SET lease = ${tokens.at(-1)}
      WHERE key_index = ${session.keyIndex} AND ${sql.in("lease", tokens)}
      RETURNING key_index`
    if (changed.length > 0) return "open" as const
    const stored = yield* sql`SELECT 1 FROM wt_session WHERE id = ${session.id} AND key_index = ${session.keyIndex}`
    return stored.length > 0 ? ("stored" as const) : ("lost" as const)
  })

/** Stores a session. @since 0.1.0 @category constructors */
export const createClientSession =
  (database: Database, options: sessions.Options): ClientDb.Service["createClientSession"] =>
  (session, reservation, update) => {
    const store = (lease: LeaseToken, left: Deadline) =>
      database.attempt("synced", sessions.store(database, options, session, { ...reservation, lease }, update), left)

    type Stored = ReturnType<typeof store>

    const settle = (tokens: ReadonlyArray<LeaseToken>, left: Deadline, lost: CommitLost): Stored =>
      Effect.gen(function* () {
        const lease = yield* newLease
        const known = [...tokens, lease]
        const outcome = yield* Effect.either(database.attempt("synced", retake(database, session, known), left))
        if (outcome._tag === "Left") {
          if (left() <= waitMs) return yield* lost
          yield* Effect.sleep(waitMs)
          return yield* settle(known, left, lost)
        }
        switch (outcome.right) {
          case "stored":
            return
          case "lost":
            return yield* new ReservationLost({ keyIndex: session.keyIndex })
          case "open":
            return yield* Effect.catchIf(store(lease, left), isCommitLost, (error) => settle([lease], left, error))
        }
      })

    return database.deadline.pipe(
      Effect.flatMap((left) =>
        Effect.catchIf(store(reservation.lease, left), isCommitLost, (error) =>
          settle([reservation.lease], left, error)
        )
      ),
      Effect.catchIf(isCommitLost, ({ cause: { cause } }) => new StoreOutcomeUnknown({ id: session.id, cause })),
      Effect.catchIf(isSqlError, (error: SqlError) => Effect.fail(toDbError(operation)(error))),
      spanWhereTraced(`ClientDb.${operation}`)
    )
  }

/**
 * Transactions whose every failure is typed. The client's own `withTransaction` makes defects of failing BEGIN, COMMIT and
 * ROLLBACK, begins without the write lock, and can leave a connection inside its transaction.
 *
 * One attempt is uninterruptible (an interrupted query can cancel somebody else's) and bounded; between attempts the
 * caller can be interrupted. All statements go through a reserved connection, so that none of ours can land in another
 * fiber's transaction.
 *
 * @since 0.1.0
 */
import * as SqlClient from "@effect/sql/SqlClient"
import type { Connection } from "@effect/sql/SqlConnection"
import { SqlError } from "@effect/sql/SqlError"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type DatabaseBusy, DatabaseUnavailable } from "../../schema/DbError.js"
import * as Dialect from "./Dialect.js"
import { CommitLost, faultOf, isCommitLost, isSqlError, toDbError } from "./errors.js"

/**
 * A client with its dialect. `attempt` runs a body in a transaction, again and again until the deadline while nothing was
 * stored and another try may help. `transaction` does so within `storeTimeout`, with the errors of the port, and also when
 * the answer to COMMIT was lost: whatever is done by it can be done twice.
 *
 * @since 0.1.0
 * @category models
 */
export interface Database {
  readonly sql: SqlClient.SqlClient
  readonly dialect: Dialect.Dialect
  readonly deadline: Effect.Effect<Deadline>
  readonly attempt: <A, E>(
    purpose: Dialect.Purpose,
    body: Effect.Effect<A, E>,
    deadline: Deadline
  ) => Effect.Effect<A, E | SqlError | CommitLost>
  readonly transaction: <A, E>(
    operation: string,
    purpose: Dialect.Purpose,
    body: Effect.Effect<A, E>
  ) => Effect.Effect<A, Exclude<E, SqlError> | DatabaseBusy | DatabaseUnavailable>
}

/** The milliseconds that are left. @since 0.1.0 @category models */
export type Deadline = Effect.Effect<number>

/** How to open a `Database`. @since 0.1.0 @category models */
export interface Options {
  readonly storeTimeout: Duration.DurationInput
  readonly cut: Dialect.Limits["cut"]
}

const firstWaitMs = 5
const longestWaitMs = 200

const again = (error: unknown): boolean => isSqlError(error) && faultOf(error) !== "unavailable"

/**
 * Makes transactions over this client.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (client: SqlClient.SqlClient, options: Options): Database => {
  const sql = client.withoutTransforms()
  const storeTimeoutMs = Duration.toMillis(options.storeTimeout)
  const dialect = Dialect.of(sql, storeTimeoutMs, options.cut)
  const { attemptMs, connectMs, cut } = dialect.limits

  // By the monotonic clock: the wall clock may be set meanwhile.
  const deadline: Effect.Effect<Deadline> = Effect.map(Clock.currentTimeNanos, (start) =>
    Effect.map(Clock.currentTimeNanos, (now) => storeTimeoutMs - Number(now - start) / 1e6)
  )

  const guard = (connection: Connection, left: number): Effect.Effect<void, never, Scope.Scope> => {
    const bound = Math.min(attemptMs, left)
    return Number.isFinite(attemptMs)
      ? // A fork inherits uninterruptibility, and the scope would wait for the timer.
        cut(connection).pipe(Effect.delay(bound), Effect.interruptible, Effect.forkScoped, Effect.asVoid)
      : Effect.void
  }

  // node-postgres reads the files of TLS for each connection, and throws where one is gone.
  const reserve = Effect.catchAllDefect(sql.reserve, (cause) =>
    Effect.fail(new SqlError({ cause, message: "Failed to make a connection" }))
  )

  const once = <A, E>(purpose: Dialect.Purpose, body: Effect.Effect<A, E>, left: Deadline) =>
    Effect.gen(function* () {
      const connection = yield* reserve
      yield* guard(connection, yield* left)
      const say = (statement: string) => connection.execute(statement, [], undefined)
      const inside = body.pipe(
        Effect.provideService(SqlClient.TransactionConnection, [connection, 0]),
        Effect.provideService(SqlClient.SafeIntegers, false)
      )
      if (purpose === "read") return yield* inside
      const commit = Effect.catchAll(say("COMMIT"), (error) =>
        Effect.fail(faultOf(error) === "disconnected" ? new CommitLost({ cause: error }) : error)
      )
      return yield* Effect.forEach(dialect.begin(purpose), say, { discard: true }).pipe(
        Effect.andThen(inside),
        Effect.tap(() => commit),
        // What failed is told; that there may be nothing to roll back is not.
        Effect.onError(() => Effect.ignore(say("ROLLBACK")))
      )
    }).pipe(Effect.scoped, Effect.uninterruptible)

  const patiently = <A, E>(
    run: Effect.Effect<A, E>,
    left: Deadline,
    when: (error: E) => boolean,
    wait = firstWaitMs
  ): Effect.Effect<A, E> =>
    Effect.catchIf(run, when, (error) =>
      Effect.flatMap(left, (ms) =>
        ms < wait + connectMs
          ? Effect.fail(error)
          : Effect.andThen(Effect.sleep(wait), patiently(run, left, when, Math.min(wait * 2, longestWaitMs)))
      )
    )

  const attempt: Database["attempt"] = (purpose, body, left) => patiently(once(purpose, body, left), left, again)

  const transaction: Database["transaction"] = (operation, purpose, body) =>
    deadline.pipe(
      Effect.flatMap((left) =>
        patiently(once(purpose, body, left), left, (error) => isCommitLost(error) || again(error))
      ),
      Effect.catchIf(isCommitLost, ({ cause: { cause } }) =>
        Effect.fail(new DatabaseUnavailable({ operation, detail: "it did not say whether this was stored", cause }))
      ),
      Effect.catchIf(isSqlError, (error) => Effect.fail(toDbError(operation)(error))),
      Effect.withSpan(`ClientDb.${operation}`, { captureStackTrace: false })
    )

  return { sql, dialect, deadline, attempt, transaction }
}

/**
 * Transactions whose every failure is typed. The client's own `withTransaction` makes defects of failing BEGIN, COMMIT and
 * ROLLBACK, begins without the write lock, and can leave a connection inside its transaction.
 *
 * One attempt is uninterruptible (an interrupted query can cancel another fiber's) and bounded in time; between attempts, and while the
 * disk syncs what is committed, the caller can be interrupted. All statements go through a reserved connection, so that none of them can end up in another
 * fiber's transaction.
 *
 * @since 0.1.0
 */
import * as SqlClient from "@effect/sql/SqlClient"
import type { Connection } from "@effect/sql/SqlConnection"
import { SqlError } from "@effect/sql/SqlError"
import type * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type DatabaseBusy, DatabaseUnavailable } from "../../schema/DbError.js"
import { within } from "../concurrency/firstOf.js"
import * as Region from "../concurrency/region.js"
import { spanWhereTraced } from "../support/spanWhereTraced.js"
import * as Dialect from "./Dialect.js"
import { CommitLost, failureKind, isCommitLost, isSqlError, toDbError, toOpenError } from "./errors.js"
import * as Statement from "./statement.js"

/**
 * Runs a body in a transaction, again and again until the deadline of the operation while another try may help; also when
 * the answer to COMMIT was lost. So a body may run although an earlier run of it was stored, and must bear that.
 *
 * @since 0.1.0
 * @category models
 */
export type Transaction = <A, E>(
  purpose: Dialect.Purpose,
  body: Effect.Effect<A, E>
) => Effect.Effect<A, E | SqlError | CommitLost>

/**
 * A client with its dialect. `operation` gives all transactions of one operation of the port one deadline, `storeTimeout`
 * from its start, and the errors of the port; `transaction` is an operation of one. `attempt` is for what is to be done
 * otherwise when the answer to COMMIT was lost. `as` is the same database for another port, after which its spans are named.
 *
 * @since 0.1.0
 * @category models
 */
export interface Database {
  readonly sql: Statement.Sql
  readonly dialect: Dialect.Dialect
  readonly deadline: Effect.Effect<Deadline>
  readonly attempt: <A, E>(
    purpose: Dialect.Purpose,
    body: Effect.Effect<A, E>,
    deadline: Deadline
  ) => Effect.Effect<A, E | SqlError | CommitLost>
  readonly operation: <A, E>(
    name: string,
    run: (transaction: Transaction) => Effect.Effect<A, E | SqlError | CommitLost>
  ) => Effect.Effect<A, Told<E>>
  readonly transaction: <A, E>(
    operation: string,
    purpose: Dialect.Purpose,
    body: Effect.Effect<A, E>
  ) => Effect.Effect<A, Told<E>>
  readonly as: (port: Port) => Database
}

/** The ports over one database. @since 0.1.0 @category models */
export type Port = "ClientDb" | "BackupDb"

/** What the caller of the port is told: no errors of the client. @since 0.1.0 @category errors */
export type Told<E> = Exclude<E, SqlError | CommitLost> | DatabaseBusy | DatabaseUnavailable

/** Tells the milliseconds that are left. @since 0.1.0 @category models */
export type Deadline = () => number

/** How to open a `Database`; `cut` is found for Postgres where it is not given, and without `flush` SQLite syncs each commit. @since 0.1.0 @category models */
export interface Options {
  readonly storeTimeout: Duration.DurationInput
  readonly cut?: Dialect.Limits["cut"] | undefined
  readonly flush?: Dialect.Flush | undefined
}

const firstWaitMs = 5
const longestWaitMs = 200

const diskTooSlow = new SqlError({
  cause: new Error("the disk has not synced in time what was written"),
  message: "The log was not synced"
})

const isOfClient = (error: unknown): error is SqlError | CommitLost => isCommitLost(error) || isSqlError(error)

/** One statement after the other. */
const begun = (statements: ReadonlyArray<Effect.Effect<unknown, SqlError>>): Effect.Effect<unknown, SqlError> =>
  statements.reduce((before, next) => Effect.zipRight(before, next))

const again = (error: unknown): boolean => isSqlError(error) && failureKind(error) !== "unavailable"

const over = (client: SqlClient.SqlClient, dialect: Dialect.Dialect, storeTimeoutMs: number, port: Port): Database => {
  const { attemptMs, connectMs, cut } = dialect.limits

  // By the monotonic clock: the wall clock may be set during the transaction.
  const deadlineBy = (clock: Clock.Clock): Deadline => {
    const start = clock.unsafeCurrentTimeNanos()
    return () => storeTimeoutMs - Number(clock.unsafeCurrentTimeNanos() - start) / 1e6
  }

  // A fork inherits uninterruptibility, and the scope would wait for the timer.
  const guard = (connection: Connection, bound: number): Effect.Effect<unknown, never, Scope.Scope> =>
    cut(connection).pipe(Effect.delay(bound), Effect.interruptible, Effect.forkScoped)

  // node-postgres reads the files of TLS for each connection, and throws if one does not exist.
  const reserve = Effect.catchAllDefect(client.reserve, (cause) =>
    Effect.fail(new SqlError({ cause, message: "Failed to make a connection" }))
  )

  // A disk that hangs is a typed failure: its thread goes on without the caller.
  const flushed = (flush: Dialect.Flush, left: Deadline): Effect.Effect<void, SqlError> =>
    Effect.suspend(() => within(flush, Math.max(0, left()), () => diskTooSlow))

  const committed = <A, E>(purpose: Dialect.Purpose, body: Effect.Effect<A, E>, left: Deadline) =>
    Effect.flatMap(reserve, (reserved) => {
      const connection = dialect.connectionOf(reserved)
      // In the step that executes it: a client may prepare when it is asked for the effect, and a pragma takes effect then.
      const say = (statement: string) => Effect.suspend(() => connection.execute(statement, [], undefined))
      const services = Context.make(SqlClient.TransactionConnection, [connection, 0]).pipe(
        Context.add(SqlClient.SafeIntegers, false)
      )
      const inside = Effect.zipRight(Region.add(services), body)
      const bound = attemptMs(purpose, left())
      const guarded = <A, E, R>(run: Effect.Effect<A, E, R>) =>
        Number.isFinite(bound) ? Effect.zipRight(guard(connection, bound), run) : run
      if (purpose === "read") return guarded(inside)
      const commit = Effect.catchAll(say("COMMIT"), (error) =>
        Effect.fail(failureKind(error) === "disconnected" ? new CommitLost({ cause: error }) : error)
      )
      const whole = Effect.zipRight(begun(dialect.begin(purpose).map(say)), Effect.zipLeft(inside, commit))
      // The failure is reported; that there may be nothing to roll back is not, nor how a client fails then.
      return guarded(Effect.tapErrorCause(whole, () => Effect.exit(say("ROLLBACK"))))
    }).pipe(dialect.inScope, Effect.uninterruptible)

  const once = <A, E>(purpose: Dialect.Purpose, body: Effect.Effect<A, E>, left: Deadline) => {
    const { flush } = dialect
    const run = committed(purpose, body, left)
    return purpose === "flushed" && flush !== undefined ? Effect.zipLeft(run, flushed(flush, left)) : run
  }

  /**
   * Again and again until the deadline. `unanswered`: the COMMIT of an earlier try, which may be carried out after all. What a later try
   * fails with would say that nothing was stored.
   */
  const patiently = <A, E>(
    run: Effect.Effect<A, E>,
    left: Deadline,
    when: (error: E) => boolean,
    wait = firstWaitMs,
    unanswered?: CommitLost
  ): Effect.Effect<A, E | CommitLost> =>
    Effect.catchIf(
      run,
      (error) => when(error) || (unanswered !== undefined && isSqlError(error)),
      (error) => {
        const lost = isCommitLost(error) ? error : unanswered
        return when(error) && left() >= wait + connectMs
          ? Effect.andThen(Effect.sleep(wait), patiently(run, left, when, Math.min(wait * 2, longestWaitMs), lost))
          : Effect.fail(lost ?? error)
      }
    )

  const attempt: Database["attempt"] = (purpose, body, left) => patiently(once(purpose, body, left), left, again)

  const operation: Database["operation"] = (name, run) =>
    Effect.clockWith((clock) => {
      const left = deadlineBy(clock)
      return run((purpose, body) =>
        patiently(once(purpose, body, left), left, (error) => isCommitLost(error) || again(error))
      )
    }).pipe(
      Effect.catchIf(isOfClient, (error) =>
        Effect.fail(
          isCommitLost(error)
            ? new DatabaseUnavailable({
                operation: name,
                detail: "it did not say whether this was stored",
                cause: error.cause.cause
              })
            : toDbError(name)(error)
        )
      ),
      spanWhereTraced(`${port}.${name}`)
    )

  return {
    sql: Statement.make(client),
    dialect,
    deadline: Effect.clockWith((clock) => Effect.succeed(deadlineBy(clock))),
    attempt,
    operation,
    transaction: (name, purpose, body) => operation(name, (transaction) => transaction(purpose, body)),
    as: (port) => over(client, dialect, storeTimeoutMs, port)
  }
}

/**
 * Makes transactions over this client. Fails where they could not be bounded, and for a client of another database.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  client: SqlClient.SqlClient,
  options: Options
): Effect.Effect<Database, DatabaseBusy | DatabaseUnavailable> =>
  Effect.suspend(() => {
    const sql = client.withoutTransforms()
    const storeTimeoutMs = Duration.toMillis(options.storeTimeout)
    return Effect.map(Dialect.of(sql, storeTimeoutMs, options), (dialect) =>
      over(sql, dialect, storeTimeoutMs, "ClientDb")
    )
  }).pipe(Effect.catchIf(isSqlError, (error) => Effect.fail(toOpenError(error))))

/**
 * The differences between the two databases, as data.
 *
 * @since 0.1.0
 */
import type { SqlClient } from "@effect/sql/SqlClient"
import type { Connection } from "@effect/sql/SqlConnection"
import { SqlError } from "@effect/sql/SqlError"
import type { Fragment } from "@effect/sql/Statement"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { DatabaseUnavailable } from "../../schema/DbError.js"
import { scoped, scopedInOneTurn } from "../concurrency/scoped.js"
import * as Cut from "./cut.js"

/**
 * What a transaction is for. `read` takes no lock. `unsynced` survives the end of our process, but on SQLite not a failure
 * of power; `synced` survives both, and so does `migration`, which may take long once it has begun. `flushed` is `synced`, but
 * others may see it before it is: for what nobody acts upon without a synced transaction of their own.
 *
 * @since 0.1.0
 * @category models
 */
export type Purpose = "read" | "unsynced" | "synced" | "flushed" | "migration"

/**
 * `begin` opens a transaction. `now` is the instant by the clock that judges leases: ours on SQLite, the server's on
 * Postgres. `lock` and `lockFree` end a select whose row the transaction is going to change, waiting for others or passing
 * over what they hold; `lockNoKey` waits too, but lets others insert rows that refer to that row. `connectionOf` makes of a
 * reserved connection the one that statements go through. `versionTable` finds a row where the tables were made; `migrating`
 * waits for another process that makes them. `inScope` runs a transaction with a scope for its connection: on SQLite in one turn of
 * the event loop, so that no other process waits for a lock while other fibers of ours run. `flush` makes durable what a `flushed`
 * transaction has committed; without it that was synced as it was committed.
 *
 * @since 0.1.0
 * @category models
 */
export interface Dialect {
  readonly begin: (purpose: Purpose) => ReadonlyArray<string>
  readonly now: Effect.Effect<Fragment>
  readonly lock: Fragment
  readonly lockFree: Fragment
  readonly lockNoKey: Fragment
  readonly connectionOf: (connection: Connection) => Connection
  readonly inScope: <A, E>(transaction: Effect.Effect<A, E, Scope.Scope>) => Effect.Effect<A, E>
  readonly versionTable: Fragment
  readonly migrating: ReadonlyArray<string>
  readonly types: Types
  readonly limits: Limits
  readonly flush: Flush | undefined
}

/** Ends when all is durable that was committed before it began. @since 0.1.0 @category models */
export type Flush = Effect.Effect<void, SqlError>

/**
 * The types of columns that have other names: a number that the database gives a row, one that may pass 2^31, an instant, bytes.
 * What `wide` names is the row's own number on SQLite, where it is the primary key.
 *
 * @since 0.1.0
 * @category models
 */
export interface Types {
  readonly rowId: string
  readonly wide: string
  readonly instant: string
  readonly bytes: string
}

/**
 * How an attempt is bounded, in milliseconds: `connectMs` to get a connection, `attemptMs` for what is done on it when so
 * much is left of the operation's time; then `cut` destroys the connection, so that a silent network ends as a typed
 * failure. SQLite cannot be bounded.
 *
 * @since 0.1.0
 * @category models
 */
export interface Limits {
  readonly connectMs: number
  readonly attemptMs: (purpose: Purpose, left: number) => number
  readonly cut: (connection: Connection) => Effect.Effect<void>
}

/** As our own client executes: a failure to prepare is typed, and the client does not keep it. */
const unprepared = (connection: Connection): Connection => ({
  ...connection,
  execute: (text, parameters, transform) => {
    try {
      return connection.executeUnprepared(text, parameters, transform)
    } catch (cause) {
      return Effect.fail(new SqlError({ cause, message: "Failed to prepare statement" }))
    }
  }
})

const sqlite = (sql: SqlClient, flush: Flush | undefined): Dialect => ({
  // The level cannot be changed inside a transaction. IMMEDIATE: the write lock is there from the first statement on.
  begin: (purpose) => {
    const isFull = purpose === "synced" || (purpose === "flushed" && flush === undefined)
    return [`PRAGMA synchronous = ${isFull ? "FULL" : "NORMAL"}`, "BEGIN IMMEDIATE"]
  },
  now: Effect.map(Clock.currentTimeMillis, (now) => sql`${now}`),
  lock: sql``,
  lockFree: sql``,
  lockNoKey: sql``,
  connectionOf: unprepared,
  // Not `scoped`: its fiber would cost a fifth of the transaction. There is one finalizer: the client's, for its connection.
  inScope: scopedInOneTurn,
  versionTable: sql`SELECT 1 FROM sqlite_master WHERE name = 'wt_version'`,
  migrating: [],
  types: { rowId: "INTEGER PRIMARY KEY", wide: "INTEGER", instant: "REAL", bytes: "BLOB" },
  limits: { connectMs: 0, attemptMs: () => Number.POSITIVE_INFINITY, cut: () => Effect.void },
  flush
})

const migrationLock = 0x77_74_64_62

/** An index over millions of rows takes minutes, and another process may have to wait that long for the one that makes it. */
const migrationMs = Duration.toMillis("10 minutes")

const oldestPostgres = 12

/** An older server would refuse no table, but the first statement of a backup. */
const refuseOlder = `DO $$ BEGIN
  IF current_setting('server_version_num')::int < ${oldestPostgres}0000 THEN
    RAISE EXCEPTION 'the server is Postgres %, and ${oldestPostgres} is the oldest that can be used', current_setting('server_version');
  END IF;
END $$`

const postgres = (sql: SqlClient, limits: Limits, statementMs: number): Dialect => ({
  // One round trip. The timeouts end what a half-open connection would hold; every commit is synchronous, because the server
  // can fall while its clients live.
  begin: (purpose) => [
    [
      "BEGIN ISOLATION LEVEL READ COMMITTED",
      `SET LOCAL statement_timeout = ${purpose === "migration" ? migrationMs : statementMs}`,
      `SET LOCAL idle_in_transaction_session_timeout = ${statementMs}`,
      "SET LOCAL synchronous_commit = on"
    ].join("; ")
  ],
  now: Effect.succeed(sql`trunc(extract(epoch from statement_timestamp()) * 1000)::float8`),
  lock: sql`FOR UPDATE`,
  lockFree: sql`FOR UPDATE SKIP LOCKED`,
  lockNoKey: sql`FOR NO KEY UPDATE`,
  connectionOf: (connection) => connection,
  inScope: scoped,
  versionTable: sql`SELECT 1 WHERE to_regclass('wt_version') IS NOT NULL`,
  migrating: [
    refuseOlder,
    `SELECT pg_advisory_xact_lock(${migrationLock})`,
    // A statement that waits for a table blocks all that come after it, reads included.
    `SET LOCAL lock_timeout = ${statementMs}`
  ],
  types: {
    rowId: "INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
    wide: "BIGINT",
    instant: "DOUBLE PRECISION",
    bytes: "BYTEA"
  },
  limits,
  flush: undefined
})

/**
 * The dialect of this client, whose `sql` changes no names; one that is for another database is refused. On Postgres an attempt has a fifth of
 * `storeTimeoutMs` for a connection, a fifth for a statement and three tenths in all, so that a lost answer can be settled
 * within `storeTimeoutMs`. A migration has ten minutes once it has begun.
 *
 * @since 0.1.0
 * @category constructors
 */
export const of = (
  sql: SqlClient,
  storeTimeoutMs: number,
  { cut, flush }: { readonly cut?: Limits["cut"] | undefined; readonly flush?: Flush | undefined }
): Effect.Effect<Dialect, DatabaseUnavailable | SqlError> =>
  sql.onDialectOrElse({
    pg: () =>
      Effect.map(cut === undefined ? Cut.ofPostgres(sql) : Effect.succeed(cut), (cut) => {
        const fifth = Math.ceil(storeTimeoutMs / 5)
        const attemptMs: Limits["attemptMs"] = (purpose, left) =>
          purpose === "migration" ? migrationMs : Math.min(fifth * 1.5, left)
        return postgres(sql, { connectMs: fifth, attemptMs, cut }, fifth)
      }),
    sqlite: () => Effect.succeed(sqlite(sql, flush)),
    orElse: () =>
      new DatabaseUnavailable({
        operation: "open",
        detail:
          "the SQL client is for neither SQLite nor Postgres: give it one of @effect/sql-sqlite-node or @effect/sql-pg"
      })
  })

/**
 * A client of a SQLite file (better-sqlite3) with one connection, on which each statement is prepared once.
 *
 * That of `@effect/sql-sqlite-node` asks a cache that expires for each statement, which also keeps failures to prepare, and that costs
 * several times what SQLite needs to execute it.
 *
 * @since 0.1.0
 */
import * as Reactivity from "@effect/experimental/Reactivity"
import * as SqlClient from "@effect/sql/SqlClient"
import type { Connection } from "@effect/sql/SqlConnection"
import { SqlError } from "@effect/sql/SqlError"
import { makeCompilerSqlite } from "@effect/sql/Statement"
import Sqlite from "better-sqlite3"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Mutex from "../concurrency/mutex.js"
import * as LogSync from "./logSync.js"

type Statement = Sqlite.Statement<Array<unknown>, object>

/** More than this package has; without a limit, the texts of a program that writes numbers into them would fill the memory. */
const mostKept = 500

/** Prepares each text once, but for pragmas: `synchronous` takes effect while it is prepared, and not again. */
const preparing = (db: Sqlite.Database): ((text: string) => Statement) => {
  const kept = new Map<string, Statement>()
  return (text) => {
    const known = kept.get(text)
    if (known !== undefined) return known
    const statement = db.prepare<Array<unknown>, object>(text)
    if (text.startsWith("PRAGMA")) return statement
    const [oldest] = kept.keys()
    if (oldest !== undefined && kept.size >= mostKept) kept.delete(oldest)
    kept.set(text, statement)
    return statement
  }
}

const connectionTo = (db: Sqlite.Database): Connection => {
  const prepare = preparing(db)
  const on = <A>(use: (safeIntegers: boolean) => A): Effect.Effect<A, SqlError> =>
    Effect.withFiberRuntime((fiber) => {
      try {
        return Effect.succeed(use(Context.get(fiber.currentContext, SqlClient.SafeIntegers)))
      } catch (cause) {
        return Effect.fail(new SqlError({ cause, message: "SQLite refused a statement" }))
      }
    })
  const execute: Connection["execute"] = (text, parameters, transform) =>
    on((safeIntegers) => {
      // It answers nothing, and a statement that is made for one execution costs several times as much.
      if (text.startsWith("PRAGMA synchronous = ")) {
        db.exec(text)
        return []
      }
      // It is kept: the one before may have asked for the other kind of numbers.
      const statement = prepare(text).safeIntegers(safeIntegers)
      if (statement.reader)
        return transform === undefined ? statement.all(...parameters) : transform(statement.all(...parameters))
      statement.run(...parameters)
      return []
    })
  return {
    execute,
    executeUnprepared: execute,
    executeRaw: (text, parameters) =>
      on((safeIntegers) => {
        const statement = prepare(text).safeIntegers(safeIntegers)
        return statement.reader ? statement.all(...parameters) : statement.run(...parameters)
      }),
    executeValues: (text, parameters) =>
      on((safeIntegers) => {
        // Not kept: others want objects of the same text.
        const statement = db.prepare<Array<unknown>, ReadonlyArray<unknown>>(text).safeIntegers(safeIntegers)
        if (statement.reader) return statement.raw(true).all(...parameters)
        statement.run(...parameters)
        return []
      }),
    executeStream: (text, parameters, transform) => Stream.fromIterableEffect(execute(text, parameters, transform))
  }
}

/** A client, and how to bring to the disk what it has committed without a sync. @since 0.1.0 @category models */
export interface Opened {
  readonly sql: SqlClient.SqlClient
  readonly flush: Effect.Effect<void, SqlError> | undefined
}

/** Opens the file, or `:memory:`, until the scope closes. @since 0.1.0 @category constructors */
export const make = (filename: string): Effect.Effect<Opened, SqlError, Scope.Scope> =>
  Effect.gen(function* () {
    const db = yield* Effect.acquireRelease(
      Effect.try({
        try: () => new Sqlite(filename),
        catch: (cause) => new SqlError({ cause, message: "SQLite cannot open the file" })
      }),
      (opened) => Effect.sync(() => opened.close())
    )
    const connection = connectionTo(db)
    const { release, take } = Mutex.turn()
    const taken = take((free) => free)
    const sql = yield* SqlClient.make({
      // Uninterruptible: a fiber that is interrupted between the two would keep its turn (docs/concurrency.md, Mutex).
      acquirer: Effect.uninterruptible(Effect.as(Effect.zipRight(taken, release), connection)),
      transactionAcquirer: Effect.uninterruptible(
        Effect.flatMap(Effect.scope, (scope) =>
          Effect.zipRight(taken, Effect.as(Scope.addFinalizer(scope, release), connection))
        )
      ),
      compiler: makeCompilerSqlite(),
      spanAttributes: [["db.system.name", "sqlite"]]
    })
    return { sql, flush: yield* LogSync.make(db) }
  }).pipe(Effect.provideServiceEffect(Reactivity.Reactivity, Reactivity.make))

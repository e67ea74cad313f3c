/**
 * Brings the write-ahead log of a SQLite file to the disk, after commits that have not waited for that (`synchronous = NORMAL`).
 *
 * SQLite's own sync is a part of COMMIT: it blocks the event loop, and holds the write lock, for as long as the disk takes. Here a
 * thread of Node waits for the disk, and all that has been committed meanwhile shares the next sync
 * (docs/adr/states-are-synced-after-their-commit.md).
 *
 * @since 0.1.0
 */
import * as fs from "node:fs"
import { SqlError } from "@effect/sql/SqlError"
import type Sqlite from "better-sqlite3"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import type * as Scope from "effect/Scope"

/** How a file is synced: `fs.fdatasync`, but for tests. @since 0.1.0 @category models */
export type Fdatasync = (file: number, done: (error: Error | null) => void) => void

type Sync = Deferred.Deferred<void, SqlError>

/** Makes the log durable by way of the file itself, whose sync SQLite checks. Throws where that fails. */
const checkpoint = (db: Sqlite.Database): void => {
  if (db.pragma("wal_checkpoint(TRUNCATE)", { simple: true }) !== 0) {
    throw Object.assign(new Error("after a failed sync of its log the file is in use"), { code: "SQLITE_BUSY" })
  }
}

/**
 * An effect that ends when all is durable that was committed before it began; none for a database in memory. It may be interrupted: the
 * sync goes on. The scope closes after a sync that is under way, since the number of a closed file may be another file's.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  db: Sqlite.Database,
  fdatasync: Fdatasync = fs.fdatasync
): Effect.Effect<Effect.Effect<void, SqlError> | undefined, never, Scope.Scope> =>
  Effect.gen(function* () {
    if (db.memory) return undefined
    let log: number | undefined
    let running: Sync | undefined
    /** For commits that `running` may have missed, since it had begun. */
    let next: Sync | undefined
    let hasFailed = false

    const syncLog = (done: (error: Error | null) => void): void => {
      // Closing it ends no locks of SQLite: in this mode those are on the other two files.
      log ??= fs.openSync(`${db.name}-wal`, "r+")
      fdatasync(log, (error) => {
        hasFailed = error !== null
        done(error)
      })
    }

    const attempt = (done: (error: unknown) => void): void => {
      try {
        if (!hasFailed) {
          syncLog(done)
          return
        }
        // The kernel reports a page that it could not write once, and then takes it for written: a second sync would say that all is well.
        checkpoint(db)
        hasFailed = false
      } catch (error) {
        done(error)
        return
      }
      done(null)
    }

    const begin = (sync: Sync): void => {
      running = sync
      next = undefined
      attempt((error) => {
        running = undefined
        if (next !== undefined) begin(next)
        Deferred.unsafeDone(
          sync,
          error === null ? Exit.void : Exit.fail(new SqlError({ cause: error, message: "The log was not synced" }))
        )
      })
    }

    yield* Effect.addFinalizer(() =>
      Effect.andThen(
        Effect.suspend(() => (running === undefined ? Effect.void : Effect.exit(Deferred.await(next ?? running)))),
        Effect.sync(() => (log === undefined ? undefined : fs.closeSync(log)))
      )
    )
    return Effect.suspend(() => {
      const sync = next ?? Deferred.unsafeMake<void, SqlError>(FiberId.none)
      if (running === undefined) begin(sync)
      else next = sync
      return Deferred.await(sync)
    })
  })

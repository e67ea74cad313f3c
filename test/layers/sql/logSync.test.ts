/** How commits that have not waited for the disk are brought there, and what happens when the disk refuses. */
import * as fs from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import Sqlite from "better-sqlite3"
import { Effect, Exit, Fiber, Scope } from "effect"
import * as LogSync from "../../../src/layers/sql/logSync.js"
import { newFile } from "./sqliteFile.js"

/** A disk whose syncs end when the test says so. */
const makeDisk = () => {
  const begun: Array<(error: Error | null) => void> = []
  const fdatasync: LogSync.Fdatasync = (_, done) => void begun.push(done)
  return { begun, fdatasync }
}

const opened = (fdatasync?: LogSync.Fdatasync) =>
  Effect.gen(function* () {
    const filename = yield* newFile
    const db = yield* Effect.acquireRelease(
      Effect.sync(() => new Sqlite(filename)),
      (open) => Effect.sync(() => open.close())
    )
    db.pragma("busy_timeout = 5")
    db.pragma("journal_mode = WAL")
    db.pragma("synchronous = NORMAL")
    db.exec("CREATE TABLE t (n INTEGER)")
    const flush = yield* LogSync.make(db, fdatasync)
    assert.isDefined(flush)
    return { filename, db, flush: flush ?? Effect.void }
  })

const error = Object.assign(new Error("EIO: i/o error, fdatasync"), { code: "EIO" })

/** A fiber of the caller that has got as far as it can. */
const begin = <A, E>(effect: Effect.Effect<A, E>) => Effect.zipLeft(Effect.fork(effect), Effect.yieldNow())

describe("the sync of a log", () => {
  it.scoped("is of the log's file", () =>
    Effect.gen(function* () {
      const synced: Array<string> = []
      const { filename, flush } = yield* opened((file, done) => {
        synced.push(fs.readlinkSync(`/proc/self/fd/${file}`))
        done(null)
      })
      yield* flush
      assert.deepStrictEqual(synced, [`${filename}-wal`])
    })
  )

  it.scoped("is shared by all that ask before it begins, and by none that asks later", () =>
    Effect.gen(function* () {
      const { begun, fdatasync } = makeDisk()
      const { flush } = yield* opened(fdatasync)
      const first = yield* begin(flush)
      const later = [yield* begin(flush), yield* begin(flush), yield* begin(flush)]
      assert.strictEqual(begun.length, 1)
      begun[0]?.(null)
      yield* Fiber.join(first)
      for (const one of later) assert.isNull(one.unsafePoll())
      assert.strictEqual(begun.length, 2)
      begun[1]?.(null)
      yield* Fiber.joinAll(later)
      assert.strictEqual(begun.length, 2)
    })
  )

  it.scoped("goes on without a caller that is interrupted", () =>
    Effect.gen(function* () {
      const { begun, fdatasync } = makeDisk()
      const { flush } = yield* opened(fdatasync)
      const fiber = yield* begin(flush)
      assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(fiber)))
      begun[0]?.(null)
      const next = yield* begin(flush)
      begun[1]?.(null)
      yield* Fiber.join(next)
    })
  )

  it.scoped("that failed is not repeated: the log is copied into the file instead, then it goes on as before", () =>
    Effect.gen(function* () {
      const { begun, fdatasync } = makeDisk()
      const { db, filename, flush } = yield* opened(fdatasync)
      const failing = yield* begin(flush)
      begun[0]?.(error)
      assert.deepInclude(yield* Effect.flip(Fiber.join(failing)), { cause: error })
      db.exec("INSERT INTO t VALUES (1)")
      assert.isAbove(fs.statSync(`${filename}-wal`).size, 0)
      yield* flush
      assert.strictEqual(begun.length, 1)
      // All is in the file alone.
      assert.strictEqual(fs.statSync(`${filename}-wal`).size, 0)
      db.exec("INSERT INTO t VALUES (2)")
      const next = yield* begin(flush)
      assert.strictEqual(begun.length, 2)
      begun[1]?.(null)
      yield* Fiber.join(next)
    })
  )

  it.scoped("fails for as long as the log cannot be copied into the file", () =>
    Effect.gen(function* () {
      const { begun, fdatasync } = makeDisk()
      const { db, filename, flush } = yield* opened(fdatasync)
      const failing = yield* begin(flush)
      begun[0]?.(error)
      yield* Effect.flip(Fiber.join(failing))
      const reader = new Sqlite(filename)
      reader.exec("BEGIN")
      reader.prepare("SELECT * FROM t").all()
      db.exec("INSERT INTO t VALUES (1)")
      for (const _ of [1, 2]) {
        const { cause } = yield* Effect.flip(flush)
        assert.include(String(cause), "the file is in use")
      }
      reader.exec("COMMIT")
      reader.close()
      yield* flush
      assert.strictEqual(begun.length, 1)
    })
  )

  it.effect("that is under way is waited for before the log is closed", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { begun, fdatasync } = makeDisk()
        const scope = yield* Scope.make()
        const { flush } = yield* Scope.extend(opened(fdatasync), scope)
        const flushing = yield* begin(flush)
        const closing = yield* begin(Scope.close(scope, Exit.void))
        assert.isNull(closing.unsafePoll())
        begun[0]?.(null)
        yield* Fiber.join(closing)
        yield* Fiber.join(flushing)
      })
    )
  )

  it.scoped("is none for a database in memory", () =>
    Effect.gen(function* () {
      assert.isUndefined(yield* LogSync.make(new Sqlite(":memory:")))
    })
  )

  it.scoped("is a real one of the disk, by default", () => Effect.flatMap(opened(), ({ flush }) => flush))
})

/** Transactions that are synced after their commit, in a database whose disk is slow, hangs or refuses. */

import { SqlError } from "@effect/sql/SqlError"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, TestClock } from "effect"
import * as SqliteClientDb from "../../../src/layers/SqliteClientDb.js"
import * as Transaction from "../../../src/layers/sql/transaction.js"
import { recording } from "./recording.js"

/** A database in memory with this flush, and what it was told. */
const database = (flush: Effect.Effect<void, SqlError> | undefined) =>
  Effect.gen(function* () {
    const said: Array<string> = []
    const sql = recording(yield* SqliteClientDb.client({ filename: ":memory:" }), (text) => said.push(text))
    const { transaction } = yield* Transaction.make(sql, { storeTimeout: "5 seconds", flush })
    return {
      said,
      run: transaction("keep", "flushed", Effect.void),
      synced: transaction("keep", "synced", Effect.void)
    }
  })

const levels = (said: ReadonlyArray<string>) => said.filter((text) => text.startsWith("PRAGMA synchronous"))

describe("a flushed transaction", () => {
  it.scoped("waits for the flush once it is committed, and is synced at once where there is none", () =>
    Effect.gen(function* () {
      const told: Array<string> = []
      const withFlush = yield* database(Effect.sync(() => void told.push(withFlush.said.at(-1) ?? "")))
      yield* withFlush.run
      assert.deepStrictEqual(told, ["COMMIT"])
      assert.deepStrictEqual(levels(withFlush.said), ["PRAGMA synchronous = NORMAL"])
      yield* withFlush.synced
      assert.deepStrictEqual(told, ["COMMIT"])
      const without = yield* database(undefined)
      yield* without.run
      assert.deepStrictEqual(levels(without.said), ["PRAGMA synchronous = FULL"])
    })
  )

  it.scoped("fails in time when the disk hangs, and lets others have the connection meanwhile", () =>
    Effect.gen(function* () {
      const { run, synced } = yield* database(Effect.never)
      const hanging = yield* Effect.fork(Effect.flip(run))
      yield* Effect.yieldNow()
      yield* synced
      yield* TestClock.adjust("5 seconds")
      const error = yield* Fiber.join(hanging)
      assert.strictEqual(error._tag, "DatabaseUnavailable")
      assert.include(error.message, "the disk has not synced in time what was written")
    })
  )

  it.scoped("is run again when the disk has refused once, and says what is wrong when it goes on refusing", () =>
    Effect.gen(function* () {
      const refusal = new SqlError({ cause: Object.assign(new Error("EIO: i/o error"), { code: "EIO" }), message: "" })
      let refusals = 1
      const { run, said } = yield* database(Effect.suspend(() => (refusals-- > 0 ? Effect.fail(refusal) : Effect.void)))
      const again = yield* Effect.fork(run)
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(again)
      assert.strictEqual(said.filter((text) => text === "COMMIT").length, 2)
      refusals = Number.POSITIVE_INFINITY
      const failing = yield* Effect.fork(Effect.flip(run))
      yield* TestClock.adjust("5 seconds")
      const error = yield* Fiber.join(failing)
      assert.include(error.message, "the disk reports an error")
      assert.deepInclude(error, { _tag: "DatabaseUnavailable", reason: "DiskError" })
    })
  )

  it.scoped("can be interrupted while the disk syncs", () =>
    Effect.gen(function* () {
      const { run } = yield* database(Effect.never)
      const waiting = yield* Effect.fork(run)
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(waiting)
    })
  )
})

import { assert } from "@effect/vitest"
import { Effect, TestClock } from "effect"
import { SenderToken } from "../../../src/schema/StoredBackup.js"
import { BackupDb } from "../../../src/services/BackupDb.js"
import { Elapse } from "../ClientDb/contract.js"
import { start } from "../ClientDb/samples.js"
import type { Test } from "./contract.js"

const [one, two] = [SenderToken.make("one"), SenderToken.make("two")]

const lease = Effect.gen(function* () {
  yield* TestClock.setTime(start)
  const { dropSenderLease, takeSenderLease } = yield* BackupDb
  return { take: takeSenderLease, drop: dropSenderLease, elapse: yield* Elapse }
})

export const leaseCases = (test: Test) => {
  test(
    "one process sends; it renews its lease, and another one waits until that has run out",
    Effect.gen(function* () {
      const { elapse, take } = yield* lease
      assert.isTrue(yield* take(one))
      assert.isFalse(yield* take(two))
      yield* elapse(20_000)
      assert.isTrue(yield* take(one))
      yield* elapse(20_000)
      assert.isFalse(yield* take(two))
      yield* elapse(10_000)
      assert.isTrue(yield* take(two))
      assert.isFalse(yield* take(one))
    })
  )

  test(
    "a lease that is given back is free, and only its owner gives it back",
    Effect.gen(function* () {
      const { drop, take } = yield* lease
      yield* take(one)
      yield* drop(two)
      assert.isFalse(yield* take(two))
      yield* drop(one)
      assert.isTrue(yield* take(two))
      yield* drop(one)
      assert.isFalse(yield* take(one))
    })
  )

  test(
    "a lease that begins in the future begins now",
    Effect.gen(function* () {
      const { elapse, take } = yield* lease
      yield* take(one)
      yield* elapse(-3_600_000)
      assert.isFalse(yield* take(two))
      yield* elapse(30_000)
      assert.isTrue(yield* take(two))
    })
  )
}

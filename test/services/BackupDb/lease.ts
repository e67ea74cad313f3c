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
  const { dropSenderLease, renewSenderLease, takeSenderLease } = yield* BackupDb
  return { take: takeSenderLease, renew: renewSenderLease, drop: dropSenderLease, elapse: yield* Elapse }
})

export const leaseCases = (test: Test) => {
  test(
    "one process sends; it renews its lease, and another one waits until that has run out",
    Effect.gen(function* () {
      const { elapse, renew, take } = yield* lease
      assert.isTrue(yield* take(one))
      assert.isFalse(yield* take(two))
      yield* elapse(20_000)
      assert.isTrue(yield* renew(one))
      yield* elapse(20_000)
      assert.isFalse(yield* take(two))
      yield* elapse(10_000)
      assert.isTrue(yield* take(two))
      assert.isFalse(yield* take(one))
    })
  )

  test(
    "a lease that was taken is taken again by its owner, who may not know that it was",
    Effect.gen(function* () {
      const { elapse, take } = yield* lease
      yield* take(one)
      yield* elapse(20_000)
      assert.isTrue(yield* take(one))
      yield* elapse(20_000)
      assert.isFalse(yield* take(two))
    })
  )

  test(
    "a lease that has run out is renewed while nobody has taken it",
    Effect.gen(function* () {
      const { elapse, renew, take } = yield* lease
      yield* take(one)
      yield* elapse(60_000)
      assert.isTrue(yield* renew(one))
      assert.isFalse(yield* take(two))
    })
  )

  test(
    "a lease that another process has had since is not renewed, and free when that one has given it back",
    Effect.gen(function* () {
      const { drop, elapse, renew, take } = yield* lease
      yield* take(one)
      yield* elapse(30_000)
      yield* take(two)
      assert.isFalse(yield* renew(one))
      yield* drop(two)
      assert.isFalse(yield* renew(one))
      assert.isTrue(yield* take(one))
      assert.isTrue(yield* renew(one))
    })
  )

  test(
    "a lease that was renewed begins then, although the clock was set back",
    Effect.gen(function* () {
      const { elapse, renew, take } = yield* lease
      yield* take(one)
      yield* elapse(-3_600_000)
      assert.isTrue(yield* renew(one))
      yield* elapse(29_000)
      assert.isFalse(yield* take(two))
      yield* elapse(1000)
      assert.isTrue(yield* take(two))
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

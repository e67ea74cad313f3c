import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Ref, TestClock } from "effect"
import { paced } from "../../../src/cli/support/paced.js"

describe("paced", () => {
  it.effect("runs what takes long a fiftieth of the time, and answers the last value meanwhile", () =>
    Effect.gen(function* () {
      const runs = yield* Ref.make(0)
      const slow = yield* paced(
        Effect.delay(
          Ref.updateAndGet(runs, (count) => count + 1),
          "200 millis"
        )
      )
      const first = yield* Effect.fork(slow)
      yield* TestClock.adjust("200 millis")
      assert.strictEqual(yield* Fiber.join(first), 1)
      yield* TestClock.adjust("9999 millis")
      assert.strictEqual(yield* slow, 1)
      yield* TestClock.adjust("1 millis")
      const second = yield* Effect.fork(slow)
      yield* TestClock.adjust("200 millis")
      assert.strictEqual(yield* Fiber.join(second), 2)
    })
  )

  it.effect("always runs what takes no time, and keeps no failure", () =>
    Effect.gen(function* () {
      const runs = yield* Ref.make(0)
      const quick = yield* paced(
        Effect.filterOrFail(
          Ref.updateAndGet(runs, (count) => count + 1),
          (count) => count !== 2
        )
      )
      assert.strictEqual(yield* quick, 1)
      yield* Effect.flip(quick)
      assert.strictEqual(yield* quick, 3)
    })
  )
})

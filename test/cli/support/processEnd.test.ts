import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { onStop } from "../../../src/cli/support/processEnd.js"
import { untilStopped } from "../../../src/layers/concurrency/firstOf.js"

const signals = ["SIGHUP", "SIGINT", "SIGTERM"]
const listening = Effect.sync(() => signals.map((signal) => process.listenerCount(signal)))

describe("a signal", () => {
  it.effect("is left to the system as soon as the program has ended", () =>
    Effect.gen(function* () {
      const before = yield* listening
      const during = yield* untilStopped(Effect.zipRight(Effect.yieldNow(), listening), onStop)
      assert.deepStrictEqual(
        during,
        before.map((count) => count + 1)
      )
      assert.deepStrictEqual(yield* listening, before)
    })
  )

  it.effect("that comes while the program ends because of another one is left to the system too", () =>
    Effect.gen(function* () {
      const before = yield* listening
      const program = Effect.never.pipe(Effect.onInterrupt(() => Effect.tap(listening, (now) => ended.push(now))))
      const ended: Array<ReadonlyArray<number>> = []
      // As signals come, not in the step in which the program begins.
      const told = Effect.zipRight(
        Effect.yieldNow(),
        Effect.sync(() => process.emit("SIGTERM"))
      )
      const ending = yield* Effect.flip(untilStopped(Effect.zipRight(told, program), onStop))
      assert.strictEqual(ending, "terminate")
      assert.deepStrictEqual(ended, [before])
    })
  )
})

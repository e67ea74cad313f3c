import { assert, describe, it } from "@effect/vitest"
import { Console, Effect, Fiber, TestClock } from "effect"
import * as Progress from "../../../src/cli/support/progress.js"

/** A terminal of 40 columns: what is written to it, and what is printed over it. */
const terminal = Effect.gen(function* () {
  const seen: Array<string> = []
  const given = yield* Console.consoleWith(Effect.succeed)
  const console: Console.Console = {
    ...given,
    log: (text: string) => Effect.sync(() => void seen.push(`printed: ${text}`))
  }
  const made = yield* Progress.make({ columns: () => 40, write: (text) => void seen.push(text) }, console)
  const run = <A, E>(effect: Effect.Effect<A, E>) =>
    Effect.provideService(Effect.withConsole(effect, made.console), Progress.Progress, made.teller)
  return { seen, run }
})

const clear = "\r\u001b[K"

describe("progress", () => {
  it.scoped("is not shown of what takes less than a second", () =>
    Effect.gen(function* () {
      const { run, seen } = yield* terminal
      const quick = yield* Effect.fork(run(Progress.during("reads", Effect.sleep("900 millis"))))
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(quick)
      assert.deepStrictEqual(seen, [])
    })
  )

  it.scoped("is shown from a second on, with what is done and how long, and goes away", () =>
    Effect.gen(function* () {
      const { run, seen } = yield* terminal
      const steps = Effect.gen(function* () {
        yield* Progress.doing("session 1 of 4; connects")
        yield* Effect.sleep("1100 millis")
        yield* Progress.doing("session 1 of 4; shakes hands for a very long time")
        yield* Effect.sleep("1 second")
        yield* Progress.doing(undefined)
      })
      const slow = yield* Effect.fork(run(steps))
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(slow)
      assert.strictEqual(seen[0], `${clear}… 1 s: session 1 of 4; connects`)
      assert.include(seen, `${clear}… 1 s: session 1 of 4; shakes hands fo…`)
      assert.strictEqual(seen.at(-1), clear)
    })
  )

  it.scoped("makes room for a line that is printed", () =>
    Effect.gen(function* () {
      const { run, seen } = yield* terminal
      const printing = Effect.zipRight(Effect.sleep("1300 millis"), Console.log("a result"))
      const slow = yield* Effect.fork(run(Progress.during("reads", printing)))
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(slow)
      const at = seen.indexOf("printed: a result")
      assert.deepStrictEqual(seen.slice(at - 1), [clear, "printed: a result"])
    })
  )

  it.effect("of a step has the time beside it where logs are shown", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(Date.UTC(2027, 0, 15, 8))
      assert.strictEqual(yield* Progress.stepLine("tower 1: connects"), "2027-01-15T08:00:00.000Z tower 1: connects")
    })
  )
})

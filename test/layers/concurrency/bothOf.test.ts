import { describe, expect, it } from "@effect/vitest"
import { Clock, Effect, Exit, Fiber } from "effect"
import { bothOf } from "../../../src/layers/concurrency/bothOf.js"
import * as VirtualTime from "../../../src/layers/testing/VirtualTime.js"

const second = 1000
const never = Effect.async<never>(() => {})

/** An effect and when it ended. */
const timed = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const exit = yield* Effect.exit(effect)
    return [exit, yield* Clock.currentTimeMillis] as const
  })

const run = <A, E>(effect: Effect.Effect<A, E>) => Exit.getOrElse(VirtualTime.run(timed(effect)), () => undefined)

describe("bothOf", () => {
  it("answers both, as soon as the later one is there", () => {
    const [one, other] = [Effect.delay(Effect.succeed(1), second), Effect.delay(Effect.succeed("two"), 2 * second)]
    expect(run(bothOf(one, other))).toEqual([Exit.succeed([1, "two"]), 2 * second])
    expect(run(bothOf(other, one))).toEqual([Exit.succeed(["two", 1]), 2 * second])
  })

  it("takes no turn of the scheduler for what needs no wait", () => {
    const both = bothOf(Effect.succeed(1), Effect.succeed(2))
    expect(Effect.runSync(both)).toEqual([1, 2])
  })

  it("fails with the first failure, and interrupts the other", () => {
    let interrupted = 0
    const slow = Effect.onInterrupt(never, () => Effect.sync(() => void ++interrupted))
    const failing = Effect.delay(Effect.fail("failed"), second)
    expect(run(bothOf(failing, slow))).toEqual([Exit.fail("failed"), second])
    expect(run(bothOf(slow, failing))).toEqual([Exit.fail("failed"), second])
    expect(run(bothOf(slow, Effect.fail("at once")))).toEqual([Exit.fail("at once"), 0])
    expect(interrupted).toBe(3)
  })

  it("ends at once when it is interrupted, at each step", () => {
    const worlds = Array.from({ length: 300 }, (_, seed) =>
      VirtualTime.run(
        Effect.gen(function* () {
          const fiber = yield* Effect.fork(bothOf(never, Effect.sleep(second)))
          for (let turn = 0; turn < seed % 12; turn++) yield* Effect.yieldNow()
          yield* Fiber.interrupt(fiber)
        }),
        { seed, yieldEvery: 10 }
      )
    )
    expect(worlds.filter(Exit.isFailure)).toEqual([])
  })
})

import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Fiber } from "effect"
import { firstOf } from "../../../src/layers/negotiator/firstOf.js"
import * as VirtualTime from "../../../src/layers/testing/VirtualTime.js"

const second = 1000
const never = Effect.async<never>(() => {})

/** Runs a race in a fiber that is interrupted so many turns after it has begun; fibers take turns often. */
const interruptedAfter = (turns: number, seed: number, race: Effect.Effect<unknown>) =>
  VirtualTime.run(
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(race)
      for (let turn = 0; turn < turns; turn++) yield* Effect.yieldNow()
      yield* Fiber.interrupt(fiber)
    }),
    { seed, yieldEvery: 10 }
  )

const stalls = (race: Effect.Effect<unknown>) =>
  Array.from({ length: 300 }, (_, seed) => interruptedAfter(seed % 12, seed, race)).filter(Exit.isFailure).length

describe("firstOf", () => {
  it("gives what ends first, well or not, and interrupts the other", () => {
    let interrupted = 0
    const slow = Effect.onInterrupt(Effect.delay(Effect.succeed("slow"), 2 * second), () =>
      Effect.sync(() => void ++interrupted)
    )
    const fast = Effect.delay(Effect.succeed("fast"), second)
    const failing = Effect.delay(Effect.fail("failed"), second)
    expect(VirtualTime.run(firstOf(slow, fast))).toEqual(Exit.succeed("fast"))
    expect(VirtualTime.run(firstOf(fast, slow))).toEqual(Exit.succeed("fast"))
    expect(VirtualTime.run(firstOf(failing, slow))).toEqual(Exit.fail("failed"))
    expect(interrupted).toBe(3)
  })

  it("ends at once when it is interrupted, at whatever step", () => {
    expect(stalls(firstOf(never, Effect.sleep(second)))).toBe(0)
  })

  it("which Effect.raceFirst does not always: when this fails, the defect is repaired and firstOf can go", () => {
    expect(stalls(Effect.raceFirst(never, Effect.sleep(second)))).toBeGreaterThan(0)
  })
})

import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Fiber } from "effect"
import { awaitCallback } from "../../../src/layers/concurrency/awaitCallback.js"
import * as VirtualTime from "../../../src/layers/testing/VirtualTime.js"

/** How many listeners are left behind by waits that are interrupted, in worlds in which fibers take turns often. */
const leftBehind = (wait: (listeners: Set<unknown>) => Effect.Effect<unknown>): number => {
  let left = 0
  for (let seed = 0; seed < 300; seed++) {
    const listeners = new Set<unknown>()
    const program = Effect.gen(function* () {
      const fiber = yield* Effect.fork(wait(listeners))
      for (let turn = 0; turn < seed % 12; turn++) yield* Effect.yieldNow()
      yield* Fiber.interrupt(fiber)
    })
    expect(VirtualTime.run(program, { seed, yieldEvery: 10 })).toEqual(Exit.void)
    left += listeners.size
  }
  return left
}

describe("awaitCallback", () => {
  it("gives the first value, told at once or later, and unregisters", () => {
    let stopped = 0
    const stop = () => void ++stopped
    const atOnce = awaitCallback<number>((tell) => {
      tell(1)
      tell(2)
      return stop
    })
    const later = Effect.gen(function* () {
      const tells: Array<(value: number) => void> = []
      const fiber = yield* Effect.fork(
        awaitCallback<number>((tell) => {
          tells.push(tell)
          return stop
        })
      )
      yield* Effect.sleep(1)
      for (const tell of tells) tell(3)
      return yield* Fiber.join(fiber)
    })
    expect(VirtualTime.run(atOnce)).toEqual(Exit.succeed(1))
    expect(VirtualTime.run(later)).toEqual(Exit.succeed(3))
    expect(stopped).toBe(2)
  })

  it("leaves no listener behind, at whatever step it is interrupted", () => {
    const wait = (listeners: Set<unknown>) =>
      awaitCallback<void>((tell) => {
        listeners.add(tell)
        return () => listeners.delete(tell)
      })
    expect(leftBehind(wait)).toBe(0)
  })

  it("which Effect.async does now and then: when this fails, the defect is repaired and awaitCallback can go", () => {
    const wait = (listeners: Set<unknown>) =>
      Effect.async<void>((resume) => {
        listeners.add(resume)
        return Effect.sync(() => listeners.delete(resume))
      })
    expect(leftBehind(wait)).toBeGreaterThan(0)
  })
})

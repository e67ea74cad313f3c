import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Fiber } from "effect"
import * as Mutex from "../../../src/layers/concurrency/mutex.js"
import * as VirtualTime from "../../../src/layers/testing/VirtualTime.js"

/** In how many worlds no caller gets a turn any more, after one caller was interrupted at some step. */
const lost = (make: Effect.Effect<Mutex.Mutex>): number =>
  Array.from({ length: 500 }, (_, seed) =>
    VirtualTime.run(
      Effect.gen(function* () {
        const exclusively = yield* make
        const fiber = yield* Effect.fork(exclusively(Effect.yieldNow()))
        for (let turn = 0; turn < seed % 12; turn++) yield* Effect.yieldNow()
        yield* Fiber.interrupt(fiber)
        yield* exclusively(Effect.void)
      }),
      { seed, yieldEvery: 16 }
    )
  ).filter(Exit.isFailure).length

describe("a mutex", () => {
  it("runs one at a time, and all of them", () => {
    for (let seed = 0; seed < 100; seed++) {
      const exclusively = Mutex.make()
      let running = 0
      let done = 0
      const task = Effect.acquireUseRelease(
        Effect.sync(() => expect(++running).toBe(1)),
        () => Effect.sleep(1),
        () => Effect.sync(() => running--)
      )
      const counted = Effect.andThen(
        exclusively(task),
        Effect.sync(() => ++done)
      )
      const program = Effect.replicateEffect(counted, 10, { concurrency: "unbounded" })
      expect(Exit.isSuccess(VirtualTime.run(program, { seed, yieldEvery: 20 }))).toBe(true)
      expect(done).toBe(10)
    }
  })

  it("gives the turn to the next when one fails, and does not wait with a caller who is interrupted", () => {
    const exclusively = Mutex.make()
    const program = Effect.gen(function* () {
      expect(yield* Effect.exit(exclusively(Effect.fail("failed")))).toEqual(Exit.fail("failed"))
      const first = yield* Effect.fork(exclusively(Effect.never))
      yield* Effect.yieldNow()
      const second = yield* Effect.fork(exclusively(Effect.never))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(second)
      yield* Fiber.interrupt(first)
      yield* exclusively(Effect.void)
    })
    expect(VirtualTime.run(program)).toEqual(Exit.void)
  })

  it("never loses a turn, at whatever step its caller is interrupted", () => {
    expect(lost(Effect.sync(Mutex.make))).toBe(0)
  })

  it("which a semaphore of Effect does: when this fails, the defect is repaired and Mutex can go", () => {
    expect(lost(Effect.map(Effect.makeSemaphore(1), (semaphore) => semaphore.withPermits(1)))).toBeGreaterThan(0)
  })
})

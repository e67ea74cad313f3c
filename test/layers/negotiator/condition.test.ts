import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Fiber } from "effect"
import * as Condition from "../../../src/layers/negotiator/condition.js"
import * as VirtualTime from "../../../src/layers/testing/VirtualTime.js"

const second = 1000

/** Runs something beside a variable that becomes true after so long, and says how long it took. */
const timed = <A, E>(
  trueAfter: number,
  make: (condition: Condition.Condition, holds: () => boolean) => Effect.Effect<A, E>
) => {
  const time = VirtualTime.make()
  const condition = Condition.make()
  let is = trueAfter === 0
  const change = Effect.delay(
    Effect.sync(() => {
      is = true
      condition.signal()
    }),
    trueAfter
  )
  const program = Effect.gen(function* () {
    const changing = yield* Effect.fork(change)
    const exit = yield* Effect.exit(make(condition, () => is))
    const took = time.now()
    yield* Fiber.interrupt(changing)
    return { exit, took }
  })
  return Exit.getOrElse(time.run(program), (cause) => expect.fail(String(cause)))
}

describe("a condition", () => {
  it("until: comes back when it holds", () => {
    expect(timed(0, ({ until }, holds) => until(holds))).toEqual({ exit: Exit.void, took: 0 })
    expect(timed(second, ({ until }, holds) => until(holds))).toEqual({ exit: Exit.void, took: second })
  })

  it("within: comes back when it holds or when the time is up, and says which", () => {
    const within = (trueAfter: number, limit: number) =>
      timed(trueAfter, (condition, holds) => condition.within(holds, limit))
    expect(within(0, second)).toEqual({ exit: Exit.succeed(true), took: 0 })
    expect(within(second, 2 * second)).toEqual({ exit: Exit.succeed(true), took: second })
    expect(within(2 * second, second)).toEqual({ exit: Exit.succeed(false), took: second })
    expect(within(2 * second, 0)).toEqual({ exit: Exit.succeed(false), took: 0 })
    expect(within(second, Number.POSITIVE_INFINITY)).toEqual({ exit: Exit.succeed(true), took: second })
  })

  it("within: in an uninterruptible region it does not wait for its timer", () => {
    const within = (trueAfter: number) =>
      timed(trueAfter, (condition, holds) => Effect.uninterruptible(condition.within(holds, 10 * second)))
    expect(within(0)).toEqual({ exit: Exit.succeed(true), took: 0 })
    expect(within(second)).toEqual({ exit: Exit.succeed(true), took: second })
    expect(within(20 * second)).toEqual({ exit: Exit.succeed(false), took: 10 * second })
  })

  it("within: of an uninterruptible caller it keeps its time", () => {
    const time = VirtualTime.make()
    const condition = Condition.make()
    const program = Effect.gen(function* () {
      const fiber = yield* Effect.fork(Effect.uninterruptible(condition.within(() => false, second)))
      yield* Effect.sleep(1)
      yield* Fiber.interrupt(fiber)
    })
    expect([time.run(program), time.now(), time.timers()]).toEqual([Exit.void, second, 0])
  })

  it("within: each run of the same effect has its own time", () => {
    const twice = ({ within }: Condition.Condition) => {
      const wait = within(() => false, second)
      return Effect.zip(wait, wait)
    }
    expect(timed(10 * second, twice)).toEqual({ exit: Exit.succeed([false, false]), took: 2 * second })
  })

  it("unless: does not begin what there is a reason against, interrupts what is under way, and leaves alone what has ended", () => {
    let begun = 0
    let interrupted = 0
    const effect = Effect.suspend(() => {
      begun += 1
      return Effect.delay(Effect.succeed("done"), 2 * second)
    }).pipe(
      Effect.onInterrupt(() =>
        Effect.delay(
          Effect.sync(() => void ++interrupted),
          second
        )
      )
    )
    const unless = (trueAfter: number) =>
      timed(trueAfter, (condition, holds) => condition.unless(effect, () => (holds() ? "reason" : undefined)))
    expect(unless(0)).toEqual({ exit: Exit.fail("reason"), took: 0 })
    expect([begun, interrupted]).toEqual([0, 0])
    // Its end is waited for.
    expect(unless(second)).toEqual({ exit: Exit.fail("reason"), took: 2 * second })
    expect([begun, interrupted]).toEqual([1, 1])
    expect(unless(3 * second)).toEqual({ exit: Exit.succeed("done"), took: 2 * second })
    expect([begun, interrupted]).toEqual([2, 1])
  })

  it("unless: what there is a reason against never begins, however fibers take turns", () => {
    const condition = Condition.make()
    let begun = 0
    const effect = Effect.sync(() => void ++begun)
    for (let seed = 0; seed < 300; seed++) {
      const program = Effect.replicateEffect(Effect.flip(condition.unless(effect, () => "reason")), 5)
      expect(VirtualTime.run(program, { seed, yieldEvery: 10 })._tag).toBe("Success")
    }
    expect(begun).toBe(0)
  })

  it("all of them end at once when they are interrupted, at whatever step", () => {
    const condition = Condition.make()
    const never = Effect.async<never>(() => {})
    const waits = [
      condition.until(() => false),
      condition.within(() => false, second),
      condition.unless(never, () => undefined)
    ]
    for (const wait of waits) {
      for (let seed = 0; seed < 100; seed++) {
        const time = VirtualTime.make({ seed, yieldEvery: 10 })
        const program = Effect.gen(function* () {
          const fiber = yield* Effect.fork(wait)
          for (let turn = 0; turn < seed % 12; turn++) yield* Effect.yieldNow()
          yield* Fiber.interrupt(fiber)
        })
        expect([time.run(program), time.now(), time.timers()]).toEqual([Exit.void, 0, 0])
      }
    }
  })
})

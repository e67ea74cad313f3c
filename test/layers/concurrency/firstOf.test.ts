import { describe, expect, it } from "@effect/vitest"
import { Clock, Effect, Exit, Fiber } from "effect"
import { firstOf, within } from "../../../src/layers/concurrency/firstOf.js"
import * as VirtualTime from "../../../src/layers/testing/VirtualTime.js"

const second = 1000
const never = Effect.async<never>(() => {})

/** In a fiber that is interrupted that number of turns after its start. */
const interrupted = (turns: number, effect: Effect.Effect<unknown, unknown>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(effect)
    for (let turn = 0; turn < turns; turn++) yield* Effect.yieldNow()
    yield* Fiber.interrupt(fiber)
  })

/** How many worlds, in which fibers take turns often, never end. */
const stalls = (race: Effect.Effect<unknown>) =>
  Array.from({ length: 300 }, (_, seed) =>
    VirtualTime.run(interrupted(seed % 12, race), { seed, yieldEvery: 10 })
  ).filter(Exit.isFailure).length

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

  it("of three interrupts the other two", () => {
    const ends: Array<string> = []
    const part = (name: string, ending: Effect.Effect<string, string>) =>
      Effect.onExit(ending, (exit) => Effect.sync(() => ends.push(`${name} ${exit._tag}`)))
    const last = part("last", Effect.delay(Effect.fail("failed"), second))
    expect(VirtualTime.run(firstOf(part("one", never), part("other", never), last))).toEqual(Exit.fail("failed"))
    expect(ends).toEqual(["last Failure", "one Failure", "other Failure"])
  })

  it("ends at once when it is interrupted, at whatever step", () => {
    expect(stalls(firstOf(never, Effect.sleep(second)))).toBe(0)
    expect(stalls(firstOf(never, never, Effect.sleep(second)))).toBe(0)
  })

  it("of an uninterruptible caller it waits for the loser, like every race", () => {
    const [one, other] = [Effect.delay(Effect.succeed(1), second), Effect.delay(Effect.succeed(2), 2 * second)]
    const program = Effect.gen(function* () {
      const clock = yield* Effect.clock
      expect(yield* Effect.uninterruptible(firstOf(one, other))).toBe(1)
      return clock.unsafeCurrentTimeMillis()
    })
    expect(VirtualTime.run(program)).toEqual(Exit.succeed(2 * second))
  })

  it("interrupts both at once when it is interrupted, however long the first one takes to end", () => {
    const ends: Array<string> = []
    const ending = (name: string, takes: number) =>
      Effect.onInterrupt(never, () =>
        Effect.zipRight(
          Effect.sleep(takes),
          Effect.sync(() => ends.push(name))
        )
      )
    const program = Effect.gen(function* () {
      const fiber = yield* Effect.fork(firstOf(ending("slow", 3 * second), ending("fast", second)))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(fiber)
      return yield* Clock.currentTimeMillis
    })
    expect(VirtualTime.run(program)).toEqual(Exit.succeed(3 * second))
    expect(ends).toEqual(["fast", "slow"])
  })

  it("which Effect.raceFirst does not always: when this fails, the defect is repaired and firstOf can go", () => {
    expect(stalls(Effect.raceFirst(never, Effect.sleep(second)))).toBeGreaterThan(0)
  })
})

describe("within", () => {
  const late = () => "late"

  it("gives what comes in time, and fails afterwards", () => {
    const slow = Effect.delay(Effect.succeed("slow"), 2 * second)
    expect(VirtualTime.run(within(slow, 3 * second, late))).toEqual(Exit.succeed("slow"))
    expect(VirtualTime.run(within(slow, second, late))).toEqual(Exit.fail("late"))
    expect(VirtualTime.run(within(Effect.fail("failed"), second, late))).toEqual(Exit.fail("failed"))
  })

  /** In how many worlds time has passed before an interruption was heeded. */
  const delays = (limited: Effect.Effect<unknown, unknown>) =>
    Array.from({ length: 300 }, (_, seed) => {
      const time = VirtualTime.make({ seed, yieldEvery: 10 })
      time.run(interrupted(seed % 12, limited))
      return time.now()
    }).filter((passed) => passed > 0).length

  /** What a program comes to, and when. */
  const timed = <A, E>(program: Effect.Effect<A, E>) => {
    const time = VirtualTime.make()
    return [time.run(program), time.now(), time.timers()] as const
  }

  it("in an uninterruptible region it neither waits for its timer nor for what has no time left", () => {
    const limited = (effect: Effect.Effect<unknown>) => Effect.uninterruptible(within(effect, 10 * second, late))
    expect(timed(limited(Effect.void))).toEqual([Exit.void, 0, 0])
    expect(timed(limited(Effect.sleep(second)))).toEqual([Exit.void, second, 0])
    expect(timed(limited(never))).toEqual([Exit.fail("late"), 10 * second, 0])
    const acquired = Effect.acquireRelease(within(never, 10 * second, late), () => Effect.void)
    expect(timed(Effect.scoped(acquired))).toEqual([Exit.fail("late"), 10 * second, 0])
  })

  it("of an uninterruptible caller it lets only the time limit interrupt the effect", () => {
    const program = Effect.gen(function* () {
      const fiber = yield* Effect.fork(Effect.uninterruptible(within(Effect.sleep(second), 10 * second, late)))
      yield* Effect.sleep(1)
      yield* Fiber.interrupt(fiber)
    })
    expect(timed(program)).toEqual([Exit.void, second, 0])
  })

  it("ends at once when it is interrupted, at whatever step", () => {
    expect(delays(within(never, second, late))).toBe(0)
  })

  it("which Effect.timeoutFail does not always: when this fails, the defect is repaired and within can go", () => {
    expect(delays(Effect.timeoutFail(never, { duration: second, onTimeout: late }))).toBeGreaterThan(0)
  })
})

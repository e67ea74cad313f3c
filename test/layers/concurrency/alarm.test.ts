import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import * as Alarm from "../../../src/layers/concurrency/alarm.js"
import * as VirtualTime from "../../../src/layers/testing/VirtualTime.js"

/** What rang, and when, in an hour; how many fibers slept for it at most, and how many are left. */
const heard = (
  use: (
    set: Alarm.Alarm,
    ring: (name: string) => () => void,
    close: Effect.Effect<void>,
    sleeping: () => number
  ) => Effect.Effect<void>
) => {
  const time = VirtualTime.make()
  const rung: Array<readonly [name: string, at: number]> = []
  let most = 0
  // It sleeps itself, and is not counted.
  const watching = Effect.forever(
    Effect.delay(
      Effect.sync(() => {
        most = Math.max(most, time.timers() - 1)
      }),
      100
    )
  )
  const program = Effect.gen(function* () {
    const scope = yield* Scope.make()
    const close = Scope.close(scope, Exit.void)
    const alarm = yield* Scope.extend(Alarm.shared, scope)
    const watcher = yield* Effect.fork(watching)
    const ring = (name: string) => () => {
      rung.push([name, time.now()])
    }
    yield* use(alarm, ring, close, () => time.timers() - 1)
    yield* Effect.sleep("1 hour")
    yield* Fiber.interrupt(watcher)
    yield* close
    yield* Effect.sleep(1)
  })
  time.run(program)
  return { rung, most, left: time.timers() }
}

const second = 1000

describe("a shared alarm", () => {
  it("calls back at each time that was set, in whatever order they were set", () => {
    const { left, rung } = heard((set, ring) =>
      Effect.sync(() => {
        set(5 * second, ring("five"))
        set(second, ring("one"))
        set("3 seconds", ring("three"))
        set(second, ring("one too"))
        set(0, ring("now"))
        set(Number.POSITIVE_INFINITY, ring("never"))
      })
    )
    expect(rung).toEqual([
      ["now", 0],
      ["one", second],
      ["one too", second],
      ["three", 3 * second],
      ["five", 5 * second]
    ])
    expect(left).toBe(0)
  })

  it("does not call back for what was called off, and one fiber sleeps for all that follow each other", () => {
    const { left, most, rung } = heard((set, ring) =>
      Effect.gen(function* () {
        for (let n = 0; n < 50; n++) {
          const callOff = set(15 * second, ring(`message ${n}`))
          yield* Effect.sleep(200)
          callOff()
        }
        set(15 * second, ring("the last"))
      })
    )
    expect(rung).toEqual([["the last", 25 * second]])
    expect(most).toBeLessThanOrEqual(2)
    expect(left).toBe(0)
  })

  it("may be set again while it calls back", () => {
    const { rung } = heard((set, ring) =>
      Effect.sync(() => {
        set(second, () => {
          ring("first")()
          set(0, ring("second"))
          set(second, ring("third"))
        })
      })
    )
    expect(rung).toEqual([
      ["first", second],
      ["second", second],
      ["third", 2 * second]
    ])
  })

  it("comes to its end where the rest of a time is set again and again, as long as it is not reached", () => {
    const { rung } = heard((set, ring) =>
      Effect.gen(function* () {
        const { unsafeCurrentTimeNanos } = yield* Effect.clock
        const now = () => Number(unsafeCurrentTimeNanos()) / 1e6
        const wait = (until: number) => {
          set(until - now(), () => (now() < until ? wait(until) : ring("reached")()))
        }
        // The next number after now, and one that the clock reaches only by rounding.
        yield* Effect.sleep(1000.3)
        wait(now() + 1e-12)
        wait(now() + 0.1 + 0.2)
      })
    )
    expect(rung).toEqual([
      ["reached", 1000],
      ["reached", 1000]
    ])
  })

  it("does not ring for what the ring before it has called off", () => {
    const { rung } = heard((set, ring) =>
      Effect.sync(() => {
        let callOff = () => {}
        set(second, () => {
          ring("one")()
          callOff()
        })
        callOff = set(second, ring("two"))
      })
    )
    expect(rung).toEqual([["one", second]])
  })

  it("lets nobody sleep on once it is closed and the last has rung", () => {
    const sleepers: Array<number> = []
    const { left } = heard((set, ring, close, sleeping) =>
      Effect.gen(function* () {
        const callOff = set(4 * second, ring("never"))
        set(300, ring("one"))
        callOff()
        yield* close
        yield* Effect.sleep(301)
        sleepers.push(sleeping())
      })
    )
    expect(sleepers).toEqual([0])
    expect(left).toBe(0)
  })

  it("still rings once it is closed, and then nobody sleeps on for what was called off", () => {
    const sleepers: Array<number> = []
    const { left, rung } = heard((set, ring, close, sleeping) =>
      Effect.gen(function* () {
        set(second, ring("one"))
        const callOff = set(2 * second, ring("two"))
        yield* close
        yield* Effect.sleep(1500)
        sleepers.push(sleeping())
        callOff()
        yield* Effect.sleep(1)
        sleepers.push(sleeping())
        // Later than the one that was called off: nobody sleeps for that any more.
        set(second, ring("three"))
        const callOffLater = set(10 * second, ring("four"))
        yield* Effect.sleep(1001)
        sleepers.push(sleeping())
        callOffLater()
        yield* Effect.sleep(1)
        sleepers.push(sleeping())
      })
    )
    expect(rung).toEqual([
      ["one", second],
      ["three", 2501]
    ])
    expect(sleepers).toEqual([1, 0, 1, 0])
    expect(left).toBe(0)
  })
})

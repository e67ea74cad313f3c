import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import * as Alarm from "../../../src/layers/concurrency/alarm.js"
import * as VirtualTime from "../../../src/layers/testing/VirtualTime.js"

/** What rang, and when, in an hour; how many fibers slept for it at most, and how many are left. */
const heard = (use: (alarm: Alarm.SharedAlarm, ring: (name: string) => () => void) => Effect.Effect<void>) => {
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
    const alarm = yield* Alarm.shared
    const watcher = yield* Effect.fork(watching)
    yield* use(alarm, (name) => () => {
      rung.push([name, time.now()])
    })
    yield* Effect.sleep("1 hour")
    yield* Fiber.interrupt(watcher)
    alarm.close()
    yield* Effect.sleep(1)
  })
  time.run(program)
  return { rung, most, left: time.timers() }
}

const second = 1000

describe("a shared alarm", () => {
  it("calls back at each time that was set, in whatever order they were set", () => {
    const { left, rung } = heard(({ set }, ring) =>
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
    const { left, most, rung } = heard(({ set }, ring) =>
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
    const { rung } = heard(({ set }, ring) =>
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

  it("calls back no more once it is closed, also for what is set then", () => {
    const { left, rung } = heard(({ close, set }, ring) =>
      Effect.gen(function* () {
        set(second, ring("one"))
        set(2 * second, ring("two"))
        yield* Effect.sleep(1500)
        close()
        set(100, ring("three"))
      })
    )
    expect(rung).toEqual([["one", second]])
    expect(left).toBe(0)
  })
})

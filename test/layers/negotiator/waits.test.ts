/**
 * The waits between rounds, with and without candidates, and while the wall clock is set (docs/negotiation.md, Waits).
 * All instants are exact.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import * as TowerScript from "../../../src/layers/testing/TowerScript.js"
import { always, askUntil, good, inTurn, rounds, sleepUntil, starts, stored, take, waits } from "./scenes.js"
import { addressOf, day, hour, run, second, those } from "./world.js"

const patient = { dialTimeout: Infinity, handshakeTimeout: Infinity, messageTimeout: Infinity }
const silent = always(TowerScript.silentAt("dial"))
const dead = always(TowerScript.failsAt("dial"))

describe("the waits", () => {
  it("are exactly min, 2 min, 4 min, ... max, max; a session ends the series", () => {
    const script = ({ number }: TowerScript.Dial) => (number === 7 ? TowerScript.ok : TowerScript.failsAt("dial"))
    run({ towers: [{ script }], options: { minBackoff: "3 seconds", maxBackoff: "20 seconds" } }, (world) =>
      Effect.gen(function* () {
        yield* take(world, 1)
        yield* askUntil(world, 100 * second)
        const lengths = waits(world).map(([at, until]) => (until - at) / second)
        expect(lengths).toEqual([3, 6, 12, 20, 20, 20, 3, 6, 12])
        expect(those(world.events, "BackingOff").map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4, 5, 6, 1, 2, 3])
        expect(rounds(world)).toEqual([0, 3, 9, 21, 41, 61, 81, 81, 84, 90].map((n) => n * second))
      })
    )
  })

  it("tell every failure of the round", () => {
    run({ towers: [{ ...dead, addresses: [addressOf(1, 1), addressOf(1, 2)] }, dead] }, (world) =>
      Effect.gen(function* () {
        yield* askUntil(world, second)
        const { state } = yield* world.negotiator.status
        expect(state).toMatchObject({ _tag: "BackingOff", until: 10_000, attempt: 1 })
        const failed = state._tag === "BackingOff" ? state.failures : []
        expect(failed.map(({ address, failure }) => [address, failure._tag])).toEqual([
          [addressOf(1, 1), "DialFailed"],
          [addressOf(1, 2), "DialFailed"],
          [addressOf(2, 1), "DialFailed"]
        ])
      })
    )
  })

  it("that were cut short by news count as steps", () => {
    run({ towers: [dead, { ...dead, later: true }] }, (world) =>
      Effect.gen(function* () {
        yield* askUntil(world, 2 * second)
        yield* world.add(2)
        yield* sleepUntil(5 * second)
        yield* world.add(2, addressOf(2, 2))
        yield* sleepUntil(6 * second)
        expect(waits(world)).toEqual([
          [0, 10_000],
          [2000, 22_000],
          [5000, 45_000]
        ])
        expect(those(world.events, "Woken").map(({ at }) => at)).toEqual([2000, 5000])
      })
    )
  })

  it("stay in force when the request is withdrawn; the next one waits for their end", () => {
    run({ towers: [dead] }, (world) =>
      Effect.gen(function* () {
        const one = yield* Effect.fork(world.negotiator.nextSession)
        yield* sleepUntil(2 * second)
        yield* Fiber.interrupt(one)
        expect(yield* world.negotiator.status).toMatchObject({ pending: 0, state: { _tag: "BackingOff" } })
        yield* sleepUntil(5 * second)
        yield* world.negotiator.requestSession
        yield* sleepUntil(10 * second + 1)
        expect(rounds(world)).toEqual([0, 10_000])
        expect(waits(world)[1]).toEqual([10_000, 30_000])
      })
    )
  })

  it("that end without a request lead to idleness; a request then finds the series where it was", () => {
    run({ towers: [dead] }, (world) =>
      Effect.gen(function* () {
        const one = yield* Effect.fork(world.negotiator.nextSession)
        yield* sleepUntil(2 * second)
        yield* Fiber.interrupt(one)
        yield* sleepUntil(15 * second)
        expect(yield* world.negotiator.status).toEqual({ pending: 0, undelivered: 0, state: { _tag: "Idle" } })
        yield* world.negotiator.requestSession
        yield* sleepUntil(16 * second)
        expect(rounds(world)).toEqual([0, 15_000])
        expect(waits(world)[1]).toEqual([15_000, 35_000])
      })
    )
  })

  it("with jitter lie between half of the wait and all of it, never above max, and differ", () => {
    const all = new Set<number>()
    for (let seed = 1; seed <= 5; seed++) {
      run({ towers: [dead], options: { jitter: true, maxBackoff: "1 minute" }, time: { seed } }, (world) =>
        Effect.gen(function* () {
          yield* askUntil(world, 600 * second)
          const lengths = waits(world).map(([at, until]) => until - at)
          for (const [i, length] of lengths.entries()) {
            const whole = 10_000 * 2 ** i
            expect(length).toBeGreaterThanOrEqual(Math.min(whole / 2, 60_000))
            expect(length).toBeLessThanOrEqual(Math.min(whole, 60_000))
          }
          expect(lengths.length).toBeGreaterThan(9)
          for (const length of lengths.slice(0, 3)) all.add(length)
        })
      )
    }
    expect(all.size).toBeGreaterThan(10)
  })
})

describe("no candidates", () => {
  it("sleeps without a timer until one is added, then asks it at once", () => {
    run({ towers: [{ ...good(), later: true }] }, (world, time) =>
      Effect.gen(function* () {
        yield* askUntil(world, second)
        expect(yield* world.negotiator.status).toEqual({
          pending: 1,
          undelivered: 0,
          state: { _tag: "WaitingForCandidates", until: undefined }
        })
        expect(time.timers()).toBe(0)
        const events = world.events.length
        yield* sleepUntil(day)
        expect(world.events.length).toBe(events)
        yield* world.add(1)
        yield* sleepUntil(day + 1)
        expect(stored(world)).toEqual([[day, 1, 1]])
        expect(waits(world)).toEqual([])
      })
    )
  })

  it("the first probe of several ends the sleep, whichever tower's it is", () => {
    const refusing = (latency: number) => always({ ...TowerScript.replies(64), delays: { reply: latency } })
    run({ towers: [refusing(1500), refusing(100)] }, (world) =>
      Effect.gen(function* () {
        yield* askUntil(world, 2 * second)
        expect(yield* world.negotiator.status).toMatchObject({ state: { until: day + 1100 } })
        yield* sleepUntil(day + 2 * second)
        expect(starts(world)).toEqual([
          [0, 1],
          [1000, 2],
          [day + 1100, 2],
          [day + 1500, 1]
        ])
      })
    )
  })
})

describe("the wall clock is set", () => {
  it("back or forth: hedging, waits and the time for a visit go on as they were", () => {
    for (const jump of [-hour, hour]) {
      run({ towers: [silent, silent, dead], transport: patient }, (world, time) =>
        Effect.gen(function* () {
          yield* world.negotiator.requestSession
          yield* Effect.sleep(500)
          time.jump(jump)
          yield* Effect.sleep(120 * second)
          expect(starts(world).map(([at, tower]) => [(at ?? 0) - (at === 0 ? 0 : jump), tower])).toEqual([
            [0, 1],
            [1000, 2],
            [2000, 3],
            // The second visit has ended after 91 s: a wait of 10 s, and the tower that has rested longest comes first.
            [101_000, 3],
            [101_000, 1],
            [102_000, 2]
          ])
        })
      )
    }
  })

  it("back: a rest, and a quarantine, that would end too late begin again from now", () => {
    const script = inTurn(TowerScript.failsAt("dial"), TowerScript.replies(64), TowerScript.ok)
    run({ towers: [script, good()], options: { quarantineProbe: "1 hour" } }, (world, time) =>
      Effect.gen(function* () {
        yield* sleepUntil(200 * second)
        yield* take(world, 1)
        // It rests until 210 s; the clock is set back by 150 s.
        time.jump(-150 * second)
        yield* take(world, 1)
        yield* sleepUntil(59_999)
        yield* take(world, 1)
        expect(world.dialsOf(1).length).toBe(1)
        yield* sleepUntil(60_000)
        yield* take(world, 1)
        expect(world.dialsOf(1).length).toBe(2)
        // Now it is quarantined until 1 h and 60 s; the clock is set back by 40 s.
        time.jump(-40 * second)
        yield* take(world, 1)
        yield* sleepUntil(hour + 19_999)
        yield* take(world, 1)
        expect(world.dialsOf(1).length).toBe(2)
        yield* sleepUntil(hour + 20_000)
        expect(yield* take(world, 1)).toEqual([1])
      })
    )
  })
})

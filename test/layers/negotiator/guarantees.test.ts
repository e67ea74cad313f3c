/**
 * The guarantees G1 and G4 to G8 of docs/negotiation.md, by their numbers. G2 is held by the tests that kill clients, G3 and G7
 * by `hostileTowers.test.ts`, G9 by `secrets.test.ts`.
 */
import { setImmediate } from "node:timers/promises"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Stream } from "effect"
import * as TowerScript from "../../../src/layers/testing/TowerScript.js"
import type { ClientDb } from "../../../src/services/ClientDb.js"
import { hostileScripts } from "./hostileScripts.js"
import type { Plan, TowerPlan } from "./random/plan.js"
import { run as runPlan } from "./random/run.js"
import { always, broken, good, inTurn, now, slowStores, takeUntil } from "./scenes.js"
import { addressOf, hour, make, minute, run, second, those, towerKey, type WorldOptions } from "./world.js"

describe("G1: delivered only after it is durable, at most once, and none is lost", () => {
  it("no caller has a session before its store is confirmed", () => {
    let confirmed = 0
    const db = (inner: ClientDb.Service): ClientDb.Service => ({
      ...inner,
      createClientSession: (...args) =>
        Effect.tap(Effect.delay(inner.createClientSession(...args), 3 * second), () => Effect.sync(() => ++confirmed))
    })
    run({ towers: [good(50)], db }, (world) =>
      Effect.gen(function* () {
        for (let n = 1; n <= 3; n++) {
          yield* world.negotiator.nextSession
          expect(confirmed).toBe(n)
          expect(yield* now).toBe(n * (3 * second + 150))
        }
      })
    )
  })

  it("a session whose store failed, or may have failed, reaches no caller", () => {
    let calls = 0
    const db = (inner: ClientDb.Service): ClientDb.Service => ({
      ...inner,
      createClientSession: (...args) => {
        calls += 1
        if (calls === 1) return Effect.fail(broken)
        return calls === 2
          ? Effect.andThen(inner.createClientSession(...args), Effect.fail(broken))
          : inner.createClientSession(...args)
      }
    })
    run({ towers: [good(), good(), good(), good()], db }, (world) =>
      Effect.gen(function* () {
        const session = yield* world.negotiator.nextSession
        expect(calls).toBe(3)
        expect(those(world.events, "SessionStored").map((stored) => stored.session.id)).toEqual([session.id])
        yield* Effect.sleep(hour)
        expect(those(world.events, "SessionDelivered").length).toBe(1)
      })
    )
  })

  it("of many takers of all kinds each gets another session; that of an interrupted taker goes to the next", () => {
    run({ towers: [good(20), good(20)] }, (world) =>
      Effect.gen(function* () {
        const { negotiator } = world
        const got: Array<string> = []
        const keep = ({ id }: { readonly id: string }) => Effect.sync(() => void got.push(id))
        const takers = yield* Effect.forEach(Array.from({ length: 30 }), (_, i) =>
          Effect.fork(
            i % 3 === 0
              ? Effect.flatMap(negotiator.nextSession, keep)
              : i % 3 === 1
                ? Effect.andThen(negotiator.requestSession, Effect.flatMap(negotiator.takeSession, keep))
                : Stream.runForEach(Stream.take(negotiator.newSessions, 1), keep)
          )
        )
        for (const [i, taker] of takers.entries()) {
          yield* Effect.sleep(15)
          if (i % 4 === 1) yield* Fiber.interrupt(taker)
        }
        yield* negotiator.requestSession
        yield* Effect.sleep(minute)
        const stored = those(world.events, "SessionStored").map(({ session }) => session.id)
        const { undelivered } = yield* negotiator.status
        expect(new Set(got).size).toBe(got.length)
        expect(got.length + undelivered).toBe(stored.length)
        expect(got.every((id) => stored.some((known) => known === id))).toBe(true)
        yield* Fiber.interruptAll(takers)
      })
    )
  })
})

describe("G4: closing takes effect at once at every step", () => {
  const manner = { latency: 300, hangUpAfter: 500 }
  const tower = (dials: TowerPlan["dials"]): TowerPlan => ({
    addresses: 2,
    onionOnly: false,
    later: false,
    dials,
    whenWell: manner
  })
  const plan: Plan = {
    seed: 1,
    yieldEvery: null,
    settings: {
      minBackoff: second,
      maxBackoff: 8 * second,
      hedgeDelay: 200,
      maxHedged: 8,
      maxPending: 1,
      maxKeyAttempts: 3,
      visitTimeout: 90 * second,
      quarantineProbe: minute,
      hangUpWait: 2 * second
    },
    patient: false,
    towers: [
      tower([{ kind: "silent", stage: "reply", ...manner }]),
      tower([
        { kind: "replies", code: 60, bytes: 0, ...manner },
        { kind: "ends", stage: "init", ...manner }
      ]),
      tower([
        { kind: "replies", code: 40, bytes: 0, ...manner },
        { kind: "good", ...manner }
      ])
    ],
    faults: [],
    actions: [
      { at: 0, what: "next", end: null },
      { at: 100, what: "take", end: null },
      { at: 500, what: "negotiate", end: null },
      { at: 700, what: "stream", end: null },
      { at: 10 * second, what: "next", end: null }
    ],
    wellAt: 20 * second,
    stop: null
  }
  const events = runPlan(plan).events.length
  const slow = { from: 1, to: 1_000_000, takes: 700, outcome: "well" } as const
  const slowWrites: Plan["faults"] = [
    { operation: "nextSessionKeyIndex", ...slow },
    { operation: "freeSessionKeyIndex", ...slow },
    { operation: "createClientSession", ...slow },
    { operation: "saveStanding", ...slow }
  ]

  it("in the step of each of its events: in no time, and nothing is left", async () => {
    expect(events).toBeGreaterThan(100)
    for (let event = 1; event <= events; event++) {
      // Virtual time never waits: without this turn of the event loop the test runner is not heard for a minute.
      await setImmediate()
      expect([event, runPlan({ ...plan, stop: { event } }).violations]).toEqual([event, []])
    }
  }, 600_000)

  it("with slow writes: a write in progress and the one that frees are finished, those of all visits at once", async () => {
    for (let event = 1; event <= events; event += 3) {
      await setImmediate()
      // At every step: at most two writes one after the other, and the close ends in the step in which one ends.
      const { violations } = runPlan({ ...plan, faults: slowWrites, stop: { event } })
      expect([event, violations]).toEqual([event, []])
    }
  }, 600_000)
})

describe("G5: the waits are exactly min, 2 min, ... max unless woken", () => {
  const waits = (spec: Omit<WorldOptions, "towers">) =>
    run({ ...spec, towers: [always(TowerScript.failsAt("dial"))] }, (world) =>
      Effect.gen(function* () {
        yield* Effect.timeoutOption(world.negotiator.nextSession, 4 * hour)
        const ends = those(world.events, "RoundEnded").map(({ at }) => at)
        const starts = those(world.events, "RoundStarted").map(({ at }) => at)
        return ends.slice(0, starts.length - 1).map((end, i) => (starts[i + 1] ?? 0) - end)
      })
    )

  it("to the millisecond, from the end of a round to the start of the next", () => {
    const found = waits({})
    const expected = [10, 20, 40, 80, 160, ...Array.from({ length: found.length - 5 }, () => 300)]
    expect(found).toEqual(expected.map((seconds) => seconds * second))
    expect(found.length).toBeGreaterThan(40)
  })

  it("with jitter within (0, max], for every seed", () => {
    for (let seed = 1; seed <= 5; seed++) {
      const found = waits({ options: { jitter: true, maxBackoff: minute }, time: { seed } })
      for (const [i, wait] of found.entries()) {
        const whole = Math.min(10 * second * 2 ** i, minute)
        expect(wait).toBeGreaterThan(0)
        expect(wait).toBeGreaterThanOrEqual(Math.floor(Math.min(whole, (10 * second * 2 ** i) / 2)))
        expect(wait).toBeLessThanOrEqual(whole)
      }
    }
  })
})

describe("G6: towers that do not answer delay others by at most one hedge delay", () => {
  const silent = always(TowerScript.silentAt("dial"))

  for (const count of [1, 2, 4, 7]) {
    it(`${count} of them: one each in the first round, afterwards one together`, () => {
      const towers = [...Array.from({ length: count }, () => silent), good(30)]
      run({ towers }, (world) =>
        Effect.gen(function* () {
          const took = yield* takeUntil(world, 2 * hour, 10 * second)
          expect(took[0]).toBe(count * second + 90)
          const rounds = took.slice(1)
          expect(Math.max(...rounds)).toBeLessThanOrEqual(second + 90)
          // While all of them rest no caller waits.
          const delayed = rounds.filter((time) => time > 90).length
          expect(delayed).toBeLessThanOrEqual(((2 * hour) / (5 * minute) + 6) * count)
          expect(rounds.length).toBeGreaterThan(500)
        })
      )
    })
  }

  it("more than maxHedged of them are overcome when the first visits end", () => {
    run({ towers: [...Array.from({ length: 20 }, () => silent), good(30)] }, (world) =>
      Effect.gen(function* () {
        const took = yield* takeUntil(world, hour, 5 * second)
        // Eight at a time, 10 s each by the transport's own limit.
        expect(took[0]).toBeLessThanOrEqual(3 * 10 * second + second)
        expect(Math.max(...took.slice(1))).toBeLessThanOrEqual(second + 90)
      })
    )
  })

  for (const [name, latencies] of [
    ["that answer within one hedge delay", [0, 20, 100, 300]],
    ["that are equally slow", [2000, 2000, 2000, 2000]]
  ] as const) {
    it(`sessions are spread evenly among towers ${name}`, () => {
      run({ towers: latencies.map((latency) => good(latency)) }, (world) =>
        Effect.gen(function* () {
          yield* takeUntil(world, 2 * hour, 20 * second)
          const counts = latencies.map((_, i) => world.sessionsOf(i + 1))
          expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1)
          expect(Math.min(...counts)).toBeGreaterThan(60)
        })
      )
    })
  }
})

describe("G8: while a request is pending the status says what is done or waited for, and until when", () => {
  const stateAt = (spec: WorldOptions, at: number) =>
    run(spec, (world) =>
      Effect.gen(function* () {
        yield* world.negotiator.requestSession
        yield* Effect.sleep(at)
        return yield* world.negotiator.status
      })
    )

  it("no tower to ask; quarantine; backing off; asking; delivering", () => {
    expect(stateAt({ towers: [] }, 1)).toEqual({
      pending: 1,
      undelivered: 0,
      state: { _tag: "WaitingForCandidates", until: undefined }
    })
    expect(stateAt({ towers: [always(TowerScript.replies(64))] }, second).state).toEqual({
      _tag: "WaitingForCandidates",
      until: 24 * hour
    })
    expect(stateAt({ towers: [always(TowerScript.failsAt("dial"))] }, 15 * second).state).toMatchObject({
      _tag: "BackingOff",
      until: 30 * second,
      attempt: 2,
      failures: [{ tower: towerKey(1), address: addressOf(1), failure: { _tag: "DialFailed" } }]
    })
    expect(stateAt({ towers: [always(TowerScript.silentAt("init"))] }, 2 * second).state).toEqual({
      _tag: "Negotiating",
      attempts: [
        {
          towerId: 1,
          tower: towerKey(1),
          address: addressOf(1),
          step: "receivingInit",
          since: 0,
          deadline: 90 * second
        }
      ]
    })
    expect(stateAt({ towers: [good(20)], db: slowStores(second) }, 500).state).toMatchObject({
      attempts: [{ step: "storing", since: 60 }]
    })
    expect(stateAt({ towers: [good(20)] }, second)).toEqual({
      pending: 1,
      undelivered: 1,
      state: { _tag: "Delivering" }
    })
  })

  it("at every instant of an hour in which everything goes wrong", () => {
    const scripts = hostileScripts.map(([, script]) => script)
    const towers = Array.from({ length: 4 }, (_, i) => inTurn(...scripts.slice(i * 6), ...scripts.slice(0, i * 6)))
    run({ towers }, (world) =>
      Effect.gen(function* () {
        const fiber = yield* Effect.fork(world.negotiator.nextSession)
        const seen = new Set<string>()
        for (let at = 0; at < hour; at += 700) {
          yield* Effect.sleep(700)
          if (fiber.unsafePoll() !== null) break
          const { pending, state } = yield* world.negotiator.status
          const instant = yield* now
          seen.add(state._tag)
          expect(pending).toBe(1)
          if (state._tag === "Negotiating") {
            expect(state.attempts.length).toBeGreaterThan(0)
            for (const { deadline } of state.attempts) expect(deadline).toBeGreaterThanOrEqual(instant)
          } else if (state._tag === "BackingOff" || state._tag === "WaitingForCandidates") {
            expect(state.until).toBeGreaterThanOrEqual(instant)
          } else expect(state._tag).toBe("Negotiating or waiting")
        }
        expect(seen.size).toBe(3)
        yield* Fiber.interrupt(fiber)
      })
    )
  })

  it("pending requests are not durable", () => {
    const exit = run({ towers: [always(TowerScript.failsAt("dial"))] }, (world) =>
      Effect.gen(function* () {
        yield* world.negotiator.requestSession
        yield* Effect.sleep(second)
        yield* world.close
        const again = yield* make({ towers: [good(20)], db: () => world.db })
        yield* Effect.sleep(minute)
        const status = yield* again.negotiator.status
        yield* again.close
        return Exit.succeed(status)
      })
    )
    expect(exit).toEqual(Exit.succeed({ pending: 0, undelivered: 0, state: { _tag: "Idle" } }))
  })
})

/**
 * Small models beside the real thing: the counting of requests and takers over random operations, the order of candidates
 * and addresses, rests and quarantines as functions, and the waits as schedules.
 */
import { describe, expect, it } from "@effect/vitest"
import { Cause, Chunk, Clock, Duration, Effect, Exit, Fiber, FastCheck as fc, Option, Random, Schedule } from "effect"
import * as Backoff from "../../../src/layers/negotiator/backoff.js"
import { decode } from "../../../src/layers/negotiator/Options.js"
import * as Ranking from "../../../src/layers/negotiator/ranking.js"
import * as Standings from "../../../src/layers/negotiator/standings.js"
import * as Transitions from "../../../src/layers/negotiator/standingTransitions.js"
import * as MemoryClientDb from "../../../src/layers/testing/MemoryClientDb.js"
import { newTables } from "../../../src/layers/testing/memoryTables.js"
import * as VirtualTime from "../../../src/layers/testing/VirtualTime.js"
import type { ClientSession } from "../../../src/schema/ClientSession.js"
import { TowerId } from "../../../src/schema/Ids.js"
import * as Standing from "../../../src/schema/Standing.js"
import { Tower } from "../../../src/schema/Tower.js"
import { ConnectionEnded } from "../../../src/schema/TransportError.js"
import * as Reference from "../../conformance/traces/reference.js"
import { always } from "./scenes.js"
import { addressOf, options, run, towerKey, type WorldOptions } from "./world.js"

describe("requests and takers", () => {
  type Operation =
    | { readonly _tag: "request" | "time" }
    | { readonly _tag: "come"; readonly kind: "next" | "take" }
    | { readonly _tag: "interrupt"; readonly which: number }

  const operation: fc.Arbitrary<Operation> = fc.oneof(
    fc.constant<Operation>({ _tag: "request" }),
    fc.constant<Operation>({ _tag: "time" }),
    fc.constantFrom("next" as const, "take" as const).map((kind): Operation => ({ _tag: "come", kind })),
    fc.nat(20).map((which): Operation => ({ _tag: "interrupt", which }))
  )

  /** What became of a taker: the number of its session, or that it was interrupted; nothing yet. */
  type Fate = number | "interrupted" | undefined

  /** The contract in a few lines: who waits, what is asked for, and whether a round goes on. */
  const makeModel = (maxPending: number) => {
    const fates: Array<Fate> = []
    const line: Array<{ readonly number: number; readonly kind: "next" | "take" }> = []
    const waiting: Array<number> = []
    let requested = 0
    let sessions = 0
    let isRound = false
    const pending = () => requested + line.filter(({ kind }) => kind === "next").length
    const settle = () => {
      for (let session = waiting[0]; session !== undefined && line.length > 0; session = waiting[0]) {
        const first = line.findIndex(({ kind }) => kind === "next")
        const [taker] = line.splice(Math.max(0, first), 1)
        if (taker === undefined) return
        waiting.shift()
        fates[taker.number] = session
        if (taker.kind === "take") requested = Math.max(0, requested - 1)
      }
      isRound = isRound || (waiting.length === 0 && pending() > 0)
    }
    const apply = (operation: Operation) => {
      switch (operation._tag) {
        case "request":
          requested = Math.min(requested + 1, maxPending)
          break
        case "come":
          line.push({ number: fates.push(undefined) - 1, kind: operation.kind })
          break
        case "interrupt": {
          const at = line.findIndex(({ number }) => number === operation.which)
          if (at < 0) break
          line.splice(at, 1)
          fates[operation.which] = "interrupted"
          break
        }
        case "time":
          if (isRound) waiting.push(++sessions)
          isRound = false
      }
      settle()
    }
    return { apply, state: () => ({ pending: pending(), undelivered: waiting.length, fates: [...fates] }) }
  }

  const fateOf = (fiber: Fiber.RuntimeFiber<ClientSession>): Fate => {
    const exit = fiber.unsafePoll()
    if (exit === null) return undefined
    return Exit.isSuccess(exit) ? exit.value.keyIndex : Cause.isInterruptedOnly(exit.cause) ? "interrupted" : 0
  }

  /** Every round takes 100 ms. */
  const towers = [always({ delays: { reply: 100 } })]

  const compare = (maxPending: number, operations: ReadonlyArray<Operation>, time?: WorldOptions["time"]) => {
    const model = makeModel(maxPending)
    run({ towers, options: { maxPending }, ...(time === undefined ? {} : { time }) }, ({ negotiator }) =>
      Effect.gen(function* () {
        const takers: Array<Fiber.RuntimeFiber<ClientSession>> = []
        for (const operation of operations) {
          model.apply(operation)
          switch (operation._tag) {
            case "request":
              yield* negotiator.requestSession
              break
            case "come":
              takers.push(
                yield* Effect.fork(operation.kind === "next" ? negotiator.nextSession : negotiator.takeSession)
              )
              break
            case "interrupt": {
              const taker = takers[operation.which]
              if (taker !== undefined) yield* Fiber.interrupt(taker)
              break
            }
            case "time":
              yield* Effect.sleep(100)
          }
          yield* Effect.sleep(0)
          const { pending, undelivered } = yield* negotiator.status
          expect({ pending, undelivered, fates: takers.map(fateOf) }).toEqual(model.state())
        }
      })
    )
  }

  it("are what the model says after every operation", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3 }), fc.array(operation, { maxLength: 40 }), (maxPending, operations) =>
        compare(maxPending, operations)
      ),
      { numRuns: 150, seed: 1 }
    )
  })

  it("also when fibers take turns after every few operations", () => {
    fc.assert(
      fc.property(fc.nat(10_000), fc.array(operation, { maxLength: 25 }), (seed, operations) =>
        compare(2, operations, { seed, yieldEvery: 40 })
      ),
      { numRuns: 60, seed: 2 }
    )
  })
})

const settings = decode({ ...options, minBackoff: 10_000, maxBackoff: 300_000, quarantineProbe: 1_000_000 })
const now = 10_000_000

const instant = fc.integer({ min: now - 2_000_000, max: now })
const maybe = <A>(arbitrary: fc.Arbitrary<A>) => fc.option(arbitrary, { nil: undefined })
const addresses = [1, 2, 3, 4, 5].map((n) => addressOf(1, n))

const outcome: fc.Arbitrary<Standing.AddressOutcome> = fc.record({
  lastSuccess: maybe(instant),
  lastFailure: maybe(instant),
  failures: fc.nat(3)
})

const standing: fc.Arbitrary<Standing.Standing> = fc.record({
  failedVisits: fc.oneof(fc.constant(0), fc.nat(8)),
  lastVisit: maybe(instant),
  lastSession: maybe(instant),
  quarantine: fc.oneof(
    { weight: 3, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.record({ since: instant, reason: fc.constant("RejectBlobType" as const) }) }
  ),
  addresses: fc.dictionary(fc.constantFrom(...addresses), outcome),
  attempts: fc.nat(100),
  sessions: fc.nat(100),
  failuresByKind: fc.constant({})
})

const tower = (n: number) => new Tower({ id: TowerId.make(n), publicKey: towerKey(n), addresses: [addressOf(n)] })

const eight = [1, 2, 3, 4, 5, 6, 7, 8].map(tower)
const db = Effect.runSync(MemoryClientDb.makeOver(newTables()))

/** The order of docs/negotiation.md, A round, written as sorting. */
const sorted = (towers: ReadonlyArray<Tower>, of: (id: TowerId) => Standing.Standing, at: number) => {
  const by = (key: (standing: Standing.Standing) => number | undefined) => (a: TowerId, b: TowerId) =>
    (key(of(a)) ?? -1) - (key(of(b)) ?? -1)
  const ids = towers.map(({ id }) => id).filter((id) => !Transitions.isQuarantined(of(id), settings, at))
  const end = (id: TowerId) => Transitions.restEnd(of(id), settings)
  const fine = ids.filter((id) => end(id) === undefined).sort(by(({ lastSession }) => lastSession))
  const rested = ids.filter((id) => (end(id) ?? Infinity) <= at).sort(by(({ lastVisit }) => lastVisit))
  const resting = ids.filter((id) => (end(id) ?? -1) > at).sort((a, b) => (end(a) ?? 0) - (end(b) ?? 0))
  return [...rested.slice(0, 1), ...fine, ...rested.slice(1), ...resting]
}

/** Eight towers of which nothing is known, and a clock. */
const makeRanking = () => {
  const world = { time: now, towers: eight }
  const clock = { ...Clock.make(), currentTimeMillis: Effect.sync(() => world.time) }
  const standings = Standings.make(db, settings, now)
  const list = Effect.sync(() => world.towers)
  const pick = Effect.runSync(Ranking.byStanding(list, standings, settings))
  /** All picks of one round. */
  const round = (): ReadonlyArray<TowerId> => {
    const visited = new Set<TowerId>()
    for (;;) {
      const picked = Effect.runSync(Effect.withClock(pick(visited), clock))
      if (Option.isNone(picked) || visited.has(picked.value.id)) return [...visited]
      visited.add(picked.value.id)
    }
  }
  return { world, standings, round }
}

type Change =
  | { readonly _tag: "standing"; readonly n: number; readonly to: Standing.Standing }
  | { readonly _tag: "addedAgain"; readonly n: number }
  | { readonly _tag: "time"; readonly ms: number }
  | { readonly _tag: "list"; readonly ids: ReadonlyArray<number> }

const n = fc.integer({ min: 1, max: 8 })
const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ _tag: fc.constant("standing" as const), n, to: standing }) },
  { weight: 1, arbitrary: fc.record({ _tag: fc.constant("addedAgain" as const), n }) },
  {
    weight: 4,
    arbitrary: fc.record({
      _tag: fc.constant("time" as const),
      ms: fc.oneof(fc.nat(20_000), fc.nat(1_000_000), fc.integer({ min: -1_000_000, max: -1 }))
    })
  },
  {
    weight: 1,
    arbitrary: fc.record({ _tag: fc.constant("list" as const), ids: fc.shuffledSubarray([1, 2, 3, 4, 5, 6, 7, 8]) })
  }
)

describe("the order of the candidates", () => {
  it("matches docs/negotiation.md (A round) after any changes between rounds", () => {
    fc.assert(
      fc.property(fc.array(fc.array(change, { maxLength: 8 }), { maxLength: 12 }), (rounds) => {
        const { round, standings, world } = makeRanking()
        for (const changes of rounds) {
          for (const one of changes) {
            switch (one._tag) {
              case "standing":
                standings.change(TowerId.make(one.n), () => Standing.notAfter(one.to, world.time))
                break
              case "addedAgain":
                standings.added(TowerId.make(one.n))
                break
              case "time":
                world.time += one.ms
                standings.clampToNow(world.time)
                break
              case "list":
                world.towers = one.ids.map(tower)
                break
            }
          }
          expect(round()).toEqual(sorted(world.towers, standings.get, world.time))
        }
      }),
      { numRuns: 500, seed: 3 }
    )
  })

  it("follows a failed visit and the end of its rest", () => {
    const { round, standings, world } = makeRanking()
    world.towers = eight.slice(0, 3)
    expect(round()).toEqual([1, 2, 3])
    standings.change(TowerId.make(2), (before) => Transitions.visitFailed(before, now))
    expect(round()).toEqual([1, 3, 2])
    world.time += 10_000
    expect(round()).toEqual([2, 1, 3])
  })

  it("a tower of which nothing is known comes before those that gave a session", () => {
    const { round, standings } = makeRanking()
    standings.change(TowerId.make(1), (before) => Transitions.sessionGiven(before, addressOf(1), now - 1))
    expect(round()).toEqual([2, 3, 4, 5, 6, 7, 8, 1])
  })
})

describe("rests and quarantines", () => {
  it("a rest is min after the first failed visit, doubles with each, and is never longer than max", () => {
    fc.assert(
      fc.property(standing, fc.integer({ min: 1, max: 3000 }), instant, (before, failedVisits, at) => {
        const after = Transitions.visitFailed({ ...before, failedVisits: failedVisits - 1 }, at)
        const rest = (Transitions.restEnd(after, settings) ?? 0) - at
        expect(rest).toBe(failedVisits < 6 ? 10_000 * 2 ** (failedVisits - 1) : 300_000)
      }),
      { seed: 4 }
    )
  })

  it("a session ends rest and quarantine, and is counted", () => {
    fc.assert(
      fc.property(standing, instant, (before, at) => {
        const [address] = addresses
        if (address === undefined) return
        const after = Transitions.sessionGiven(before, address, at)
        expect(Transitions.restEnd(after, settings)).toBe(undefined)
        expect(Transitions.probeAt(after, settings)).toBe(undefined)
        expect(after).toMatchObject({ lastVisit: at, lastSession: at, sessions: before.sessions + 1 })
        expect(after.addresses[address]).toMatchObject({ lastSuccess: at, failures: 0 })
      }),
      { seed: 5 }
    )
  })

  it("a quarantine holds until its probe is due, and no longer than its tower is added again", () => {
    fc.assert(
      fc.property(standing, instant, fc.integer({ min: -5, max: 5 }), (before, since, off) => {
        const after = Transitions.quarantined(before, "WrongChain", since)
        const probe = since + 1_000_000
        expect(Transitions.probeAt(after, settings)).toBe(probe)
        expect(Transitions.isQuarantined(after, settings, probe + off)).toBe(off < 0)
        expect(Transitions.isQuarantined(Transitions.released(after), settings, since)).toBe(false)
        // The rest is another matter.
        expect(Transitions.released(after).failedVisits).toBe(before.failedVisits)
        expect(Transitions.isQuarantined(Transitions.visitFailed(after, since), settings, since)).toBe(false)
      }),
      { seed: 6 }
    )
  })

  it("a failed attempt is counted by its kind, and at its address where that is to blame", () => {
    fc.assert(
      fc.property(standing, fc.constantFrom(...addresses), fc.boolean(), instant, (before, address, blamed, at) => {
        const failure = new ConnectionEnded({ address })
        const once = Transitions.attemptFailed(before, failure, blamed ? address : undefined, at)
        const twice = Transitions.attemptFailed(once, failure, undefined, at)
        expect(twice.failuresByKind).toEqual({ ConnectionEnded: 2 })
        const known = before.addresses[address]
        if (blamed) {
          expect(once.addresses[address]).toEqual({ ...known, lastFailure: at, failures: (known?.failures ?? 0) + 1 })
        } else {
          expect(once.addresses).toEqual(before.addresses)
        }
        expect(once.failedVisits).toBe(before.failedVisits)
      }),
      { seed: 7 }
    )
  })
})

describe("the order of the addresses", () => {
  it("those whose last attempt did not fail, the last that worked and then the newest; those that failed, longest ago", () => {
    fc.assert(
      fc.property(standing, fc.shuffledSubarray(addresses), (known, list) => {
        const order = Ranking.orderAddresses(list, known)
        expect([...order].sort()).toEqual([...list].sort())
        const of = (address: (typeof list)[number]) => known.addresses[address]
        const failed = order.filter((address) => (of(address)?.failures ?? 0) > 0)
        const fine = order.slice(0, order.length - failed.length)
        // The failed ones are the tail.
        expect(order.slice(fine.length)).toEqual(failed)
        const ago = failed.map((address) => of(address)?.lastFailure ?? -1)
        expect(ago).toEqual([...ago].sort((a, b) => a - b))
        const worked = fine.map((address) => of(address)?.lastSuccess ?? -1)
        if (Math.max(...worked) > -1) expect(worked[0]).toBe(Math.max(...worked))
        // The others stand as the tower lists them: the newest first.
        const rest = Math.max(...worked) > -1 ? fine.slice(1) : fine
        expect(rest).toEqual(list.filter((address) => rest.includes(address)))
      }),
      { numRuns: 500, seed: 8 }
    )
  })
})

describe("instants that lie in the future", () => {
  const instantsOf = (known: Standing.Standing) =>
    [
      known.lastVisit,
      known.lastSession,
      known.quarantine?.since,
      ...Object.values(known.addresses).flatMap(({ lastFailure, lastSuccess }) => [lastFailure, lastSuccess])
    ].map((one) => one ?? -1)

  it("become now; the others stay", () => {
    fc.assert(
      fc.property(standing, instant, (known, at) => {
        const after = Standing.notAfter(known, at)
        expect(instantsOf(after)).toEqual(instantsOf(known).map((one) => Math.min(one, at)))
        expect(Standing.notAfter(after, at)).toBe(after)
        expect(Standing.notAfter(known, now)).toBe(known)
        expect({ ...after, lastVisit: 0, lastSession: 0, quarantine: 0, addresses: 0 }).toEqual({
          ...known,
          lastVisit: 0,
          lastSession: 0,
          quarantine: 0,
          addresses: 0
        })
      }),
      { numRuns: 300, seed: 9 }
    )
  })
})

describe("the waits", () => {
  const settingsOf = (minBackoff: number, maxBackoff: number, jitter = false) =>
    decode({ ...options, minBackoff, maxBackoff, jitter })

  /** The first waits of a schedule, in milliseconds. */
  const waitsOf = (schedule: Schedule.Schedule<Duration.Duration>, count: number, seed = 0) => {
    const all = Schedule.run(Schedule.delays(schedule), 0, Array(count).fill(undefined))
    return Chunk.toReadonlyArray(Effect.runSync(Effect.withRandom(all, Random.make(seed)))).map(Duration.toMillis)
  }

  /** The same, stepped as the negotiator does it. */
  const stepped = (schedule: Schedule.Schedule<Duration.Duration>, count: number) => {
    const delays = Backoff.delays(schedule)
    const exit = VirtualTime.run(
      Effect.replicateEffect(
        Effect.tap(delays.next, (millis) => Effect.sleep(millis)),
        count
      )
    )
    return Exit.isSuccess(exit) ? [...exit.value] : []
  }

  const bounds = fc
    .integer({ min: 1, max: 100_000 })
    .chain((min) => fc.integer({ min, max: 10_000_000 }).map((max) => [min, max] as const))

  it("are min, 2 min, 4 min, ... max, max, whichever way the schedule is driven", () => {
    fc.assert(
      fc.property(bounds, ([min, max]) => {
        const expected = Array.from({ length: 30 }, (_, i) => Math.min(min * 2 ** i, max))
        expect(waitsOf(Backoff.capped(settingsOf(min, max)), 30)).toEqual(expected)
        expect(stepped(Backoff.capped(settingsOf(min, max)), 30)).toEqual(expected)
      }),
      { numRuns: 50, seed: 10 }
    )
  })

  it("stay at max: 2 to the power of 3,000 does not overflow", () => {
    for (const jitter of [false, true]) {
      const all = waitsOf(Backoff.capped(settingsOf(10_000, 300_000, jitter)), 3000)
      expect(all.slice(10).every((wait) => wait === 300_000)).toBe(true)
    }
    expect(
      stepped(Backoff.capped(settingsOf(10_000, 300_000)), 3000)
        .slice(10)
        .every((one) => one === 300_000)
    ).toBe(true)
  })

  it("with jitter are above 0, at least half of themselves, and never above max", () => {
    fc.assert(
      fc.property(bounds, fc.nat(1000), ([min, max], seed) => {
        const all = waitsOf(Backoff.capped(settingsOf(min, max, true)), 20, seed)
        for (const [i, wait] of all.entries()) {
          expect(wait).toBeGreaterThan(0)
          expect(wait).toBeGreaterThanOrEqual(Math.min((min * 2 ** i) / 2, max))
          expect(wait).toBeLessThanOrEqual(Math.min(min * 2 ** i, max))
        }
      }),
      { numRuns: 100, seed: 11 }
    )
  })

  it("the reference's first wait is min even above max (docs/negotiation.md, D20)", () => {
    expect(waitsOf(Reference.waits(settingsOf(10_000, 4_000)), 4)).toEqual([10_000, 4_000, 4_000, 4_000])
    expect(waitsOf(Reference.waits(settingsOf(1_000, 5_000)), 5)).toEqual([1_000, 2_000, 4_000, 5_000, 5_000])
  })

  it("each walk begins at the first wait", () => {
    const schedule = Backoff.capped(settingsOf(10, 1000))
    expect(stepped(schedule, 3)).toEqual([10, 20, 40])
    expect(stepped(schedule, 3)).toEqual([10, 20, 40])
  })
})

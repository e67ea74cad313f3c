/**
 * Worlds made by hand: each found a fault of liveness in an earlier wording of the algorithm. One hour each unless
 * said.
 */
import { afterAll, describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Fiber, FiberId, Stream } from "effect"
import * as TowerScript from "../../../src/layers/testing/TowerScript.js"
import { DatabaseUnavailable } from "../../../src/schema/DbError.js"
import type { PublicKey } from "../../../src/schema/Ids.js"
import { KeyRingError } from "../../../src/schema/KeyRingError.js"
import type { NegotiatorEvent } from "../../../src/schema/NegotiatorEvent.js"
import type { ClientDb } from "../../../src/services/ClientDb.js"
import { addressOf, hour, minute, run, second, those, towerKey, type World } from "./world.js"

const good = (latency: number) => () => ({ ...TowerScript.ok, latency })
const silentAt = (stage: TowerScript.Stage) => () => TowerScript.silentAt(stage)
/** Without timeouts of the transport: only the visit's deadline ends a silence. */
const patient = { dialTimeout: Infinity, handshakeTimeout: Infinity, messageTimeout: Infinity }
const broken = new DatabaseUnavailable({ operation: "test", detail: "broken on purpose" })

/** Asks for one session after the other until an instant; answers how long each took. */
const ask = (world: World, until: number, pause = 0) =>
  Effect.gen(function* () {
    const took: Array<number> = []
    const clock = yield* Effect.clock
    const now = () => clock.unsafeCurrentTimeMillis()
    yield* Effect.gen(function* () {
      for (;;) {
        const begin = now()
        yield* world.negotiator.nextSession
        took.push(now() - begin)
        if (pause > 0) yield* Effect.sleep(pause)
      }
    }).pipe(Effect.timeoutOption(until - now()))
    return took
  })

const average = (numbers: ReadonlyArray<number>) => numbers.reduce((sum, one) => sum + one, 0) / numbers.length

/** A database whose writes fail for one tower. */
const failingStores =
  (tower: PublicKey) =>
  (db: ClientDb.Service): ClientDb.Service => ({
    ...db,
    createClientSession: (session, reservation, update) =>
      session.towerPublicKey === tower ? Effect.fail(broken) : db.createClientSession(session, reservation, update)
  })

/** What each world reached; printed with WORLDS_TABLE=1. */
const reached: Array<readonly [world: string, figures: string]> = []
const tell = (figures: string) => reached.push([expect.getState().currentTestName ?? "", figures])

afterAll(() => {
  if (process.env.WORLDS_TABLE === undefined) return
  const rows = reached.map(([world, figures]) => `| ${world.replace("worlds > ", "")} | ${figures} |`)
  console.log(["| world | reached |", "| --- | --- |", ...rows].join("\n"))
})

describe("worlds", () => {
  it("a consumer of newSessions beside one and then ten nextSession: each gets one, the stream none, then idle", () => {
    run({ towers: [{ script: good(50) }] }, (world) =>
      Effect.gen(function* () {
        let streamed = 0
        const consumer = yield* Effect.fork(
          Stream.runForEach(world.negotiator.newSessions, () => Effect.sync(() => ++streamed))
        )
        yield* world.negotiator.nextSession
        const sessions = yield* Effect.all(
          Array.from({ length: 10 }, () => world.negotiator.nextSession),
          {
            concurrency: "unbounded"
          }
        )
        yield* Effect.sleep(hour)
        expect(new Set(sessions.map((session) => session.id)).size).toBe(10)
        expect(streamed).toBe(0)
        expect(world.transport.count()).toBe(11)
        tell(`11 sessions for 11 nextSession, ${streamed} for the stream`)
        const status = yield* world.negotiator.status
        expect(status).toEqual({ pending: 0, undelivered: 0, state: { _tag: "Idle" } })
        yield* Fiber.interrupt(consumer)
      })
    )
  })

  it("four honest towers that all need 3.6 s: spread within one, none blamed (2 h)", () => {
    run({ towers: Array.from({ length: 4 }, () => ({ script: good(1200) })) }, (world) =>
      Effect.gen(function* () {
        yield* ask(world, 2 * hour, 20 * second)
        const counts = [1, 2, 3, 4].map(world.sessionsOf)
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1)
        expect(Math.min(...counts)).toBeGreaterThan(70)
        tell(`${counts.join("/")} sessions, ${those(world.events, "VisitFailed").length} blamed`)
        expect(those(world.events, "VisitFailed")).toEqual([])
      })
    )
  })

  for (const [name, script] of [
    ["silent after act two", silentAt("init")],
    ["answering each step after 0.9 s", good(900)],
    // Its visit, begun first, is always overtaken: the fast one is begun after 1 s and its reply comes before this one's.
    [
      "whose every answer falls inside the fast one's visit",
      (): TowerScript.Script => ({ delays: { dial: 500, init: 300, reply: 330 } })
    ]
  ] as const) {
    it(`a fast tower beside one ${name}: at most 20 dials, 200 ms a session on average`, () => {
      run({ towers: [{ script: good(20) }, { script }] }, (world) =>
        Effect.gen(function* () {
          const took = yield* ask(world, hour, 5 * second)
          expect(world.dialsOf(2).length).toBeLessThanOrEqual(20)
          expect(average(took)).toBeLessThanOrEqual(200)
          tell(`${world.dialsOf(2).length} dials, ${Math.round(average(took))} ms a session`)
        })
      )
    })
  }

  it("a tower with a silent and a live address beside a good tower: half of the sessions each (2 h)", () => {
    const [silent, live] = [addressOf(1, 1), addressOf(1, 2)]
    const script = (dial: TowerScript.Dial) =>
      dial.address === silent ? TowerScript.silentAt("dial") : { ...TowerScript.ok, latency: 30 }
    run({ towers: [{ script, addresses: [silent, live] }, { script: good(30) }] }, (world) =>
      Effect.gen(function* () {
        yield* ask(world, 2 * hour, 20 * second)
        const [one, two] = [world.sessionsOf(1), world.sessionsOf(2)]
        expect(Math.abs(one - two)).toBeLessThanOrEqual(3)
        expect(one).toBeGreaterThan(130)
        const silentDials = world.dialsOf(1).filter((dial) => dial.address === silent).length
        tell(`${one} and ${two} sessions, the silent address dialled ${silentDials} times`)
        expect(world.dialsOf(1).filter((dial) => dial.address === silent).length).toBeLessThanOrEqual(5)
      })
    )
  })

  it("a tower whose store always fails beside two healthy ones: no round waits (2 h)", () => {
    const towers = [{ script: good(20) }, { script: good(20) }, { script: good(20) }]
    run({ towers, db: failingStores(towerKey(1)) }, (world) =>
      Effect.gen(function* () {
        yield* ask(world, 2 * hour, 20 * second)
        expect(those(world.events, "BackingOff")).toEqual([])
        expect(Math.abs(world.sessionsOf(2) - world.sessionsOf(3))).toBeLessThanOrEqual(2)
        expect(world.sessionsOf(2)).toBeGreaterThan(170)
        expect(world.dialsOf(1).length).toBeLessThanOrEqual(40)
        tell(
          `${world.sessionsOf(2)} and ${world.sessionsOf(3)} sessions, ${world.dialsOf(1).length} dials to the bad one`
        )
        expect(those(world.events, "VisitFailed").every(({ blamed }) => !blamed)).toBe(true)
      })
    )
  })

  it("a tower whose ECDH always fails beside two healthy ones: no round waits (2 h)", () => {
    // Each key belongs to one tower: the ring fails for those that are reserved for tower 1.
    const keysOfOne = new Set<number>()
    const db = (inner: ClientDb.Service): ClientDb.Service => ({
      ...inner,
      nextSessionKeyIndex: (towerId, ...rest) =>
        Effect.tap(inner.nextSessionKeyIndex(towerId, ...rest), ({ keyIndex }) =>
          Effect.sync(() => (towerId === 1 ? keysOfOne.add(keyIndex) : undefined))
        )
    })
    run(
      {
        towers: [{ script: good(20) }, { script: good(20) }, { script: good(20) }],
        db,
        keyRing: (ring) => ({
          ...ring,
          ecdh: (locator, point) =>
            keysOfOne.has(locator.index)
              ? Effect.fail(new KeyRingError({ operation: "ecdh", detail: "broken on purpose" }))
              : ring.ecdh(locator, point)
        })
      },
      (world) =>
        Effect.gen(function* () {
          yield* ask(world, 2 * hour, 20 * second)
          expect(those(world.events, "BackingOff")).toEqual([])
          expect(Math.abs(world.sessionsOf(2) - world.sessionsOf(3))).toBeLessThanOrEqual(2)
          expect(world.dialsOf(1).length).toBeLessThanOrEqual(100)
          tell(
            `${world.sessionsOf(2)} and ${world.sessionsOf(3)} sessions, ${world.dialsOf(1).length} dials to the bad one`
          )
        })
    )
  })

  it("a tower added while the only one stalls: its first session within 0.2 s", () => {
    run({ towers: [{ script: silentAt("init") }, { script: good(30), later: true }], transport: patient }, (world) =>
      Effect.gen(function* () {
        const fiber = yield* Effect.fork(world.negotiator.nextSession)
        yield* Effect.sleep(30 * second)
        yield* world.add(2)
        yield* Effect.sleep(200)
        expect(world.sessionsOf(2)).toBe(1)
        yield* Fiber.join(fiber)
        tell("within 0.2 s")
      })
    )
  })

  it("a tower added beside 8 that stall: its session when the first visit ends, after 90 s", () => {
    const stalled = Array.from({ length: 8 }, () => ({ script: silentAt("init") }))
    run({ towers: [...stalled, { script: good(30), later: true }], transport: patient }, (world) =>
      Effect.gen(function* () {
        const fiber = yield* Effect.fork(world.negotiator.nextSession)
        yield* Effect.sleep(30 * second)
        yield* world.add(9)
        const session = yield* Fiber.join(fiber)
        expect(session.towerPublicKey).toBe(towerKey(9))
        expect(session.createdAt).toBe(90 * second + 90)
        tell(`after ${session.createdAt / second} s`)
      })
    )
  })

  it("8 towers that stall with 20 addresses each and a good one: 90 s, then hundreds; 20 dials to each staller", () => {
    const stalled = Array.from({ length: 8 }, (_, i) => ({
      script: silentAt("init"),
      addresses: Array.from({ length: 20 }, (_, j) => addressOf(i + 1, j + 1))
    }))
    run({ towers: [...stalled, { script: good(30) }], transport: patient }, (world) =>
      Effect.gen(function* () {
        const took = yield* ask(world, hour, 4 * second)
        expect(took[0]).toBe(90 * second + 90)
        expect(took.length).toBeGreaterThan(700)
        const dials = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => world.dialsOf(n).length)
        tell(`first after ${(took[0] ?? 0) / second} s, then ${took.length}; ${Math.max(...dials)} dials to a staller`)
        for (let n = 1; n <= 8; n++) expect(world.dialsOf(n).length).toBeLessThanOrEqual(20)
      })
    )
  })

  it("towers that refuse while writes of standings fail: at most two open reservations for each", () => {
    const taken = new Map<number, Set<number>>()
    const db = (inner: ClientDb.Service): ClientDb.Service => ({
      ...inner,
      freeSessionKeyIndex: () => Effect.fail(broken),
      saveStanding: () => Effect.fail(broken),
      nextSessionKeyIndex: (towerId, ...rest) =>
        Effect.tap(inner.nextSessionKeyIndex(towerId, ...rest), ({ keyIndex }) =>
          Effect.sync(() => taken.set(towerId, (taken.get(towerId) ?? new Set()).add(keyIndex)))
        )
    })
    const script = () => TowerScript.replies(40)
    run({ towers: [{ script }, { script }, { script }], db }, (world) =>
      Effect.gen(function* () {
        yield* ask(world, hour)
        expect(taken.size).toBe(3)
        tell(`${Math.max(...[...taken.values()].map((indexes) => indexes.size))} open for each`)
        for (const indexes of taken.values()) expect(indexes.size).toBeLessThanOrEqual(2)
      })
    )
  })

  it("nextSession with a timeout of 2 s again and again against a dead tower: at most 20 dials", () => {
    run({ towers: [{ script: () => TowerScript.failsAt("dial") }] }, (world) =>
      Effect.gen(function* () {
        const once = Effect.timeoutOption(world.negotiator.nextSession, 2 * second)
        yield* Effect.timeoutOption(Effect.forever(once), hour)
        expect(world.dialsOf(1).length).toBeLessThanOrEqual(20)
        expect(world.dialsOf(1).length).toBeGreaterThan(10)
        tell(`${world.dialsOf(1).length} dials`)
      })
    )
  })

  for (const [name, others] of [
    ["beside a live tower", [{ script: good(20) }]],
    ["alone", []]
  ] as const) {
    it(`a tower that always replies AlreadyExists ${name}: at most 60 dials`, () => {
      run({ towers: [{ script: () => TowerScript.replies(60, 300) }, ...others] }, (world) =>
        Effect.gen(function* () {
          yield* ask(world, hour, 5 * second)
          expect(world.dialsOf(1).length).toBeLessThanOrEqual(60)
          expect(world.dialsOf(1).length).toBeGreaterThan(30)
          tell(`${world.dialsOf(1).length} dials`)
          // No key is shown twice.
          expect(new Set(world.dialsOf(1).map((dial) => dial.publicKey)).size).toBe(world.dialsOf(1).length)
        })
      )
    })
  }

  it("9 silent towers and one live: first session within 12 s, afterwards at most one hedge delay a round", () => {
    const silent = Array.from({ length: 9 }, () => ({ script: silentAt("dial") }))
    run({ towers: [...silent, { script: good(30) }] }, (world) =>
      Effect.gen(function* () {
        const took = yield* ask(world, hour, 5 * second)
        expect(took[0]).toBeLessThanOrEqual(12 * second)
        expect(Math.max(...took.slice(1))).toBeLessThanOrEqual(second + 90)
        tell(`first after ${(took[0] ?? 0) / second} s, then ${Math.max(...took.slice(1)) / second} s at most`)
      })
    )
  })

  it("two towers that recover among stallers: both are visited again, neither starves the other", () => {
    const recovering = ({ at }: TowerScript.Dial) =>
      at < 20 * minute ? TowerScript.silentAt("dial") : { ...TowerScript.ok, latency: 30 }
    const stallers = Array.from({ length: 4 }, () => ({ script: silentAt("dial") }))
    run({ towers: [...stallers, { script: recovering }, { script: recovering }] }, (world) =>
      Effect.gen(function* () {
        yield* ask(world, hour, 2 * second)
        const [one, two] = [world.sessionsOf(5), world.sessionsOf(6)]
        expect(one).toBeGreaterThan(500)
        expect(two).toBeGreaterThan(500)
        tell(`${one} and ${two} sessions`)
      })
    )
  })

  it("all quarantined: WaitingForCandidates until the probe at once, a session 0.1 s after it", () => {
    const day = 24 * hour
    const script = ({ at }: TowerScript.Dial) =>
      at < day ? TowerScript.replies(64) : { ...TowerScript.ok, latency: 30 }
    run({ towers: [{ script }, { script }] }, (world) =>
      Effect.gen(function* () {
        const fiber = yield* Effect.fork(world.negotiator.nextSession)
        yield* Effect.sleep(second)
        expect((yield* world.negotiator.status).state).toEqual({ _tag: "WaitingForCandidates", until: day })
        const session = yield* Fiber.join(fiber)
        expect(session.createdAt).toBeLessThanOrEqual(day + 100)
        tell(`a session ${session.createdAt - day} ms after the probe`)
        expect(those(world.events, "BackingOff")).toEqual([])
      })
    )
  })

  it("a claimant whose store fails while a rival waits: the rival's session comes", () => {
    const db = (inner: ClientDb.Service): ClientDb.Service => ({
      ...inner,
      createClientSession: (session, reservation, update) =>
        session.towerPublicKey === towerKey(2)
          ? Effect.delay(Effect.fail(broken), 500)
          : inner.createClientSession(session, reservation, update)
    })
    const slow = () => ({ ...TowerScript.ok, latency: 800 })
    run({ towers: [{ script: slow }, { script: good(20) }], db }, (world) =>
      Effect.gen(function* () {
        const session = yield* world.negotiator.nextSession
        expect(session.towerPublicKey).toBe(towerKey(1))
        expect(yield* world.negotiator.nextSession).toMatchObject({ towerPublicKey: towerKey(1) })
      })
    )
  })

  it("a tower removed while it hangs up: its session is delivered and the loop goes on", () => {
    run(
      { towers: [{ script: () => ({ ...TowerScript.ok, hangUpAfter: 1500 }) }, { script: good(20), later: true }] },
      (world) =>
        Effect.gen(function* () {
          const fiber = yield* Effect.fork(world.negotiator.nextSession)
          yield* Effect.sleep(500)
          expect(world.sessionsOf(1)).toBe(1)
          yield* world.remove(1)
          yield* world.add(2)
          expect((yield* Fiber.join(fiber)).towerPublicKey).toBe(towerKey(1))
          expect((yield* world.negotiator.nextSession).towerPublicKey).toBe(towerKey(2))
        })
    )
  })

  it("a taker interrupted in the step in which it is served: nothing is lost and the loop goes on", () => {
    // A listener to the offer interrupts the taker in the same step, at some of its many operations.
    for (let seed = 0; seed < 100; seed++) {
      let interrupt: (() => void) | undefined
      const spec = {
        towers: [{ script: good(20) }],
        time: { seed, yieldEvery: 30 },
        listen: ({ happening }: NegotiatorEvent) => {
          if (happening._tag === "Demand" && happening.undelivered > 0) interrupt?.()
        }
      }
      run(spec, (world) =>
        Effect.gen(function* () {
          const first = yield* Effect.fork(world.negotiator.nextSession)
          interrupt = () => {
            interrupt = undefined
            first.unsafeInterruptAsFork(FiberId.none)
          }
          const exit = yield* Fiber.await(first)
          const taken = Exit.isSuccess(exit) ? [exit.value] : []
          const second = yield* world.negotiator.nextSession
          const third = yield* world.negotiator.nextSession
          const ids = [...taken, second, third].map((session) => session.id)
          expect(new Set(ids).size).toBe(ids.length)
          expect(those(world.events, "SessionStored").length).toBe(ids.length)
        })
      )
    }
  })
})

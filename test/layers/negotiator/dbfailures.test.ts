/**
 * A database that fails: at each single call, with its answer lost, for a while, in one method, or by being slow. Nothing
 * may be lost or doubled, the loop goes on, and every failure is told with its type (docs/negotiation.md, G1 and G2).
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import * as TowerScript from "../../../src/layers/testing/TowerScript.js"
import type { ClientSession } from "../../../src/schema/ClientSession.js"
import {
  CorruptRow,
  DatabaseBusy,
  DatabaseUnavailable,
  type DbError,
  StoreOutcomeUnknown
} from "../../../src/schema/DbError.js"
import type { ClientDb } from "../../../src/services/ClientDb.js"
import { always, dials, failures, good, inTurn, now, sleepUntil, stored, waits } from "./scenes.js"
import { addressOf, minute, run, second, those, towerKey, type World, type WorldOptions } from "./world.js"

type Method = keyof ClientDb.Service

/** What becomes of a call: with its answer lost it is done all the same; a number makes it take that many milliseconds. */
type Outcome = "well" | "fails" | "answer lost" | number

const errorOf = (call: number): DbError =>
  [
    new DatabaseBusy({ operation: "test" }),
    new DatabaseUnavailable({ operation: "test", detail: "broken on purpose" })
  ][call % 3] ?? new CorruptRow({ table: "test", detail: "broken on purpose" })

/** A database whose calls, numbered from 1, end as given. */
const withOutcomes =
  (outcome: (call: number, method: Method) => Outcome) =>
  (db: ClientDb.Service): ClientDb.Service => {
    let calls = 0
    const meet = <A, E, L>(method: Method, effect: Effect.Effect<A, E>, lost: (error: DbError) => L) =>
      Effect.suspend((): Effect.Effect<A, E | DbError | L> => {
        calls += 1
        const what = outcome(calls, method)
        const error = errorOf(calls)
        if (what === "well") return effect
        if (what === "fails") return Effect.fail(error)
        if (what === "answer lost") return Effect.andThen(effect, Effect.fail(lost(error)))
        return Effect.delay(effect, what)
      })
    const plain = <A, E>(method: Method, effect: Effect.Effect<A, E>) => meet(method, effect, (error) => error)
    return {
      ...db,
      bindIdentity: (identity) => plain("bindIdentity", db.bindIdentity(identity)),
      createTower: (...all) => plain("createTower", db.createTower(...all)),
      removeTower: (...all) => plain("removeTower", db.removeTower(...all)),
      deactivateTower: (...all) => plain("deactivateTower", db.deactivateTower(...all)),
      listTowers: plain("listTowers", db.listTowers),
      loadStandings: (...all) => plain("loadStandings", db.loadStandings(...all)),
      saveStanding: (update) => plain("saveStanding", db.saveStanding(update)),
      nextSessionKeyIndex: (...all) => plain("nextSessionKeyIndex", db.nextSessionKeyIndex(...all)),
      freeSessionKeyIndex: (...all) => plain("freeSessionKeyIndex", db.freeSessionKeyIndex(...all)),
      createClientSession: (session, ...rest) =>
        meet(
          "createClientSession",
          db.createClientSession(session, ...rest),
          () => new StoreOutcomeUnknown({ id: session.id })
        )
    }
  }

/** Towers that fail in their ways and recover, one that needs another key, one that comes and goes. */
const towers: WorldOptions["towers"] = [
  inTurn(TowerScript.replies(40), TowerScript.ok, TowerScript.failsAt("init"), TowerScript.ok),
  { ...inTurn(TowerScript.replies(60, 2), TowerScript.ok), addresses: [addressOf(2, 1), addressOf(2, 2)] },
  { ...good(100), later: true }
]

/** Takes eight sessions; an operation of the operator that fails is repeated. */
const program = (world: World) =>
  Effect.gen(function* () {
    const taken: Array<ClientSession> = []
    for (let i = 0; i < 8; i++) {
      taken.push(yield* world.negotiator.nextSession)
      yield* Effect.sleep(6 * second)
      if (i === 2) yield* Effect.eventually(world.candidates.add(towerKey(3), addressOf(3)))
      if (i === 5) yield* Effect.eventually(world.candidates.remove(towerKey(3)))
    }
    return taken
  })

/** What must hold however the database fails. Keys and connections are watched by the world itself. */
const expectSound = (world: World, taken: ReadonlyArray<ClientSession>, isLost: boolean) =>
  Effect.gen(function* () {
    const listed = yield* Effect.orDie(world.db.listClientSessions({ limit: 1000 }))
    const ids = new Set(listed.map(({ id }) => id))
    const delivered = those(world.events, "SessionDelivered").map(({ session }) => session.id)
    expect(ids.size).toBe(listed.length)
    expect(new Set(listed.map(({ keyIndex }) => keyIndex)).size).toBe(listed.length)
    expect(delivered).toEqual(taken.map(({ id }) => id))
    expect(new Set(delivered).size).toBe(delivered.length)
    expect(delivered.every((id) => ids.has(id))).toBe(true)
    // What is listed and was not delivered is what no caller could know of.
    const unknown = those(world.events, "AttemptFailed").filter(({ failure }) => failure._tag === "StoreOutcomeUnknown")
    expect(listed.length - delivered.length).toBe(isLost ? unknown.length : 0)
    const own = ["DatabaseBusy", "DatabaseUnavailable", "CorruptRow", "StoreOutcomeUnknown"]
    for (const { blamed, failure } of those(world.events, "VisitFailed")) {
      expect(blamed).toBe(!own.includes(failure._tag))
    }
    // No session without a connection that asked for it.
    const asked = world.transport.dials().filter(({ sent }) => sent.some(({ _tag }) => _tag === "CreateSession"))
    const keys = new Set<string>(asked.map(({ publicKey }) => publicKey))
    for (const { id } of listed) expect(keys.has(id)).toBe(true)
  })

describe("a database that fails once, at every call in turn", () => {
  for (const outcome of ["fails", "answer lost"] as const) {
    it(`${outcome}: eight sessions all the same`, () => {
      let met = true
      let runs = 0
      const building = new Set<Method>()
      for (let n = 1; met; n++) {
        met = false
        let method: Method | undefined
        const db = withOutcomes((call, which) => {
          if (call !== n) return "well"
          met = true
          method = which
          return outcome
        })
        try {
          run({ towers, db, time: { seed: n, yieldEvery: n % 2 === 0 ? 30 : 1000 } }, (world) =>
            Effect.flatMap(program(world), (taken) => expectSound(world, taken, outcome === "answer lost"))
          )
          runs += 1
        } catch (error) {
          // Building fails with the error itself: the harness makes it a defect.
          if (error !== null && typeof error === "object" && "_tag" in error && method !== undefined) {
            expect(error).toEqual(errorOf(n))
            building.add(method)
          } else throw error
        }
      }
      expect(runs).toBeGreaterThan(20)
      expect([...building].sort()).toEqual(["bindIdentity", "listTowers", "loadStandings"])
    })
  }
})

describe("a database that fails for a while", () => {
  for (const outcome of ["fails", "answer lost"] as const) {
    it(`every call ${outcome} for ten minutes: the loop waits and goes on`, () => {
      let broken = false
      run({ towers: [good(), good()], db: withOutcomes(() => (broken ? outcome : "well")) }, (world) =>
        Effect.gen(function* () {
          const first = yield* world.negotiator.nextSession
          broken = true
          yield* world.negotiator.requestSession
          yield* sleepUntil(10 * minute)
          expect((yield* world.negotiator.status).state._tag).toBe("BackingOff")
          // Both towers fail in each round, and the second failure ends it.
          expect(waits(world).map(([at, until]) => (until - at) / second)).toEqual([10, 20, 40, 80, 160, 300])
          expect(those(world.events, "VisitFailed").every(({ blamed }) => !blamed)).toBe(true)
          broken = false
          const next = yield* world.negotiator.takeSession
          expect(yield* now).toBe(610 * second)
          yield* expectSound(world, [first, next], outcome === "answer lost")
        })
      )
    })
  }

  it("nothing can be taken: no tower is dialled, no key is used up", () => {
    let broken = true
    run(
      {
        towers: [good()],
        db: withOutcomes((_, method) => (broken && method === "nextSessionKeyIndex" ? "fails" : "well"))
      },
      (world) =>
        Effect.gen(function* () {
          yield* world.negotiator.requestSession
          yield* sleepUntil(minute)
          expect(world.transport.count()).toBe(0)
          broken = false
          expect(yield* world.negotiator.takeSession).toMatchObject({ keyIndex: 1, createdAt: 70 * second })
        })
    )
  })

  it("nothing can be stored: the tower is asked again and again with the same key, at the pace of its rest", () => {
    let broken = true
    run(
      {
        towers: [good()],
        db: withOutcomes((_, method) => (broken && method === "createClientSession" ? "fails" : "well"))
      },
      (world) =>
        Effect.gen(function* () {
          yield* world.negotiator.requestSession
          yield* sleepUntil(minute)
          broken = false
          expect(yield* world.negotiator.takeSession).toMatchObject({ keyIndex: 1, createdAt: 70 * second })
          expect(dials(world)).toEqual([0, 10, 30, 70].map((n) => [n * second, 1, 1]))
        })
    )
  })

  it("no store says whether it was done: each is listed, none delivered, no key used twice; then it goes on", () => {
    let broken = true
    run(
      {
        towers: [good()],
        db: withOutcomes((_, method) => (broken && method === "createClientSession" ? "answer lost" : "well"))
      },
      (world) =>
        Effect.gen(function* () {
          yield* world.negotiator.requestSession
          yield* sleepUntil(minute)
          broken = false
          const session = yield* world.negotiator.takeSession
          expect(session).toMatchObject({ keyIndex: 4, createdAt: 70 * second })
          expect(failures(world.events).map(([, , tag]) => tag)).toEqual(Array(3).fill("StoreOutcomeUnknown"))
          const listed = yield* Effect.orDie(world.db.listClientSessions())
          expect(listed.map(({ keyIndex }) => keyIndex)).toEqual([1, 2, 3, 4])
          expect(dials(world).map(([, , index]) => index)).toEqual([1, 2, 3, 4])
        })
    )
  })

  it("nothing can be freed: memory goes on with the same keys, a key that was used is not shown again", () => {
    const script = inTurn(
      TowerScript.failsAt("init"),
      TowerScript.failsAt("init"),
      TowerScript.replies(60, 1),
      TowerScript.replies(60, 1),
      TowerScript.replies(60, 1),
      TowerScript.ok
    )
    run(
      { towers: [script], db: withOutcomes((_, method) => (method === "freeSessionKeyIndex" ? "fails" : "well")) },
      (world) =>
        Effect.gen(function* () {
          const session = yield* world.negotiator.nextSession
          expect(dials(world)).toEqual([
            [0, 1, 1],
            [10_000, 1, 1],
            [30_000, 1, 1],
            [30_000, 1, 2],
            [30_000, 1, 3],
            [70_000, 1, 4]
          ])
          expect(session.keyIndex).toBe(4)
          expect(those(world.events, "WriteFailed").length).toBe(3)
        })
    )
  })

  it("no standing can be written: rests and quarantines hold in memory", () => {
    const refusing = always(TowerScript.replies(64))
    run(
      {
        towers: [refusing, always(TowerScript.failsAt("dial"))],
        db: withOutcomes((_, method) =>
          method === "freeSessionKeyIndex" || method === "saveStanding" ? "fails" : "well"
        )
      },
      (world) =>
        Effect.gen(function* () {
          yield* world.negotiator.requestSession
          yield* sleepUntil(5 * minute)
          expect(world.dialsOf(1).length).toBe(1)
          expect(world.dialsOf(2).map(({ at }) => at / second)).toEqual([0, 10, 30, 70, 150])
        })
    )
  })
})

describe("a slow database", () => {
  it("each call takes 4 s: every session takes three of them at most, and is stored before it is delivered", () => {
    let built = false
    const slow = withOutcomes((_, method) => (built && method !== "createTower" ? 4 * second : "well"))
    run({ towers: [good(100), good(100)], db: slow, options: { maxHedged: 1 } }, (world) =>
      Effect.gen(function* () {
        built = true
        for (let i = 0; i < 4; i++) yield* world.negotiator.nextSession
        expect(stored(world)).toEqual([
          [8_300, 1, 1],
          [16_600, 2, 3],
          [24_900, 1, 2],
          [33_200, 2, 4]
        ])
        expect(those(world.events, "SessionDelivered").map(({ at }) => at)).toEqual([8_300, 16_600, 24_900, 33_200])
      })
    )
  })

  it("hedging beside a slow reservation: one session a round, whichever tower is first", () => {
    run({ towers: [good(100), good(100)], db: withOutcomes((call) => (call > 4 ? 4 * second : "well")) }, (world) =>
      Effect.gen(function* () {
        for (let i = 0; i < 6; i++) yield* world.negotiator.nextSession
        const listed = yield* Effect.orDie(world.db.listClientSessions())
        expect(listed.length).toBe(6)
        expect(those(world.events, "RoundStarted").length).toBe(6)
        expect(new Set(listed.map(({ towerId }) => towerId)).size).toBe(2)
      })
    )
  })

  it("one call of each method in turn takes 4 s: the same eight sessions", () => {
    const methods: ReadonlyArray<Method> = ["nextSessionKeyIndex", "createClientSession", "freeSessionKeyIndex"]
    for (const slow of methods) {
      run({ towers, db: withOutcomes((_, method) => (method === slow ? 4 * second : "well")) }, (world) =>
        Effect.flatMap(program(world), (taken) => expectSound(world, taken, false))
      )
    }
  })
})

/** Corners of the algorithm that reviews have found: each was wrong once. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import * as TowerScript from "../../../src/layers/testing/TowerScript.js"
import { DatabaseUnavailable } from "../../../src/schema/DbError.js"
import { keyOf } from "../../../src/schema/Policy.js"
import type { ClientDb } from "../../../src/services/ClientDb.js"
import { slowStores } from "./scenes.js"
import { addressOf, hour, options, run, second, those, towerKey } from "./world.js"

const { policy } = options

const good = (latency: number) => () => ({ ...TowerScript.ok, latency })
const broken = new DatabaseUnavailable({ operation: "test", detail: "broken on purpose" })

/** Stores of tower n fail after that time. */
const failingStore =
  (n: number, after: number) =>
  (db: ClientDb.Service): ClientDb.Service => ({
    ...db,
    createClientSession: (session, reservation, update) =>
      session.towerPublicKey === towerKey(n)
        ? Effect.delay(Effect.fail(broken), after)
        : db.createClientSession(session, reservation, update)
  })

describe("corners", () => {
  it("an address added while a refusal is under way: no quarantine, it is asked at once", () => {
    const script = (dial: TowerScript.Dial): TowerScript.Script =>
      dial.address === addressOf(1, 1) ? { ...TowerScript.replies(64), latency: second } : { ...TowerScript.ok }
    run({ towers: [{ script }] }, (world) =>
      Effect.gen(function* () {
        const fiber = yield* Effect.fork(world.negotiator.nextSession)
        yield* Effect.sleep(0.5 * second)
        yield* world.add(1, addressOf(1, 2))
        const session = yield* Fiber.join(fiber)
        expect(session.createdAt).toBe(3 * second)
        expect(those(world.events, "Quarantined")).toEqual([])
      })
    )
  })

  it("a tower that accepted while another one's store was failing is not blamed", () => {
    const towers = [{ script: good(500) }, { script: good(100) }]
    run({ towers, db: failingStore(2, second) }, (world) =>
      Effect.gen(function* () {
        yield* Effect.fork(world.negotiator.nextSession)
        yield* Effect.sleep(5 * second)
        const failed = those(world.events, "VisitFailed").map(({ tower, failure }) => [tower, failure._tag])
        expect(failed).toEqual([[towerKey(2), "DatabaseUnavailable"]])
      })
    )
  })

  it("the others are stopped when a session is stored, not when the tower that gave it has hung up", () => {
    const neverHangsUp: TowerScript.Script = { latency: 100, hangUpAfter: Number.POSITIVE_INFINITY }
    const towers = [{ script: () => TowerScript.silentAt("init") }, { script: () => neverHangsUp }]
    run({ towers, db: slowStores(second) }, (world) =>
      Effect.gen(function* () {
        yield* world.negotiator.nextSession
        expect(those(world.events, "SessionStored").map(({ at }) => at)).toEqual([2300])
        expect(world.dialsOf(1)[0]?.closedAt).toBe(2300)
        expect(world.dialsOf(2)[0]?.closedAt).toBe(4300)
      })
    )
  })

  it("one that accepts while the session of a tower asked after it is being stored is overtaken once it is stored", () => {
    const towers = [{ script: good(800) }, { script: good(100) }]
    run({ towers, db: slowStores(2 * second) }, (world) =>
      Effect.gen(function* () {
        yield* world.negotiator.nextSession
        const failed = those(world.events, "AttemptFailed").map(({ at, tower, failure }) => [at, tower, failure._tag])
        expect(failed).toEqual([[3300, towerKey(1), "Overtaken"]])
      })
    )
  })

  it("a claim that is given up lets the next candidate start, however long the freeing takes", () => {
    const slowFree = (db: ClientDb.Service): ClientDb.Service => ({
      ...db,
      freeSessionKeyIndex: (...args) => Effect.delay(db.freeSessionKeyIndex(...args), 4 * second)
    })
    const db = (inner: ClientDb.Service) => slowFree(failingStore(1, second)(inner))
    run({ towers: [{ script: good(100) }, { script: good(100) }], db }, (world) =>
      Effect.gen(function* () {
        yield* world.negotiator.nextSession
        // The store failed at 1.3 s; the hedge delay had passed then.
        expect(world.dialsOf(2)[0]?.at).toBe(1.3 * second)
      })
    )
  })

  it("negotiate does not say that all refuse when one was only removed and added again", () => {
    run({ towers: [{ script: () => TowerScript.silentAt("init") }] }, (world) =>
      Effect.gen(function* () {
        const fiber = yield* Effect.fork(Effect.either(world.negotiator.negotiate))
        yield* Effect.sleep(second)
        yield* world.remove(1)
        yield* Effect.yieldNow()
        yield* world.add(1)
        expect(yield* Fiber.join(fiber)).toMatchObject({ left: { _tag: "FailedNegotiation", failures: [] } })
      })
    )
  })

  it("merged requests change nothing and tell nothing", () => {
    run({ towers: [] }, (world) =>
      Effect.gen(function* () {
        yield* Effect.replicateEffect(world.negotiator.requestSession, 50)
        expect(those(world.events, "Demand").length).toBe(1)
      })
    )
  })

  it("an address that failed counts, although the next one was removed during its attempt", () => {
    const [one, two] = [addressOf(1, 1), addressOf(1, 2)]
    const script = (dial: TowerScript.Dial) =>
      dial.address === one ? TowerScript.failsAt("dial") : TowerScript.silentAt("init")
    run({ towers: [{ script, addresses: [one, two] }] }, (world) =>
      Effect.gen(function* () {
        yield* Effect.fork(world.negotiator.nextSession)
        yield* Effect.sleep(second)
        yield* world.remove(1, two)
        yield* Effect.sleep(1)
        expect(those(world.events, "VisitFailed").map(({ failure }) => failure._tag)).toEqual(["DialFailed"])
      })
    )
  })

  it("what is known of removed addresses is forgotten", () => {
    const script = ({ at }: TowerScript.Dial) => (at < 9.5 * hour ? TowerScript.failsAt("dial") : TowerScript.ok)
    run({ towers: [{ script }] }, (world) =>
      Effect.gen(function* () {
        const fiber = yield* Effect.fork(world.negotiator.nextSession)
        for (let i = 1; i < 10; i++) {
          yield* Effect.sleep(hour)
          yield* world.add(1, addressOf(1, i + 1))
          yield* world.remove(1, addressOf(1, i))
        }
        yield* Fiber.join(fiber)
        const [standing] = (yield* Effect.orDie(world.db.loadStandings(policy.blobType, keyOf(policy)))).values()
        expect(Object.keys(standing?.addresses ?? {})).toEqual([addressOf(1, 10)])
      })
    )
  })

  it("a removal does not wait for what the database knows of an added tower", () => {
    const slow = (db: ClientDb.Service): ClientDb.Service => ({
      ...db,
      loadStandings: (...args) =>
        isBuilt ? Effect.delay(db.loadStandings(...args), 5 * second) : db.loadStandings(...args)
    })
    let isBuilt = false
    const towers = [{ script: () => TowerScript.silentAt("init") }, { script: good(10), later: true }]
    run({ towers, db: slow }, (world) =>
      Effect.gen(function* () {
        isBuilt = true
        yield* Effect.fork(world.negotiator.nextSession)
        yield* Effect.sleep(0.1 * second)
        yield* world.add(2)
        yield* world.remove(1)
        yield* Effect.sleep(1)
        expect(world.dialsOf(1)[0]?.closedAt).toBe(0.1 * second)
      })
    )
  })
})

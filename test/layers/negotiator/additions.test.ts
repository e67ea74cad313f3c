/**
 * A tower that was added before a round begins is part of that round; one that is added later is news to it. The order of
 * the calls alone decides that, not whose fiber has its turn first.
 */
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber, Layer, TestClock } from "effect"
import * as SessionNegotiator from "../../../src/layers/negotiator/SessionNegotiator.js"
import * as Unreleased from "../../../src/layers/negotiator/unreleased.js"
import * as RoundRobinTowerCandidates from "../../../src/layers/RoundRobinTowerCandidates.js"
import * as FixedKeyRing from "../../../src/layers/testing/FixedKeyRing.js"
import * as MemoryClientDb from "../../../src/layers/testing/MemoryClientDb.js"
import * as ScriptedTowerTransport from "../../../src/layers/testing/ScriptedTowerTransport.js"
import * as TowerScript from "../../../src/layers/testing/TowerScript.js"
import { KeyIndex, LeaseToken, TowerId } from "../../../src/schema/Ids.js"
import { leaseMs, Reservation } from "../../../src/schema/Reservation.js"
import { Tower } from "../../../src/schema/Tower.js"
import type { ClientDb } from "../../../src/services/ClientDb.js"
import { TowerCandidates } from "../../../src/services/TowerCandidates.js"
import { always, dials, waits } from "./scenes.js"
import { addressOf, minute, options, run, second, those, towerKey } from "./world.js"

const dead = always(TowerScript.failsAt("dial"))
const refusing = always(TowerScript.replies(64))

const yields = (count: number) => Effect.replicateEffect(Effect.yieldNow(), count)

describe("an addition before a request", () => {
  it.scoped("is not heard during it: the first backoff is slept (TestClock)", () =>
    Effect.gen(function* () {
      const towers = ScriptedTowerTransport.make(() => TowerScript.failsAt("dial"))
      const layer = SessionNegotiator.layer(options).pipe(
        Layer.provideMerge(Layer.provideMerge(RoundRobinTowerCandidates.layer(), MemoryClientDb.layer())),
        Layer.provide(FixedKeyRing.layerFake),
        Layer.provide(towers.layer)
      )
      yield* Effect.gen(function* () {
        yield* (yield* TowerCandidates).add(towerKey(1), addressOf(1))
        const taker = yield* Effect.fork((yield* SessionNegotiator.SessionNegotiator).nextSession)
        for (const wait of [10, 20, 40]) yield* TestClock.adjust(wait * second)
        expect(towers.dials().map((dial) => dial.at)).toEqual([0, 10, 30, 70].map((at) => at * second))
        yield* Fiber.interrupt(taker)
      }).pipe(Effect.provide(layer))
    })
  )

  for (const before of [0, 1, 2]) {
    for (const after of [0, 1, 2]) {
      it(`${before} turns before it and ${after} after it change nothing`, () => {
        run({ towers: [{ ...dead, later: true }] }, (world) =>
          Effect.gen(function* () {
            yield* yields(before)
            yield* world.add(1)
            yield* yields(after)
            yield* world.negotiator.requestSession
            yield* Effect.sleep(minute)
            expect(dials(world).map(([at]) => at / second)).toEqual([0, 10, 30])
          })
        )
      })

      it(`a tower that refuses for good is quarantined by its first refusal: ${before} turns before, ${after} after`, () => {
        run({ towers: [{ ...refusing, later: true }] }, (world) =>
          Effect.gen(function* () {
            yield* yields(before)
            yield* world.add(1)
            yield* yields(after)
            yield* world.negotiator.requestSession
            yield* Effect.sleep(minute)
            expect(those(world.events, "Quarantined").length).toBe(1)
            expect(world.dialsOf(1).length).toBe(1)
          })
        )
      })
    }
  }

  it("however often fibers take turns", () => {
    for (let seed = 0; seed < 100; seed++) {
      run({ towers: [{ ...dead, later: true }], time: { seed, yieldEvery: 10 } }, (world) =>
        Effect.gen(function* () {
          yield* world.add(1)
          yield* world.negotiator.requestSession
          yield* Effect.sleep(minute)
          expect(dials(world).map(([at]) => at / second)).toEqual([0, 10, 30])
        })
      )
    }
  })
})

describe("what else comes by the queue of changes", () => {
  it("a removal before a request is part of it: the tower is not dialled", () => {
    for (const turns of [0, 1, 2]) {
      run({ towers: [dead, dead] }, (world) =>
        Effect.gen(function* () {
          yield* world.remove(1)
          yield* yields(turns)
          yield* world.negotiator.requestSession
          yield* Effect.sleep(second)
          expect(world.dialsOf(1)).toEqual([])
          expect(waits(world)).toEqual([[0, 10 * second]])
        })
      )
    }
  })

  it("an addition by another process, seen by the poll before a request, is part of it", () => {
    for (const turns of [0, 1, 2]) {
      run({ towers: [dead, { ...dead, later: true }], pollInterval: second }, (world) =>
        Effect.gen(function* () {
          yield* Effect.orDie(world.db.createTower(towerKey(2), addressOf(2)))
          // The request comes in the instant of the poll.
          while ((yield* world.candidates.list).length < 2) yield* Effect.sleep(second / 10)
          yield* yields(turns)
          yield* world.negotiator.requestSession
          yield* Effect.sleep(minute)
          expect(waits(world).map(([at, until]) => until - at)).toEqual([10 * second, 20 * second, 40 * second])
        })
      )
    }
  })

  it("a quarantine that an addition released before a request is over in it", () => {
    for (const turns of [0, 1, 2]) {
      run({ towers: [refusing] }, (world) =>
        Effect.gen(function* () {
          yield* world.negotiator.requestSession
          yield* Effect.sleep(minute)
          expect(world.dialsOf(1).length).toBe(1)
          yield* world.add(1)
          yield* yields(turns)
          const exit = yield* Effect.exit(world.negotiator.negotiate)
          expect(exit._tag).toBe("Failure")
          yield* Effect.sleep(minute)
          // Asked once by the loop, which the addition wakes, or by this round, and quarantined again by it.
          expect(world.dialsOf(1).length).toBe(2)
          expect(those(world.events, "Quarantined").length).toBe(2)
        })
      )
    }
  })
})

it("300 towers added beside 1,000 known: their standings are read with one query, not with one each", () => {
  let reads = 0
  const db = (inner: ClientDb.Service): ClientDb.Service => ({
    ...inner,
    loadStandings: (...all) =>
      Effect.suspend(() =>
        Effect.zipRight(
          Effect.sync(() => ++reads),
          inner.loadStandings(...all)
        )
      )
  })
  run({ towers: Array.from({ length: 1000 }, () => dead), db }, (world) =>
    Effect.gen(function* () {
      expect(reads).toBe(1)
      for (let n = 1001; n <= 1300; n++) yield* world.add(n)
      yield* Effect.sleep(minute)
      // One when it was built, one at once for the first that came, and one a second later for all the others.
      expect(reads).toBeLessThanOrEqual(3)
    })
  )
})

it("a list that gives other objects for the same towers at each look is no addition, and keeps no round looking", () => {
  const towers = [dead, dead]
  const { events } = run(
    {
      towers,
      candidates: (inner) => ({
        ...inner,
        list: Effect.map(inner.list, (list) => list.map((tower) => new Tower({ ...tower })))
      })
    },
    (world) =>
      Effect.gen(function* () {
        yield* Effect.timeoutOption(world.negotiator.nextSession, minute)
        return { events: world.events }
      })
  )
  expect(those(events, "RoundEnded").map(({ failures }) => failures.length)).toEqual([2, 2, 2])
  expect(those(events, "Woken")).toEqual([])
})

describe("what is remembered of towers", () => {
  /** `SOAK=n` adds and removes n towers. */
  const count = Number(process.env.SOAK ?? 20_000)

  it(`does not grow with ${count} towers that are added and removed`, { timeout: 600_000 }, () => {
    setFlagsFromString("--expose_gc")
    const collect: () => void = runInNewContext("gc")
    const heap = () => {
      collect()
      return process.memoryUsage().heapUsed
    }
    // A database that forgets: what grows is in the negotiator or in its candidate list.
    const db = (inner: ClientDb.Service): ClientDb.Service => {
      let id = 0
      return {
        ...inner,
        createTower: (publicKey, address) =>
          Effect.sync(() => new Tower({ id: TowerId.make(++id), publicKey, addresses: [address] })),
        removeTower: () => Effect.void,
        listTowers: Effect.succeed([])
      }
    }
    const { grown } = run({ towers: [], db }, (world) =>
      Effect.gen(function* () {
        const addAndRemove = (n: number) =>
          Effect.gen(function* () {
            yield* world.add(n)
            yield* Effect.yieldNow()
            yield* world.remove(n)
            yield* Effect.yieldNow()
          })
        for (let n = 1; n <= count / 10; n++) yield* addAndRemove(n)
        const before = heap()
        for (let n = count / 10; n <= count; n++) yield* addAndRemove(n)
        return { grown: heap() - before }
      })
    )
    // Ten bytes a tower; an entry of a map takes some hundred.
    expect(grown).toBeLessThan(Math.max(10 * count, 1_000_000))
  })

  it("reservations that could not be freed are forgotten when their leases have run out, or the tower is removed", () => {
    const unreleased = Unreleased.make()
    const reservation = (keyIndex: number) =>
      new Reservation({
        keyIndex: KeyIndex.make(keyIndex),
        towerId: TowerId.make(1),
        blobType: options.policy.blobType,
        route: "clear",
        lease: LeaseToken.make("00".repeat(16)),
        since: 0,
        forMs: leaseMs
      })
    const indexes = (now: number) =>
      unreleased.of(TowerId.make(1), now).map((one) => one.reservation.keyIndex as number)
    unreleased.add({ reservation: reservation(1), freeFrom: 0, isUsed: false }, 0)
    unreleased.add({ reservation: reservation(2), freeFrom: 0, isUsed: true }, second)
    unreleased.add({ reservation: reservation(3), freeFrom: 0, isUsed: false }, 2 * second)
    expect(indexes(leaseMs - 1)).toEqual([1, 2, 3])
    expect(indexes(leaseMs)).toEqual([2, 3])
    expect(indexes(2 * leaseMs)).toEqual([2])
    unreleased.forget(TowerId.make(1))
    expect(indexes(0)).toEqual([])
  })
})

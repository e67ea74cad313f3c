/** Towers and addresses that are added or removed in a round (docs/negotiation.md, A round). All instants are exact. */
import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Queue } from "effect"
import * as CandidateChanges from "../../../src/layers/negotiator/candidateChanges.js"
import * as TowerScript from "../../../src/layers/testing/TowerScript.js"
import { TowerId } from "../../../src/schema/Ids.js"
import { Tower } from "../../../src/schema/Tower.js"
import {
  addressesDialled,
  always,
  askUntil,
  byAddress,
  ends,
  failures,
  good,
  inTurn,
  now,
  rounds,
  sleepUntil,
  slowStores,
  starts,
  stored,
  take
} from "./scenes.js"
import { addressOf, run, second, those, towerKey } from "./world.js"

const silent = always(TowerScript.silentAt("dial"))
const dead = always(TowerScript.failsAt("dial"))

describe("news in a round", () => {
  it("a tower that is added joins: after the hedge delay, or at once when that has passed and no candidate was left", () => {
    for (const [added, started] of [
      [500, 1000],
      [1500, 1500]
    ] as const) {
      run({ towers: [silent, { ...good(), later: true }] }, (world) =>
        Effect.gen(function* () {
          const taker = yield* Effect.fork(take(world, 1))
          yield* sleepUntil(added)
          yield* world.add(2)
          expect(yield* Fiber.join(taker)).toEqual([2])
          expect(starts(world)).toEqual([
            [0, 1],
            [started, 2]
          ])
          expect(rounds(world)).toEqual([0])
        })
      )
    }
  })

  it("never above maxHedged: it waits for an end", () => {
    run({ towers: [silent, silent, { ...good(), later: true }], options: { maxHedged: 2 } }, (world) =>
      Effect.gen(function* () {
        const taker = yield* Effect.fork(take(world, 1))
        yield* sleepUntil(5 * second)
        yield* world.add(3)
        yield* Fiber.join(taker)
        expect(starts(world)).toEqual([
          [0, 1],
          [1000, 2],
          [10_000, 3]
        ])
      })
    )
  })

  it("an address of a tower that was not visited yet is used in this round", () => {
    run({ towers: [silent, good()] }, (world) =>
      Effect.gen(function* () {
        const taker = yield* Effect.fork(take(world, 1))
        yield* sleepUntil(500)
        yield* world.add(2, addressOf(2, 2))
        yield* Fiber.join(taker)
        expect(addressesDialled(world, 2)).toEqual([addressOf(2, 2)])
      })
    )
  })

  it("an address of a tower that was visited already is used in the next one, which begins at once", () => {
    const towers = [byAddress([[addressOf(1, 1), TowerScript.silentAt("dial")]])]
    run({ towers }, (world) =>
      Effect.gen(function* () {
        const taker = yield* Effect.fork(take(world, 1))
        yield* sleepUntil(5 * second)
        yield* world.add(1, addressOf(1, 2))
        yield* Fiber.join(taker)
        expect(world.dialsOf(1).map(({ address, at }) => [at, address])).toEqual([
          [0, addressOf(1, 1)],
          [10_000, addressOf(1, 2)]
        ])
      })
    )
  })

  it("a tower that was refused for good and is released in the same round is not asked twice in it", () => {
    run({ towers: [inTurn(TowerScript.replies(64), TowerScript.ok), silent] }, (world) =>
      Effect.gen(function* () {
        const taker = yield* Effect.fork(take(world, 1))
        yield* sleepUntil(5 * second)
        yield* world.add(1)
        yield* Fiber.join(taker)
        expect(starts(world)).toEqual([
          [0, 1],
          [0, 2],
          [10_000, 1]
        ])
      })
    )
  })
})

describe("removals", () => {
  it("of a tower that is being asked: interrupted without blame, the next one at once", () => {
    run({ towers: [silent, good()] }, (world) =>
      Effect.gen(function* () {
        const taker = yield* Effect.fork(take(world, 1))
        yield* sleepUntil(300)
        yield* world.remove(1)
        expect(yield* Fiber.join(taker)).toEqual([2])
        expect(starts(world)).toEqual([
          [0, 1],
          [300, 2]
        ])
        expect(ends(world)).toEqual([[300, 1]])
        expect(world.dialsOf(1)[0]?.closedAt).toBe(300)
      })
    )
  })

  it("of a tower with another address, after its key was shown: its visit ends at once all the same", () => {
    const towers = [{ ...always(TowerScript.silentAt("init")), addresses: [addressOf(1, 1), addressOf(1, 2)] }]
    run({ towers: [...towers, good()] }, (world) =>
      Effect.gen(function* () {
        const taker = yield* Effect.fork(take(world, 1))
        yield* sleepUntil(300)
        yield* world.remove(1)
        expect(yield* Fiber.join(taker)).toEqual([2])
        expect(yield* now).toBe(300)
        expect(ends(world)).toEqual([[300, 1]])
        expect(addressesDialled(world, 1)).toEqual([addressOf(1, 1)])
      })
    )
  })

  it("of a tower while its key is derived: it is not dialled", () => {
    run(
      {
        towers: [good(), good()],
        keyRing: (ring) => ({
          ...ring,
          deriveKey: (locator) => Effect.delay(ring.deriveKey(locator), locator.index === 1 ? 800 : 0)
        })
      },
      (world) =>
        Effect.gen(function* () {
          const taker = yield* Effect.fork(take(world, 1))
          yield* sleepUntil(300)
          yield* world.remove(1)
          expect(yield* Fiber.join(taker)).toEqual([2])
          expect(world.dialsOf(1)).toEqual([])
        })
    )
  })

  it("of the address that is being asked: the visit goes on with the other, once the shown key has rested", () => {
    const [first, other] = [addressOf(1, 1), addressOf(1, 2)]
    for (const [step, next] of [
      ["dial", 300],
      ["init", 2300]
    ] as const) {
      const towers = [
        byAddress([
          [first, TowerScript.silentAt(step)],
          [other, TowerScript.ok]
        ])
      ]
      run({ towers }, (world) =>
        Effect.gen(function* () {
          const taker = yield* Effect.fork(take(world, 1))
          yield* sleepUntil(300)
          yield* world.remove(1, first)
          yield* Fiber.join(taker)
          expect(world.dialsOf(1).map(({ address, at }) => [at, address])).toEqual([
            [0, first],
            [next, other]
          ])
          expect(stored(world)).toEqual([[next, 1, 1]])
          expect(failures(world.events)).toEqual([])
        })
      )
    }
  })

  it("of an address that has not had its turn: it is not dialled any more", () => {
    const [first, other, last] = [addressOf(1, 1), addressOf(1, 2), addressOf(1, 3)]
    const towers = [
      byAddress([
        [first, TowerScript.silentAt("dial")],
        [other, TowerScript.ok],
        [last, TowerScript.ok]
      ])
    ]
    run({ towers }, (world) =>
      Effect.gen(function* () {
        const taker = yield* Effect.fork(take(world, 1))
        yield* sleepUntil(300)
        yield* world.remove(1, other)
        yield* Fiber.join(taker)
        expect(addressesDialled(world, 1)).toEqual([first, last])
      })
    )
  })

  it("of a tower whose session is being stored: it is stored and delivered", () => {
    run({ towers: [good()], db: slowStores(second) }, (world) =>
      Effect.gen(function* () {
        const taker = yield* Effect.fork(take(world, 1))
        yield* sleepUntil(500)
        yield* world.remove(1)
        expect(yield* Fiber.join(taker)).toEqual([1])
        expect(yield* now).toBe(second)
      })
    )
  })

  it("wake no wait; with the last one gone the round after the wait finds no candidate", () => {
    run({ towers: [dead, dead] }, (world) =>
      Effect.gen(function* () {
        yield* askUntil(world, 3 * second)
        yield* world.remove(2)
        yield* sleepUntil(6 * second)
        yield* world.remove(1)
        yield* sleepUntil(11 * second)
        expect(those(world.events, "Woken")).toEqual([])
        expect(rounds(world)).toEqual([0, 10_000])
        expect(yield* world.negotiator.status).toMatchObject({ state: { _tag: "WaitingForCandidates" } })
      })
    )
  })
})

describe("a look at the list", () => {
  const tower = (n: number) => new Tower({ id: TowerId.make(n), publicKey: towerKey(n), addresses: [addressOf(n)] })

  /** What is told about lists that are read one after the other. */
  const over = (list: Effect.Effect<ReadonlyArray<Tower>>) =>
    Effect.gen(function* () {
      const told: Array<string> = []
      const unused = Effect.dieMessage("not called")
      const changes = yield* CandidateChanges.make(
        {
          add: () => unused,
          remove: () => unused,
          deactivate: () => unused,
          list,
          changes: Queue.unbounded()
        },
        { onAdded: (id) => told.push(`added ${id}`), onRemoved: (id) => told.push(`removed ${id}`) }
      )
      return { changes, told }
    })

  it.scoped("tells its listeners of a difference, and not of another array of the same towers", () =>
    Effect.gen(function* () {
      const lists = [[tower(1)], [tower(1)], [tower(1), tower(2)]]
      const { changes, told } = yield* over(Effect.sync(() => lists.shift() ?? []))
      changes.listen(() => told.push("listener"))
      yield* changes.list
      expect(told).toEqual([])
      yield* changes.list
      expect(told).toEqual(["added 2", "listener"])
    })
  )

  it.scoped("does not take an older list for the end of what another fiber has found while it was read", () =>
    Effect.gen(function* () {
      const slow = yield* Deferred.make<void>()
      const newest = [tower(1), tower(2)]
      const reads = [
        Effect.succeed([tower(1)]),
        // Read before tower 2 was added, and delivered afterwards.
        Effect.as(Deferred.await(slow), [tower(1)])
      ]
      const { changes, told } = yield* over(Effect.suspend(() => reads.shift() ?? Effect.succeed(newest)))
      const slowLook = yield* Effect.fork(changes.list)
      yield* Effect.yieldNow()
      expect(yield* changes.list).toBe(newest)
      yield* Deferred.succeed(slow, undefined)
      expect(yield* Fiber.join(slowLook)).toBe(newest)
      expect(told).toEqual(["added 2"])
      expect(changes.isRemoved(tower(2))).toBe(false)
    })
  )
})

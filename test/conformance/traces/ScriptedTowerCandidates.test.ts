import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Queue } from "effect"
import * as FixedKeyRing from "../../../src/layers/testing/FixedKeyRing.js"
import { TowerId } from "../../../src/schema/Ids.js"
import { Tower } from "../../../src/schema/Tower.js"
import { TowerAddress } from "../../../src/schema/TowerAddress.js"
import * as ScriptedTowerCandidates from "./ScriptedTowerCandidates.js"

const address = (index: number) => TowerAddress.make(`10.0.0.${index}:9911`)
const id = (index: number) => TowerId.make(index)
const key = (index: number) => FixedKeyRing.fakeKeyOf({ family: 9, index })
const tower = (index: number, ...addresses: ReadonlyArray<number>) =>
  new Tower({ id: id(index), publicKey: key(index), addresses: addresses.map(address) })

/** A list of the towers 1..count and a walk over it; the walk as the ids that it gives. */
const withTowers = (count: number) =>
  Effect.gen(function* () {
    const towers = Array.from({ length: count }, (_, index) => tower(index + 1, index + 1))
    const list = yield* ScriptedTowerCandidates.make({ towers })
    const cursor = yield* list.cursor
    const next = Effect.map(cursor.next, (found) => Option.getOrUndefined(Option.map(found, (one) => Number(one.id))))
    const take = (n: number) => Effect.all(Array.from({ length: n }, () => next))
    return { ...list, reset: cursor.reset, next, take }
  })

const end = undefined

describe("the walk (docs/negotiation.md, The reference's candidate list)", () => {
  it.effect("goes in insertion order, is exhausted until it is reset", () =>
    Effect.gen(function* () {
      const { reset, take } = yield* withTowers(3)
      assert.deepStrictEqual(yield* take(5), [1, 2, 3, end, end])
      yield* reset
      assert.deepStrictEqual(yield* take(4), [1, 2, 3, end])
    })
  )

  it.effect("meets a tower that is added at its end next", () =>
    Effect.gen(function* () {
      const { addCandidate, take } = yield* withTowers(2)
      assert.deepStrictEqual(yield* take(3), [1, 2, end])
      yield* addCandidate(tower(3, 3))
      assert.deepStrictEqual(yield* take(2), [3, end])
    })
  )

  it.effect("skips a removed tower, and meets one twice that was removed and added before it was passed", () =>
    Effect.gen(function* () {
      const { addCandidate, removeCandidate, reset, take } = yield* withTowers(3)
      yield* removeCandidate(id(2))
      assert.deepStrictEqual(yield* take(3), [1, 3, end])
      yield* reset
      assert.deepStrictEqual(yield* take(1), [1])
      yield* removeCandidate(id(3))
      yield* addCandidate(tower(3, 3))
      assert.deepStrictEqual(yield* take(3), [3, 3, end])
    })
  )

  it.effect("of one's own is not disturbed by another that passes a stale element", () =>
    Effect.gen(function* () {
      const { cursor, removeCandidate, take } = yield* withTowers(3)
      assert.deepStrictEqual(yield* take(2), [1, 2])
      yield* removeCandidate(id(1))
      const other = yield* cursor
      assert.deepStrictEqual(
        Option.map(yield* other.next, (one) => Number(one.id)),
        Option.some(2)
      )
      assert.deepStrictEqual(yield* take(2), [3, end])
    })
  )

  it.effect("is recorded step by step", () =>
    Effect.gen(function* () {
      const steps: Array<string> = []
      const { cursor } = yield* ScriptedTowerCandidates.make({
        towers: [tower(1, 1)],
        onWalk: (step) => Effect.sync(() => void steps.push(step._tag))
      })
      const walk = yield* cursor
      yield* walk.next
      yield* walk.next
      yield* walk.reset
      assert.deepStrictEqual(steps, ["next", "exhausted", "reset"])
    })
  )
})

describe("towers and addresses", () => {
  it.effect("several new addresses end up newest first, known ones stay", () =>
    Effect.gen(function* () {
      const { addCandidate, service } = yield* withTowers(1)
      yield* addCandidate(tower(1, 4, 1, 5))
      assert.deepStrictEqual(yield* service.list, [tower(1, 5, 4, 1)])
    })
  )

  it.effect("the last address is removed first and then complained about", () =>
    Effect.gen(function* () {
      const { removeAddress, service } = yield* withTowers(1)
      const error = yield* Effect.flip(removeAddress(id(1), address(1)))
      assert.strictEqual(error._tag, "LastTowerAddr")
      assert.deepStrictEqual(yield* service.list, [tower(1)])
      yield* removeAddress(id(9), address(1))
    })
  )

  it.scoped("tells what happened, through the port too", () =>
    Effect.gen(function* () {
      const { service } = yield* withTowers(1)
      const changes = yield* service.changes
      yield* service.add(key(1), address(7))
      const added = yield* service.add(key(2), address(2))
      yield* service.add(key(2), address(2))
      yield* service.remove(key(1), address(1))
      yield* service.remove(key(2))
      yield* service.remove(key(3))
      assert.strictEqual(added.id, 2)
      assert.deepStrictEqual(
        [...(yield* Queue.takeAll(changes))].map((change) => change._tag),
        ["AddressAdded", "TowerAdded", "TowerAdded", "AddressRemoved", "TowerRemoved"]
      )
      assert.deepStrictEqual(yield* service.list, [tower(1, 7)])
    })
  )
})

/** Towers and their addresses. Cases of every `ClientDb`. */
import { assert, describe } from "@effect/vitest"
import { Array as Arr, Effect } from "effect"
import { bound, type Test, type } from "./contract.js"
import { address, publicKey, session, unknownTower, update } from "./samples.js"

export const towersCases = (test: Test) =>
  describe("towers", () => {
    test(
      "that were never added are not found",
      Effect.gen(function* () {
        const { db } = yield* bound
        const byKey = yield* Effect.flip(db.loadTower(publicKey(2)))
        const byId = yield* Effect.flip(db.loadTowerById(unknownTower))
        assert.deepStrictEqual([byKey._tag, byId._tag], ["TowerNotFound", "TowerNotFound"])
      })
    )

    test(
      "have their newest address first, and each once",
      Effect.gen(function* () {
        const { db, tower } = yield* bound
        assert.isAbove(tower.id, 0)
        assert.deepStrictEqual(tower.addresses, [address(1)])
        const two = yield* db.createTower(publicKey(1), address(2))
        yield* db.createTower(publicKey(1), address(3))
        const again = yield* db.createTower(publicKey(1), address(1))
        assert.strictEqual(two.id, tower.id)
        assert.deepStrictEqual(two.addresses, [address(2), address(1)])
        assert.deepStrictEqual(again.addresses, [address(3), address(2), address(1)])
        assert.deepStrictEqual(yield* db.loadTower(publicKey(1)), again)
        assert.deepStrictEqual(yield* db.loadTowerById(tower.id), again)
      })
    )

    test(
      "count how often they were added, and nothing else",
      Effect.gen(function* () {
        const { db, tower } = yield* bound
        assert.strictEqual(tower.additions, 1)
        assert.strictEqual((yield* db.createTower(publicKey(1), address(1))).additions, 2)
        assert.strictEqual((yield* db.createTower(publicKey(1), address(2))).additions, 3)
        yield* db.removeTower(publicKey(1), address(2))
        yield* db.removeTower(publicKey(1))
        assert.strictEqual((yield* db.createTower(publicKey(1), address(1))).additions, 4)
        yield* db.createTower(publicKey(2), address(1))
        assert.deepStrictEqual(
          (yield* db.listTowers).map(({ additions }) => additions),
          [4, 1]
        )
      })
    )

    test(
      "are listed by ascending id",
      Effect.gen(function* () {
        const { db, tower } = yield* bound
        const third = yield* db.createTower(publicKey(9), address(1))
        const second = yield* db.createTower(publicKey(4), address(1))
        assert.isBelow(third.id, second.id)
        const changed = yield* db.createTower(publicKey(1), address(7))
        assert.strictEqual(changed.id, tower.id)
        assert.deepStrictEqual(yield* db.listTowers, [changed, third, second])
      })
    )

    test(
      "lose an address, but not the last one",
      Effect.gen(function* () {
        const { db } = yield* bound
        yield* db.createTower(publicKey(1), address(2))
        yield* db.removeTower(publicKey(1), address(9))
        yield* db.removeTower(publicKey(1), address(2))
        const refused = yield* Effect.flip(db.removeTower(publicKey(1), address(1)))
        assert.strictEqual(refused._tag, "LastTowerAddr")
        assert.deepStrictEqual((yield* db.loadTower(publicKey(1))).addresses, [address(1)])
        yield* db.createTower(publicKey(1), address(2))
        assert.deepStrictEqual((yield* db.loadTower(publicKey(1))).addresses, [address(2), address(1)])
      })
    )

    test(
      "can be removed, known or not, and come back as they were",
      Effect.gen(function* () {
        const { db, tower } = yield* bound
        yield* db.removeTower(publicKey(2))
        yield* db.removeTower(publicKey(2), address(1))
        yield* db.removeTower(publicKey(1))
        yield* db.removeTower(publicKey(1))
        const byKey = yield* Effect.flip(db.loadTower(publicKey(1)))
        const byId = yield* Effect.flip(db.loadTowerById(tower.id))
        assert.deepStrictEqual([byKey._tag, byId._tag], ["TowerNotFound", "TowerNotFound"])
        assert.deepStrictEqual(yield* db.listTowers, [])
        const back = yield* db.createTower(publicKey(1), address(2))
        assert.deepStrictEqual(back, yield* db.loadTowerById(tower.id))
        assert.deepStrictEqual(back.addresses, [address(2), address(1)])
      })
    )

    test(
      "can be deactivated: they stay known, and are active again when they are added",
      Effect.gen(function* () {
        const { db, tower } = yield* bound
        const inactive = yield* db.deactivateTower(publicKey(1))
        assert.deepStrictEqual([tower.status, inactive.status], ["active", "inactive"])
        assert.deepStrictEqual(inactive.addresses, tower.addresses)
        assert.deepStrictEqual(yield* db.deactivateTower(publicKey(1)), inactive)
        assert.deepStrictEqual(yield* db.listTowers, [inactive])
        assert.deepStrictEqual(yield* db.loadTower(publicKey(1)), inactive)
        assert.deepStrictEqual(yield* db.loadTowerById(tower.id), inactive)
        const back = yield* db.createTower(publicKey(1), address(1))
        assert.deepInclude(back, { id: tower.id, status: "active", additions: tower.additions + 1 })
        assert.deepStrictEqual(yield* db.listTowers, [back])
      })
    )

    test(
      "that are deactivated can be removed, and come back active",
      Effect.gen(function* () {
        const { db } = yield* bound
        yield* db.deactivateTower(publicKey(1))
        yield* db.removeTower(publicKey(1))
        assert.deepStrictEqual(yield* db.listTowers, [])
        for (const n of [1, 2]) {
          assert.strictEqual((yield* Effect.flip(db.deactivateTower(publicKey(n))))._tag, "TowerNotFound")
        }
        assert.strictEqual((yield* db.createTower(publicKey(1), address(1))).status, "active")
      })
    )

    test(
      "keep their sessions when they are deactivated, as inactive ones",
      Effect.gen(function* () {
        const { db, take, tower } = yield* bound
        const held = yield* take
        yield* db.createClientSession(session(tower, held), held, update(tower))
        yield* db.deactivateTower(publicKey(1))
        assert.deepStrictEqual(
          (yield* db.listClientSessions({ status: "inactive" })).map(({ keyIndex }) => keyIndex),
          [held.keyIndex]
        )
        yield* db.createTower(publicKey(1), address(1))
        assert.deepStrictEqual(yield* db.listClientSessions({ status: "inactive" }), [])
      })
    )

    test(
      "keep their sessions when they are removed, as inactive ones",
      Effect.gen(function* () {
        const { db, take, tower } = yield* bound
        const other = yield* db.createTower(publicKey(2), address(2))
        const mine = yield* take
        const theirs = yield* db.nextSessionKeyIndex(other.id, type, "clear")
        yield* db.createClientSession(session(tower, mine), mine, update(tower))
        yield* db.createClientSession(session(other, theirs), theirs, update(other))
        const statuses = Effect.map(
          db.listClientSessions(),
          Arr.map((stored) => stored.status)
        )
        yield* db.removeTower(publicKey(1))
        assert.deepStrictEqual(yield* statuses, ["inactive", "active"])
        yield* db.createTower(publicKey(1), address(1))
        assert.deepStrictEqual(yield* statuses, ["active", "active"])
      })
    )
  })

import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { start } from "../ClientDb/samples.js"
import { addSession, addTower, numbersOf, scene, type Test } from "./contract.js"
import { sender, short } from "./samples.js"

export const towerNeedsCases = (test: Test) => {
  test(
    "without a state of the policy no tower is useful",
    Effect.gen(function* () {
      const { hand, one, two, useful } = yield* scene
      yield* hand([1], { of: short })
      assert.deepStrictEqual(yield* useful([one, two]), [])
      assert.deepStrictEqual(yield* useful([]), [])
    })
  )

  test(
    "a tower is useful by the oldest state that it could take",
    Effect.gen(function* () {
      const { first, hand, one, two, useful, window } = yield* scene
      yield* hand([1, 2, 3])
      assert.deepStrictEqual(yield* useful([two, one]), [
        [two.id, 1],
        [one.id, 1]
      ])
      yield* window(first, { limit: 1 })
      assert.deepStrictEqual(yield* useful([one, two]), [
        [one.id, 2],
        [two.id, 2]
      ])
      const [bound] = yield* window(first, { limit: 0 })
      assert.deepStrictEqual(yield* useful([two], [], { after: bound?.backupId ?? assert.fail() }), [[two.id, 2]])
      yield* window(first, { acked: 1 })
      assert.deepStrictEqual(yield* useful([one, two]), [])
    })
  )

  test(
    "for each tower it is known up to which state it needs none, also for one that needs none at all",
    Effect.gen(function* () {
      const { first, hand, needs, one, two, useful, window } = yield* scene
      const after = Effect.map(needs([one, two]), (found) => found.map(({ after }) => after))
      assert.deepStrictEqual(yield* after, [undefined, undefined])
      yield* hand([1, 2, 3], { copies: 2 })
      assert.deepStrictEqual(yield* after, [undefined, undefined])
      yield* window(first, { limit: 2 })
      assert.deepStrictEqual(yield* after, [2, undefined])
      yield* window(first, { acked: 2 })
      assert.deepStrictEqual(yield* after, [3, undefined])
      const [{ after: all } = assert.fail()] = yield* needs([one])
      yield* hand([4], { copies: 2 })
      assert.deepStrictEqual(yield* useful([one], [], { after: all }), [[one.id, 4]])
    })
  )

  test(
    "with serving towers no more is known of what the others need than before",
    Effect.gen(function* () {
      const { first, hand, needs, one, two, window } = yield* scene
      yield* hand([1, 2])
      const [bound] = yield* window(first, { limit: 1 })
      assert.deepStrictEqual(yield* needs([two], [one]), [{ towerId: two.id, first: undefined, after: undefined }])
      const after = bound?.backupId
      assert.deepStrictEqual(yield* needs([two], [one], { after }), [{ towerId: two.id, first: undefined, after }])
    })
  )

  test(
    "what a serving tower could take makes no other one useful",
    Effect.gen(function* () {
      const { first, hand, one, two, useful, window } = yield* scene
      yield* hand([1, 2], { copies: 2 })
      assert.deepStrictEqual(yield* useful([two], [one]), [])
      assert.deepStrictEqual(yield* useful([one, two], [one, two]), [])
      yield* window(first, { limit: 1 })
      // The second copy of the first state is nobody's; the second state is for the one that serves.
      assert.deepStrictEqual(yield* useful([one, two], [one]), [[two.id, 1]])
      yield* window(first, { acked: 1, limit: 0 })
      assert.deepStrictEqual(yield* useful([one, two], [one]), [[two.id, 1]])
      assert.deepStrictEqual(yield* useful([one], [one]), [])
    })
  )

  test(
    "only what all serving towers have is looked at where several serve",
    Effect.gen(function* () {
      const { clients, first, hand, one, second, two, useful, window } = yield* scene
      const third = yield* addTower(clients, 3)
      yield* addSession(clients, third)
      yield* hand([1, 2], { copies: 3 })
      yield* window(first)
      yield* window(second, { limit: 1 })
      assert.deepStrictEqual(yield* useful([third], [one, two]), [[third.id, 1]])
      assert.deepStrictEqual(yield* useful([third], [two, one]), [[third.id, 1]])
      assert.deepStrictEqual(yield* useful([two, third], [one]), [
        [two.id, 2],
        [third.id, 1]
      ])
    })
  )

  test(
    "a stalled session's states make others useful, and not its own tower",
    Effect.gen(function* () {
      const { db, first, hand, one, two, useful, window } = yield* scene
      yield* hand([1])
      yield* window(first)
      assert.deepStrictEqual(yield* useful([one, two]), [])
      yield* db.noteFailure(sender, first.keyIndex, start)
      assert.deepStrictEqual(yield* useful([one, two], [], { stalledSince: start - 1 }), [])
      assert.deepStrictEqual(yield* useful([one, two], [], { stalledSince: start }), [[two.id, 1]])
    })
  )

  test(
    "a session of another route is stalled, and its own tower does not take its states on this one",
    Effect.gen(function* () {
      const { clients, first, hand, one, second, two, useful, window } = yield* scene
      const hidden = yield* addSession(clients, one, undefined, "tor")
      yield* hand([1, 2])
      yield* window(first, { limit: 1 })
      assert.deepStrictEqual(yield* useful([one, two], [], { route: "clear" }), [
        [one.id, 2],
        [two.id, 2]
      ])
      assert.deepStrictEqual(yield* useful([one, two], [], { route: "tor" }), [
        [one.id, 2],
        [two.id, 1]
      ])
      assert.deepStrictEqual(numbersOf(yield* window(hidden, { route: "tor", limit: 1 })), [[1, 2]])
      assert.deepStrictEqual(yield* useful([one, two], [], { route: "tor" }), [[two.id, 1]])
      assert.deepStrictEqual(numbersOf(yield* window(second)), [[1, 2]])
      // What it has confirmed counts on every route.
      yield* window(first, { acked: 1, limit: 0 })
      assert.deepStrictEqual(yield* useful([one, two], [], { route: "tor" }), [])
    })
  )

  test(
    "a removed tower's states make others useful",
    Effect.gen(function* () {
      const { first, hand, one, remove, two, useful, window } = yield* scene
      yield* hand([1])
      yield* window(first)
      yield* remove(one)
      assert.deepStrictEqual(yield* useful([two]), [[two.id, 1]])
    })
  )

  test(
    "more towers are asked about than a statement takes",
    Effect.gen(function* () {
      const { clients, hand, useful } = yield* scene
      const towers = yield* Effect.forEach(
        Array.from({ length: 70 }, (_, n) => n + 10),
        (n) => addTower(clients, n)
      )
      yield* hand([1])
      assert.deepStrictEqual(
        yield* useful(towers),
        towers.map(({ id }) => [id, 1] as const)
      )
    })
  )
}

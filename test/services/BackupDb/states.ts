import { assert } from "@effect/vitest"
import { Effect } from "effect"
import * as Policy from "../../../src/schema/Policy.js"
import type { LoadedState } from "../../../src/schema/StoredBackup.js"
import { policy } from "../ClientDb/samples.js"
import { numbersOf, scene, type Test } from "./contract.js"
import { backup, channel, channelId, height, long, short } from "./samples.js"

const id = channelId(1)

export const statesCases = (test: Test) => {
  test(
    "a state is unknown, then kept under its hint, then complete",
    Effect.gen(function* () {
      const { db, first, hand, window } = yield* scene
      const record = db.findState(id, height(7))
      assert.strictEqual((yield* record)._tag, "Unknown")
      yield* hand([7])
      const kept = yield* record
      assert.strictEqual(kept._tag === "Kept" ? kept.hint : kept._tag, backup(1, 7).hint)
      yield* window(first)
      assert.strictEqual((yield* record)._tag, "Kept")
      yield* window(first, { acked: 1 })
      assert.strictEqual((yield* record)._tag, "Complete")
    })
  )

  test(
    "a state is loaded with its channel, of which it may be unknown",
    Effect.gen(function* () {
      const { db, hand } = yield* scene
      yield* hand([7])
      const { hint } = backup(1, 7)
      const plain = ({ channel, isClosed, record }: LoadedState) => ({ channel, isClosed, record: { ...record } })
      assert.deepStrictEqual(plain(yield* db.loadState(id, height(7))), {
        channel: channel(1),
        isClosed: false,
        record: { _tag: "Kept", hint }
      })
      yield* db.closeChannel(id)
      assert.deepStrictEqual(plain(yield* db.loadState(id, height(8))), {
        channel: channel(1),
        isClosed: true,
        record: { _tag: "Unknown" }
      })
      const missing = yield* Effect.flip(db.loadState(channelId(9), height(7)))
      assert.strictEqual(missing._tag, "ChannelNotRegistered")
    })
  )

  test(
    "what a channel misses is counted for each policy",
    Effect.gen(function* () {
      const { db, first, hand, window } = yield* scene
      const missing = Effect.map(db.missing(id), (found) =>
        [long, short].map((policy) => found.find(({ policyKey }) => policyKey === Policy.keyOf(policy))?.states)
      )
      assert.deepStrictEqual(yield* missing, [undefined, undefined])
      yield* hand([1, 2, 3])
      yield* hand([4, 5], { of: short, copies: 2 })
      assert.deepStrictEqual(yield* missing, [3, 2])
      // Bound is not confirmed.
      yield* window(first, { limit: 2 })
      assert.deepStrictEqual(yield* missing, [3, 2])
      yield* window(first, { acked: 2, limit: 1 })
      assert.deepStrictEqual(yield* missing, [1, 2])
      yield* window(first, { acked: 3 })
      assert.deepStrictEqual(yield* missing, [undefined, 2])
      assert.deepStrictEqual(yield* db.missing(channelId(9)), [])
    })
  )

  test(
    "a state that is handed in again does nothing while it is kept or complete",
    Effect.gen(function* () {
      const { db, first, hand, window } = yield* scene
      yield* hand([1, 1])
      assert.deepStrictEqual(numbersOf(yield* window(first)), [[1, 1]])
      yield* window(first, { acked: 1 })
      yield* hand([1])
      assert.deepStrictEqual(numbersOf(yield* window(first, { acked: 1 })), [])
      assert.deepStrictEqual(yield* db.backlog, [])
    })
  )

  test(
    "another transaction of a state fails while the first one is kept",
    Effect.gen(function* () {
      const { db, first, hand, window } = yield* scene
      yield* hand([1])
      const error = yield* Effect.flip(db.addBackup(backup(1, 1, { transaction: 1 })))
      assert.deepInclude(error, { _tag: "OtherTransaction", channelId: id, commitHeight: height(1) })
      const [bound] = yield* window(first)
      assert.strictEqual(bound?.hint, backup(1, 1).hint)
      // What is complete has left no trace of its transaction.
      yield* window(first, { acked: 1 })
      yield* db.addBackup(backup(1, 1, { transaction: 1 }))
      assert.deepStrictEqual(yield* db.backlog, [])
    })
  )

  test(
    "an ineligible state is recorded, and kept when it is handed in after all",
    Effect.gen(function* () {
      const { db, hand } = yield* scene
      for (const at of [5, 3, 4, 4]) yield* db.addIneligible(id, height(at))
      assert.strictEqual((yield* db.findState(id, height(4)))._tag, "Ineligible")
      assert.deepInclude(yield* db.summarize(id), { handedIn: 3, ineligible: 3 })
      yield* hand([4])
      assert.strictEqual((yield* db.findState(id, height(4)))._tag, "Kept")
      assert.strictEqual((yield* db.findState(id, height(3)))._tag, "Ineligible")
      assert.strictEqual((yield* db.findState(id, height(5)))._tag, "Ineligible")
      assert.deepInclude(yield* db.summarize(id), { handedIn: 3, missing: 1, ineligible: 2 })
    })
  )

  test(
    "a state that is kept or complete does not become ineligible",
    Effect.gen(function* () {
      const { db, first, hand, window } = yield* scene
      yield* hand([1])
      yield* db.addIneligible(id, height(1))
      yield* window(first)
      yield* window(first, { acked: 1 })
      yield* db.addIneligible(id, height(1))
      assert.deepInclude(yield* db.summarize(id), { handedIn: 1, complete: 1, ineligible: 0 })
    })
  )

  test(
    "heights may have gaps, and reach to 48 bits",
    Effect.gen(function* () {
      const { db, first, hand, window } = yield* scene
      const top = 2 ** 48 - 1
      yield* hand([top, 0, 2 ** 31, top - 1])
      yield* db.addIneligible(id, height(top - 2))
      const bound = yield* window(first)
      assert.deepStrictEqual(numbersOf(bound), [
        [1, top],
        [2, 0],
        [3, 2 ** 31],
        [4, top - 1]
      ])
      yield* window(first, { acked: 4 })
      assert.deepInclude(yield* db.summarize(id), { handedIn: 5, complete: 4, missing: 0, ineligible: 1, lost: 0 })
      assert.strictEqual((yield* db.findState(id, height(top)))._tag, "Complete")
      assert.strictEqual((yield* db.findState(id, height(1)))._tag, "Unknown")
    })
  )

  test(
    "the progress counts what misses copies up to a height, and says whether that was handed in",
    Effect.gen(function* () {
      const { db, first, hand, window } = yield* scene
      yield* hand([2, 4, 6])
      yield* db.addIneligible(id, height(5))
      const at = (n: number) => db.progress(id, height(n))
      assert.deepStrictEqual(yield* at(1), { isHandedIn: false, missing: 0, lost: 0 })
      assert.deepStrictEqual(yield* at(4), { isHandedIn: true, missing: 2, lost: 0 })
      assert.deepStrictEqual(yield* at(5), { isHandedIn: true, missing: 2, lost: 0 })
      assert.deepStrictEqual(yield* at(7), { isHandedIn: false, missing: 3, lost: 0 })
      yield* window(first, { limit: 2 })
      yield* window(first, { acked: 2, limit: 0 })
      assert.deepStrictEqual(yield* at(5), { isHandedIn: true, missing: 0, lost: 0 })
      assert.deepStrictEqual(yield* at(6), { isHandedIn: true, missing: 1, lost: 0 })
    })
  )

  test(
    "a state that has its copies is complete although a session of another tower has it bound",
    Effect.gen(function* () {
      const { db, first, hand, remove, one, second, window } = yield* scene
      yield* hand([1])
      yield* window(first)
      yield* remove(one)
      yield* window(second)
      yield* window(second, { acked: 1 })
      // Its bytes stay: the tower may be added again, and is sent the same ones.
      assert.strictEqual((yield* db.findState(id, height(1)))._tag, "Kept")
      assert.deepInclude(yield* db.summarize(id), { handedIn: 1, complete: 1, missing: 0 })
      assert.deepStrictEqual(yield* db.progress(id, height(1)), { isHandedIn: true, missing: 0, lost: 0 })
      yield* db.terminateSession(first.id)
      assert.strictEqual((yield* db.findState(id, height(1)))._tag, "Complete")
      assert.deepInclude(yield* db.summarize(id), { handedIn: 1, complete: 1, missing: 0 })
    })
  )

  test(
    "the backlog counts what is kept of each policy",
    Effect.gen(function* () {
      const { db, hand } = yield* scene
      assert.deepStrictEqual(yield* db.backlog, [])
      yield* hand([1, 2, 3])
      yield* hand([4, 5], { of: short })
      const backlog = yield* db.backlog
      assert.deepStrictEqual(
        new Map(backlog.map(({ policyKey, states }) => [String(policyKey), states])),
        new Map([
          [backup(1, 1).policyKey, 3],
          [`${policy.blobType}/4/0/0/2500`, 2]
        ])
      )
    })
  )

  test(
    "channels are counted each by itself",
    Effect.gen(function* () {
      const { db, first, hand, window } = yield* scene
      yield* db.registerChannel(channel(2))
      yield* hand([1, 2, 3])
      yield* db.addBackup(backup(2, 2))
      yield* db.addIneligible(channelId(2), height(3))
      yield* window(first)
      yield* window(first, { acked: 2, limit: 0 })
      const [one, two] = yield* db.listChannels()
      assert.deepInclude(one, { handedIn: 3, complete: 2, missing: 1, ineligible: 0 })
      assert.deepInclude(two, { handedIn: 2, complete: 0, missing: 1, ineligible: 1 })
      assert.deepStrictEqual(yield* db.summarize(channelId(2)), two)
    })
  )
}

import { assert } from "@effect/vitest"
import { Effect } from "effect"
import type { ClientSession } from "../../../src/schema/ClientSession.js"
import { KeyIndex } from "../../../src/schema/Ids.js"
import { addSession, numbersOf, scene, type Test } from "./contract.js"
import { backup, channelId, height, nobodysSession, sender } from "./samples.js"

const nothing = { reopened: 0, lost: 0 }

export const endsCases = (test: Test) => {
  test(
    "a session that is given up takes no more; what it has bound is open for others, what it has confirmed counts",
    Effect.gen(function* () {
      const { db, first, hand, second, window } = yield* scene
      yield* hand([1, 2, 3, 4])
      yield* window(first, { limit: 3 })
      yield* window(first, { acked: 1, limit: 0 })
      assert.deepStrictEqual(yield* db.endSession(sender, first.keyIndex, "terminal"), { reopened: 2, lost: 0 })
      assert.deepInclude(yield* Effect.flip(window(first)), { _tag: "SessionEnded", id: first.id })
      assert.deepStrictEqual(
        (yield* db.listSending("clear")).map(({ session }) => session.keyIndex),
        [second.keyIndex]
      )
      assert.deepStrictEqual(numbersOf(yield* window(second)), [
        [1, 2],
        [2, 3],
        [3, 4]
      ])
      assert.deepInclude(yield* db.summarize(channelId(1)), { complete: 1, missing: 3 })
      assert.strictEqual(yield* db.endedSessions, 1)
      assert.deepStrictEqual(yield* db.endSession(sender, first.keyIndex, "terminal"), nothing)
      assert.strictEqual(yield* db.endedSessions, 1)
    })
  )

  test(
    "another session of a tower takes what one that was given up had bound",
    Effect.gen(function* () {
      const { clients, db, first, hand, one, window } = yield* scene
      yield* hand([1])
      yield* window(first)
      const next = yield* addSession(clients, one)
      assert.deepStrictEqual(yield* window(next), [])
      yield* db.endSession(sender, first.keyIndex, "terminal")
      assert.deepStrictEqual(numbersOf(yield* window(next)), [[1, 1]])
    })
  )

  test(
    "what a lost session had confirmed is open again while it is kept, and lost when it is not",
    Effect.gen(function* () {
      const { db, first, hand, one, second, useful, window } = yield* scene
      yield* hand([1, 2])
      yield* hand([3], { copies: 2 })
      yield* hand([4])
      yield* window(first)
      yield* window(first, { acked: 3, limit: 0 })
      assert.deepStrictEqual(yield* db.endSession(sender, first.keyIndex, "lost"), { reopened: 2, lost: 2 })
      const records = yield* Effect.forEach([1, 2, 3, 4], (at) => db.findState(channelId(1), height(at)))
      assert.deepStrictEqual(
        records.map(({ _tag }) => _tag),
        ["Lost", "Lost", "Kept", "Kept"]
      )
      assert.deepInclude(yield* db.summarize(channelId(1)), { handedIn: 4, complete: 0, missing: 2, lost: 2 })
      assert.deepStrictEqual(yield* db.progress(channelId(1), height(1)), { isHandedIn: true, missing: 0, lost: 1 })
      assert.deepStrictEqual(yield* db.progress(channelId(1), height(4)), { isHandedIn: true, missing: 2, lost: 2 })
      assert.deepStrictEqual(yield* useful([one]), [[one.id, 3]])
      assert.deepStrictEqual(numbersOf(yield* window(second)), [
        [1, 3],
        [2, 4]
      ])
      assert.deepStrictEqual(yield* db.listAcked(one.id, "clear"), [])
      assert.deepStrictEqual(yield* db.endSession(sender, first.keyIndex, "lost"), nothing)
      assert.deepStrictEqual(yield* db.endSession(sender, first.keyIndex, "terminal"), nothing)
    })
  )

  test(
    "a session that was given up can be lost afterwards",
    Effect.gen(function* () {
      const { db, first, hand, window } = yield* scene
      yield* hand([1, 2])
      yield* window(first, { limit: 1 })
      yield* window(first, { acked: 1, limit: 0 })
      yield* db.endSession(sender, first.keyIndex, "terminal")
      assert.strictEqual((yield* db.findState(channelId(1), height(1)))._tag, "Complete")
      assert.deepStrictEqual(yield* db.endSession(sender, first.keyIndex, "lost"), { reopened: 0, lost: 1 })
      assert.strictEqual((yield* db.findState(channelId(1), height(1)))._tag, "Lost")
    })
  )

  test(
    "a lost state is taken again, with the copies that it still has",
    Effect.gen(function* () {
      const { clients, db, first, hand, one, second, two, useful, window } = yield* scene
      yield* hand([1, 2, 3], { copies: 2 })
      for (const session of [first, second]) {
        yield* window(session)
        yield* window(session, { acked: 3 })
      }
      assert.deepInclude(yield* db.summarize(channelId(1)), { complete: 3 })
      yield* db.endSession(sender, first.keyIndex, "lost")
      assert.deepInclude(yield* db.summarize(channelId(1)), { complete: 0, missing: 0, lost: 3 })
      yield* hand([2], { copies: 2, transaction: 1 })
      assert.deepInclude(yield* db.summarize(channelId(1)), { complete: 0, missing: 1, lost: 2 })
      // The other tower has its copy: one is missing.
      assert.deepStrictEqual(yield* useful([two]), [])
      const next = yield* addSession(clients, one)
      const bound = yield* window(next)
      assert.deepStrictEqual(
        bound.map(({ hint }) => hint),
        [backup(1, 2, { transaction: 1 }).hint]
      )
      yield* window(next, { acked: 1 })
      assert.deepInclude(yield* db.summarize(channelId(1)), { handedIn: 3, complete: 1, missing: 0, lost: 2 })
      // The lost session does not mention it any more, and the others do.
      assert.deepStrictEqual(yield* db.endSession(sender, second.keyIndex, "lost"), { reopened: 0, lost: 3 })
      assert.deepInclude(yield* db.summarize(channelId(1)), { handedIn: 3, complete: 0, lost: 3 })
    })
  )

  test(
    "a lost state that is taken again for fewer copies, which it has, is complete at once",
    Effect.gen(function* () {
      const { db, first, hand, second, window } = yield* scene
      yield* hand([1], { copies: 2 })
      for (const session of [first, second]) {
        yield* window(session)
        yield* window(session, { acked: 1 })
      }
      yield* db.endSession(sender, first.keyIndex, "lost")
      yield* hand([1], { copies: 1 })
      assert.strictEqual((yield* db.findState(channelId(1), height(1)))._tag, "Complete")
      assert.deepStrictEqual(yield* db.backlog, [])
    })
  )

  test(
    "a lost state does not become ineligible",
    Effect.gen(function* () {
      const { db, first, hand, window } = yield* scene
      yield* hand([1])
      yield* window(first)
      yield* window(first, { acked: 1 })
      yield* db.endSession(sender, first.keyIndex, "lost")
      yield* db.addIneligible(channelId(1), height(1))
      assert.deepInclude(yield* db.summarize(channelId(1)), { handedIn: 1, ineligible: 0, lost: 1 })
    })
  )

  test(
    "how a session ended is its status, whatever becomes of its tower",
    Effect.gen(function* () {
      const { clients, db, first, hand, one, remove, second, window } = yield* scene
      yield* hand([1, 2])
      yield* window(first, { limit: 1 })
      yield* window(first, { acked: 1, limit: 0 })
      yield* db.terminateSession(first.id)
      yield* window(second, { limit: 1 })
      yield* window(second, { acked: 1, limit: 0 })
      yield* db.endSession(sender, second.keyIndex, "lost")
      const last = yield* addSession(clients, one)
      const keysOf = (status?: ClientSession["status"]) =>
        Effect.map(clients.listClientSessions({ status }), (found) =>
          found.map(({ keyIndex, status }) => ({ keyIndex, status }))
        )
      const check = (status: ClientSession["status"]) =>
        Effect.gen(function* () {
          const all: ReadonlyArray<Pick<ClientSession, "keyIndex" | "status">> = [
            { keyIndex: first.keyIndex, status: "terminal" },
            { keyIndex: second.keyIndex, status: "lost" },
            { keyIndex: last.keyIndex, status }
          ]
          const inOrder = all.toSorted((one, other) => one.keyIndex - other.keyIndex)
          assert.deepStrictEqual(yield* keysOf(), inOrder)
          for (const wanted of ["active", "inactive", "terminal", "lost"] as const) {
            assert.deepStrictEqual(
              yield* keysOf(wanted),
              inOrder.filter(({ status }) => status === wanted)
            )
          }
        })
      yield* check("active")
      yield* remove(one)
      yield* check("inactive")
      yield* clients.createTower(one.publicKey, one.addresses[0] ?? assert.fail())
      yield* check("active")
      const [counted] = yield* clients.countClientSessions
      assert.deepInclude(counted, { usable: 1, full: 0, inactive: 0, terminal: 1, lost: 1, confirmed: 1 })
    })
  )

  test(
    "a session is given up by its id, by any process",
    Effect.gen(function* () {
      const { db, first, hand, second, window } = yield* scene
      yield* db.dropSenderLease(sender)
      yield* db.takeSenderLease(sender)
      yield* hand([1, 2])
      yield* window(first)
      yield* db.dropSenderLease(sender)
      assert.deepStrictEqual(yield* db.terminateSession(first.id), { reopened: 2, lost: 0 })
      assert.deepStrictEqual(yield* db.terminateSession(first.id), nothing)
      const error = yield* Effect.flip(db.terminateSession(nobodysSession))
      assert.deepInclude(error, { _tag: "SessionNotFound", id: nobodysSession })
      yield* db.takeSenderLease(sender)
      assert.strictEqual((yield* window(second)).length, 2)
    })
  )

  test(
    "a state that nothing binds any more is settled, and not counted as open again",
    Effect.gen(function* () {
      const { db, first, hand, one, remove, second, window } = yield* scene
      yield* hand([1, 2])
      yield* window(first)
      yield* remove(one)
      yield* window(second, { limit: 1 })
      yield* window(second, { acked: 1, limit: 0 })
      assert.deepStrictEqual(yield* db.terminateSession(first.id), { reopened: 1, lost: 0 })
      assert.strictEqual((yield* db.findState(channelId(1), height(1)))._tag, "Complete")
    })
  )

  test(
    "the end of a session that is not there is nothing",
    Effect.gen(function* () {
      const { db } = yield* scene
      assert.deepStrictEqual(yield* db.endSession(sender, KeyIndex.make(999), "lost"), nothing)
    })
  )
}

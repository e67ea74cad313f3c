import { assert } from "@effect/vitest"
import { Effect } from "effect"
import type { ClientSession } from "../../../src/schema/ClientSession.js"
import { KeyIndex } from "../../../src/schema/Ids.js"
import { SenderToken } from "../../../src/schema/StoredBackup.js"
import type { BackupDb } from "../../../src/services/BackupDb.js"
import { start } from "../ClientDb/samples.js"
import { addSession, addTower, never, numbersOf, scene, type Test } from "./contract.js"
import { backup, channelId, height, sender, short } from "./samples.js"

/** What is stored of a session. */
const sending = (db: BackupDb.Service, { keyIndex }: ClientSession) =>
  Effect.map(db.listSending("clear"), (found) => found.find(({ session }) => session.keyIndex === keyIndex))

export const windowsCases = (test: Test) => {
  test(
    "a window has the oldest states, with their bytes, numbered from 1",
    Effect.gen(function* () {
      const { db, first, hand, window } = yield* scene
      yield* hand([3, 1, 2])
      const bound = yield* window(first, { limit: 2 })
      const wanted = [backup(1, 3), backup(1, 1)].map(({ channelId, commitHeight, encryptedBlob, hint }, at) => {
        return { seqNum: at + 1, backupId: at + 1, channelId, commitHeight, hint, encryptedBlob }
      })
      assert.deepStrictEqual(
        bound.map((update) => ({ ...update })),
        wanted as never
      )
      assert.deepInclude((yield* sending(db, first))?.session, { seqNum: 2, towerLastApplied: 0 })
    })
  )

  test(
    "what is bound is answered again, however much is asked for",
    Effect.gen(function* () {
      const { first, hand, window } = yield* scene
      yield* hand([1, 2, 3])
      const bound = yield* window(first, { limit: 2 })
      for (const limit of [0, 1, 32]) assert.deepStrictEqual(yield* window(first, { limit }), bound)
    })
  )

  test(
    "numbers go on where they were confirmed, and nothing is bound beside what is left",
    Effect.gen(function* () {
      const { db, first, hand, window } = yield* scene
      yield* hand([1, 2, 3, 4, 5])
      yield* window(first, { limit: 3 })
      assert.deepStrictEqual(numbersOf(yield* window(first, { acked: 2 })), [[3, 3]])
      assert.deepStrictEqual(numbersOf(yield* window(first, { acked: 2 })), [[3, 3]])
      assert.deepStrictEqual(numbersOf(yield* window(first, { acked: 3, limit: 1 })), [[4, 4]])
      assert.deepInclude((yield* sending(db, first))?.session, { seqNum: 4, towerLastApplied: 3 })
    })
  )

  test(
    "a tower cannot confirm what it was not given",
    Effect.gen(function* () {
      const { db, first, hand, window } = yield* scene
      yield* hand([1, 2])
      assert.deepStrictEqual(numbersOf(yield* window(first, { acked: 7, limit: 1 })), [[1, 1]])
      yield* window(first, { acked: 0xffff, limit: 0 })
      assert.deepInclude((yield* sending(db, first))?.session, { seqNum: 1, towerLastApplied: 1 })
    })
  )

  test(
    "a session that is used up binds nothing, and is not listed when all is confirmed",
    Effect.gen(function* () {
      const { clients, db, hand, one, window } = yield* scene
      const small = yield* addSession(clients, one, short)
      yield* hand([1, 2, 3, 4, 5, 6], { of: short })
      assert.strictEqual((yield* window(small)).length, 4)
      assert.isDefined(yield* sending(db, small))
      assert.deepStrictEqual(numbersOf(yield* window(small, { acked: 4 })), [])
      assert.isUndefined(yield* sending(db, small))
    })
  )

  test(
    "a state of another policy is not taken",
    Effect.gen(function* () {
      const { first, hand, window } = yield* scene
      yield* hand([1, 3], { of: short })
      yield* hand([2])
      assert.deepStrictEqual(numbersOf(yield* window(first)), [[1, 2]])
    })
  )

  test(
    "a state goes to as many towers as it has copies, and to none twice",
    Effect.gen(function* () {
      const { clients, db, first, hand, one, second, window } = yield* scene
      yield* hand([1])
      yield* hand([2, 3], { copies: 2 })
      assert.strictEqual((yield* window(first)).length, 3)
      assert.deepStrictEqual(numbersOf(yield* window(second)), [
        [1, 2],
        [2, 3]
      ])
      // Another session of a tower that has it is no other tower; nor is a third tower needed.
      const again = yield* addSession(clients, one)
      const third = yield* addSession(clients, yield* addTower(clients, 3))
      for (const other of [again, third]) assert.deepStrictEqual(yield* window(other), [])
      yield* window(first, { acked: 3 })
      for (const other of [again, third]) assert.deepStrictEqual(yield* window(other), [])
      assert.deepInclude(yield* db.summarize(channelId(1)), { complete: 1, missing: 2 })
      yield* window(second, { acked: 2 })
      assert.deepInclude(yield* db.summarize(channelId(1)), { complete: 3, missing: 0 })
    })
  )

  test(
    "states up to the cursor are not looked at",
    Effect.gen(function* () {
      const { first, hand, second, window } = yield* scene
      yield* hand([1, 2, 3])
      const [oldest] = yield* window(first, { limit: 1 })
      const [next] = yield* window(second, { limit: 1 })
      assert.strictEqual(next?.commitHeight, height(2))
      yield* window(first, { acked: 1, limit: 0 })
      assert.deepStrictEqual(numbersOf(yield* window(first, { acked: 1, after: next?.backupId })), [[2, 3]])
      assert.isBelow(oldest?.backupId ?? 9, next?.backupId ?? 0)
    })
  )

  test(
    "a session that fails is stalled after a time: others take its states, and a late confirmation counts",
    Effect.gen(function* () {
      const { db, first, hand, second, window } = yield* scene
      yield* hand([1, 2], { copies: 2 })
      yield* hand([3])
      yield* window(first)
      yield* db.noteFailure(sender, first.keyIndex, start + 5)
      assert.strictEqual((yield* sending(db, first))?.failingSince, start + 5)
      assert.strictEqual((yield* window(second, { stalledSince: start + 4 })).length, 2)
      yield* window(second, { acked: 2, limit: 0 })
      assert.deepStrictEqual(numbersOf(yield* window(second, { acked: 2, stalledSince: start + 4 })), [])
      assert.deepStrictEqual(numbersOf(yield* window(second, { acked: 2, stalledSince: start + 5 })), [[3, 3]])
      yield* window(second, { acked: 3 })
      // Two of three have one of their two copies; the third has its one.
      assert.deepInclude(yield* db.summarize(channelId(1)), { complete: 1, missing: 2 })
      yield* window(first, { acked: 3 })
      assert.deepInclude(yield* db.summarize(channelId(1)), { complete: 3, missing: 0 })
      assert.isUndefined((yield* sending(db, first))?.failingSince)
    })
  )

  test(
    "failures count from the first one since something is bound, until all of it is confirmed",
    Effect.gen(function* () {
      const { db, first, hand, window } = yield* scene
      const fails = (at: number) => db.noteFailure(sender, first.keyIndex, start + at)
      const since = Effect.map(sending(db, first), (found) => found?.failingSince)
      yield* fails(1)
      assert.isUndefined(yield* since)
      yield* hand([1, 2])
      yield* window(first)
      yield* fails(5)
      yield* fails(9)
      assert.strictEqual(yield* since, start + 5)
      // The clock was set back.
      yield* fails(3)
      assert.strictEqual(yield* since, start + 3)
      yield* window(first, { acked: 1 })
      assert.strictEqual(yield* since, start + 3)
      yield* window(first, { acked: 2 })
      assert.isUndefined(yield* since)
    })
  )

  test(
    "refusals are counted",
    Effect.gen(function* () {
      const { db, first, second } = yield* scene
      for (const n of [1, 2, 3]) assert.strictEqual(yield* db.noteRefusal(sender, first.keyIndex), n)
      assert.strictEqual((yield* sending(db, first))?.refusals, 3)
      assert.strictEqual((yield* sending(db, second))?.refusals, 0)
      assert.strictEqual(yield* db.noteRefusal(sender, KeyIndex.make(999)), 0)
    })
  )

  for (const how of ["removed", "deactivated"] as const) {
    test(
      `a tower that is ${how} takes no more, and its bound states are open for others; added again, it goes on`,
      Effect.gen(function* () {
        const { clients, db, first, hand, one, remove, second, window } = yield* scene
        yield* hand([1, 2, 3])
        const bound = yield* window(first, { limit: 2 })
        assert.deepStrictEqual(numbersOf(yield* window(second, { limit: 2 })), [[1, 3]])
        // A visit that had begun before stores its session afterwards: it takes nothing either.
        const late = yield* addSession(clients, one)
        yield* how === "removed" ? remove(one) : clients.deactivateTower(one.publicKey)
        const later = yield* addSession(clients, one)
        for (const session of [first, late, later]) {
          const refused = yield* Effect.flip(window(session, { acked: 0 }))
          assert.deepInclude(refused, { _tag: "SessionEnded", id: session.id })
        }
        assert.deepStrictEqual(
          (yield* db.listSending("clear")).map(({ session }) => session.keyIndex),
          [second.keyIndex]
        )
        assert.deepStrictEqual(numbersOf(yield* window(second, { acked: 1, limit: 1 })), [[2, 1]])
        yield* clients.createTower(one.publicKey, one.addresses[0] ?? assert.fail())
        assert.deepStrictEqual(yield* window(first), bound)
        assert.deepStrictEqual(numbersOf(yield* window(second, { acked: 2 })), [])
      })
    )
  }

  test(
    "only the process that sends binds, acks and ends",
    Effect.gen(function* () {
      const { db, first, hand } = yield* scene
      yield* hand([1])
      const other = SenderToken.make("another")
      const request = { acked: 0, limit: 32, route: "clear", stalledSince: never } as const
      const errors = [
        yield* Effect.flip(db.nextWindow(other, first.keyIndex, request)),
        yield* Effect.flip(db.endSession(other, first.keyIndex, "lost")),
        yield* Effect.flip(db.noteFailure(other, first.keyIndex, start)),
        yield* Effect.flip(db.noteRefusal(other, first.keyIndex))
      ]
      assert.deepStrictEqual([...new Set(errors.map(({ _tag }) => _tag))], ["NotSender"])
      assert.deepInclude(yield* sending(db, first), { refusals: 0, failingSince: undefined })
      assert.deepInclude((yield* sending(db, first))?.session, { seqNum: 0 })
    })
  )

  test(
    "sessions are listed by route and key index, a page at a time, with what was confirmed of them",
    Effect.gen(function* () {
      const { clients, db, first, hand, one, second, two, window } = yield* scene
      const hidden = yield* addSession(clients, one, short, "tor")
      const third = yield* addSession(clients, one)
      const keys = (found: ReadonlyArray<{ readonly session: ClientSession }>) =>
        found.map(({ session }) => session.keyIndex)
      assert.deepStrictEqual(
        keys(yield* db.listSending("clear")),
        [first, third, second].map(({ keyIndex }) => keyIndex)
      )
      assert.deepStrictEqual(keys(yield* db.listSending("clear", { limit: 1 })), [first.keyIndex])
      assert.deepStrictEqual(keys(yield* db.listSending("clear", { after: first.keyIndex, limit: 1 })), [
        third.keyIndex
      ])
      const [onion] = yield* db.listSending("tor")
      assert.deepStrictEqual(onion, {
        session: hidden,
        route: "tor",
        failingSince: undefined,
        refusals: 0
      })
      yield* hand([1, 2])
      yield* window(third)
      assert.deepStrictEqual(yield* db.listAcked(one.id, "clear"), [])
      yield* window(third, { acked: 1 })
      yield* db.endSession(sender, third.keyIndex, "terminal")
      assert.deepStrictEqual(yield* db.listAcked(one.id, "tor"), [])
      const [acked, ...others] = yield* db.listAcked(one.id, "clear")
      assert.deepStrictEqual(others, [])
      assert.deepInclude(acked?.session, {
        status: "terminal",
        keyIndex: third.keyIndex,
        seqNum: 2,
        towerLastApplied: 1
      })
      assert.deepStrictEqual(yield* db.listAcked(two.id, "clear"), [])
      assert.deepStrictEqual(yield* db.listAcked(one.id, "clear", { after: third.keyIndex }), [])
    })
  )
}

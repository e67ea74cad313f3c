/** Key indexes: who holds one, for how long, and when it may be used again. Cases of every `ClientDb`. */
import { assert, describe } from "@effect/vitest"
import { Array as Arr, Effect, Exit } from "effect"
import * as BlobType from "../../../src/schema/BlobType.js"
import { KeyIndex, maxKeyIndex } from "../../../src/schema/Ids.js"
import { leaseMs, type Reservation } from "../../../src/schema/Reservation.js"
import { ClientDb } from "../../../src/services/ClientDb.js"
import { bound, end, free, type Test, type } from "./contract.js"
import { address, identity, policyKey, publicKey, session, unknownTower, update } from "./samples.js"

export const reservationsCases = (test: Test) =>
  describe("reservations", () => {
    test(
      "are for a tower that is known, removed or not",
      Effect.gen(function* () {
        const { db, take } = yield* bound
        const unknown = yield* Effect.flip(db.nextSessionKeyIndex(unknownTower, type, "clear"))
        assert.strictEqual(unknown._tag, "TowerNotFound")
        yield* db.removeTower(publicKey(1))
        assert.strictEqual((yield* take).keyIndex, 100)
      })
    )

    test(
      "are taken by every call, each with an index and a token of its own",
      Effect.gen(function* () {
        const { take, tower } = yield* bound
        const taken = yield* Effect.all([take, take, take])
        assert.deepStrictEqual(
          taken.map(({ keyIndex }) => keyIndex),
          [100, 101, 102].map((index) => KeyIndex.make(index))
        )
        assert.strictEqual(new Set(taken.map(({ lease }) => lease)).size, 3)
        assert.deepInclude(taken[0], { towerId: tower.id, blobType: type, route: "clear", forMs: leaseMs })
      })
    )

    test(
      "that were freed are taken again, with a new token",
      Effect.gen(function* () {
        const { db, take, tower } = yield* bound
        const first = yield* take
        yield* db.freeSessionKeyIndex(first, { outcome: free, update: update(tower) })
        const second = yield* take
        assert.strictEqual(second.keyIndex, first.keyIndex)
        assert.notStrictEqual(second.lease, first.lease)
      })
    )

    test(
      "rest as long as they were told to",
      Effect.gen(function* () {
        const { db, elapse, take, tower } = yield* bound
        const first = yield* take
        yield* db.freeSessionKeyIndex(first, { outcome: { _tag: "free", restMs: 60_000 }, update: update(tower) })
        yield* elapse(50_000)
        assert.strictEqual((yield* take).keyIndex, 101)
        yield* elapse(10_000)
        assert.strictEqual((yield* take).keyIndex, first.keyIndex)
      })
    )

    test(
      "are free again when their lease has run out",
      Effect.gen(function* () {
        const { elapse, take } = yield* bound
        const first = yield* take
        yield* elapse(leaseMs - 10_000)
        assert.strictEqual((yield* take).keyIndex, 101)
        yield* elapse(10_000)
        assert.strictEqual((yield* take).keyIndex, first.keyIndex)
      })
    )

    test(
      "are taken in the order in which they became free",
      Effect.gen(function* () {
        const { db, elapse, take, tower } = yield* bound
        const [a, b, c, d] = yield* Effect.all([take, take, take, take])
        const give = (reservation: Reservation, restMs: number) =>
          db.freeSessionKeyIndex(reservation, { outcome: { _tag: "free", restMs }, update: update(tower) })
        yield* give(d, 90_000)
        yield* give(b, 0)
        yield* elapse(30_000)
        yield* give(c, 0)
        yield* elapse(100_000)
        // b has been free for 130 s, c for 100 s, d for 40 s; the lease of a ended 10 s ago.
        const order = yield* Effect.all([take, take, take, take])
        assert.deepStrictEqual(
          order.map(({ keyIndex }) => keyIndex),
          [b, c, d, a].map(({ keyIndex }) => keyIndex)
        )
      })
    )

    test(
      "belong to one tower, blob type and route",
      Effect.gen(function* () {
        const { db, take, tower } = yield* bound
        const other = yield* db.createTower(publicKey(2), address(2))
        const first = yield* take
        yield* db.freeSessionKeyIndex(first, { outcome: free, update: update(tower) })
        const taken = yield* Effect.all([
          db.nextSessionKeyIndex(other.id, type, "clear"),
          db.nextSessionKeyIndex(tower.id, BlobType.altruistAnchorCommit, "clear"),
          db.nextSessionKeyIndex(tower.id, type, "tor"),
          take
        ])
        assert.deepStrictEqual(
          taken.map(({ keyIndex }) => keyIndex),
          [101, 102, 103, 100].map((index) => KeyIndex.make(index))
        )
      })
    )

    test(
      "end, and their key never comes back",
      Effect.gen(function* () {
        const { db, elapse, take, tower } = yield* bound
        const first = yield* take
        yield* db.freeSessionKeyIndex(first, { outcome: end, update: update(tower) })
        yield* elapse(leaseMs)
        assert.strictEqual((yield* take).keyIndex, 101)
      })
    )

    test(
      "give way to the next index by force",
      Effect.gen(function* () {
        const { db, elapse, tower, take } = yield* bound
        const first = yield* take
        const second = yield* db.nextSessionKeyIndex(tower.id, type, "clear", { forceNext: first })
        assert.strictEqual(second.keyIndex, 101)
        const lost = yield* Effect.flip(db.nextSessionKeyIndex(tower.id, type, "clear", { forceNext: first }))
        assert.strictEqual(lost._tag, "ReservationLost")
        yield* elapse(leaseMs)
        assert.deepStrictEqual(
          (yield* Effect.all([take, take])).map(({ keyIndex }) => Number(keyIndex)),
          [101, 102]
        )
      })
    )

    test(
      "give way by force to one that is free",
      Effect.gen(function* () {
        const { db, tower, take } = yield* bound
        const [first, second] = yield* Effect.all([take, take])
        yield* db.freeSessionKeyIndex(first, { outcome: free, update: update(tower) })
        const next = yield* db.nextSessionKeyIndex(tower.id, type, "clear", { forceNext: second })
        assert.strictEqual(next.keyIndex, first.keyIndex)
      })
    )

    test(
      "that were taken over do not give way",
      Effect.gen(function* () {
        const { db, elapse, tower, take } = yield* bound
        const first = yield* take
        yield* elapse(leaseMs)
        const second = yield* take
        assert.strictEqual(second.keyIndex, first.keyIndex)
        const lost = yield* Effect.flip(db.nextSessionKeyIndex(tower.id, type, "clear", { forceNext: first }))
        assert.strictEqual(lost._tag, "ReservationLost")
        yield* db.createClientSession(session(tower, second), second, update(tower))
      })
    )

    test(
      "that we left are taken although their lease lasts, after those that are free",
      Effect.gen(function* () {
        const { db, tower, take } = yield* bound
        const [mine, freed] = yield* Effect.all([take, take])
        yield* db.freeSessionKeyIndex(freed, { outcome: free, update: update(tower) })
        const options = { left: [mine] }
        const again = db.nextSessionKeyIndex(tower.id, type, "clear", options)
        const order = yield* Effect.all([again, again, again])
        // The third call finds the token changed by the second.
        assert.deepStrictEqual(
          order.map(({ keyIndex }) => Number(keyIndex)),
          [101, 100, 102]
        )
      })
    )

    test(
      "that we left are taken for their own triple only",
      Effect.gen(function* () {
        const { db, tower, take } = yield* bound
        const mine = yield* take
        const tor = yield* db.nextSessionKeyIndex(tower.id, type, "tor", { left: [mine] })
        assert.strictEqual(tor.keyIndex, 101)
      })
    )

    test(
      "that another process took over are left alone, but the standing is written",
      Effect.gen(function* () {
        const { db, elapse, take, tower } = yield* bound
        const first = yield* take
        yield* elapse(leaseMs)
        const second = yield* take
        yield* db.freeSessionKeyIndex(first, { outcome: end, update: update(tower, { failedVisits: 1 }) })
        yield* db.freeSessionKeyIndex(first, { outcome: free, update: update(tower, { failedVisits: 2 }) })
        assert.strictEqual((yield* take).keyIndex, 101)
        assert.strictEqual((yield* db.loadStandings(type, policyKey)).get(tower.id)?.failedVisits, 2)
        yield* db.createClientSession(session(tower, second), second, update(tower))
      })
    )

    test(
      "that begin in the future begin now",
      Effect.gen(function* () {
        const { elapse, take } = yield* bound
        const first = yield* take
        yield* elapse(-365 * 86_400_000)
        assert.strictEqual((yield* take).keyIndex, 101)
        yield* elapse(leaseMs)
        assert.strictEqual((yield* take).keyIndex, first.keyIndex)
      })
    )

    test(
      "that begin in the future begin now, also where another one is free",
      Effect.gen(function* () {
        const { db, elapse, take, tower } = yield* bound
        const [first, second] = yield* Effect.all([take, take])
        yield* db.freeSessionKeyIndex(second, { outcome: free, update: update(tower) })
        yield* elapse(-365 * 86_400_000)
        assert.strictEqual((yield* take).keyIndex, second.keyIndex)
        yield* elapse(leaseMs)
        assert.strictEqual((yield* take).keyIndex, first.keyIndex)
      })
    )

    test(
      "end at the last key index, and the counter stays",
      Effect.gen(function* () {
        const db = yield* ClientDb
        yield* db.bindIdentity({ ...identity, firstKeyIndex: KeyIndex.make(maxKeyIndex - 1) })
        const tower = yield* db.createTower(publicKey(1), address(1))
        const take = db.nextSessionKeyIndex(tower.id, type, "clear")
        const tooFar = yield* Effect.flip(db.skipSessionKeys(2))
        const first = yield* take
        const last = yield* take
        const none = yield* Effect.flip(take)
        const noneByForce = yield* Effect.flip(db.nextSessionKeyIndex(tower.id, type, "clear", { forceNext: first }))
        const noSkip = yield* Effect.flip(db.skipSessionKeys(1))
        assert.deepStrictEqual(
          [tooFar, none, noneByForce, noSkip].map((error) => error._tag),
          Array.from({ length: 4 }, () => "KeyIndexesExhausted" as const)
        )
        assert.strictEqual(last.keyIndex, maxKeyIndex)
        // The last session is stored although no next index can be reserved; and what force did not end is still held.
        yield* db.createClientSession(session(tower, last), last, update(tower))
        yield* db.createClientSession(session(tower, first), first, update(tower))
        assert.strictEqual((yield* Effect.flip(take))._tag, "KeyIndexesExhausted")
      })
    )

    test(
      "can be skipped up to the last key index",
      Effect.gen(function* () {
        const db = yield* ClientDb
        yield* db.bindIdentity({ ...identity, firstKeyIndex: KeyIndex.make(maxKeyIndex - 1) })
        const tower = yield* db.createTower(publicKey(1), address(1))
        assert.strictEqual(yield* db.skipSessionKeys(1), maxKeyIndex)
        assert.strictEqual((yield* db.nextSessionKeyIndex(tower.id, type, "clear")).keyIndex, maxKeyIndex)
      })
    )

    test(
      "go on behind the indexes that were skipped",
      Effect.gen(function* () {
        const { db, take } = yield* bound
        assert.strictEqual(yield* db.skipSessionKeys(1000), 1100)
        assert.strictEqual((yield* take).keyIndex, 1100)
        assert.strictEqual(yield* db.skipSessionKeys(10), 1111)
        for (const bad of [-1, 0.5, Number.NaN]) {
          assert.isTrue(Exit.isFailure(yield* Effect.exit(db.skipSessionKeys(bad))), String(bad))
        }
        assert.strictEqual(yield* db.skipSessionKeys(0), 1111)
      })
    )

    test(
      "that were open when indexes were skipped are ended",
      Effect.gen(function* () {
        const { db, take, tower } = yield* bound
        const [first, second] = yield* Effect.all([take, take])
        yield* db.freeSessionKeyIndex(first, { outcome: free, update: update(tower) })
        yield* db.skipSessionKeys(10)
        assert.strictEqual((yield* take).keyIndex, 112)
        const lost = yield* Effect.flip(db.createClientSession(session(tower, second), second, update(tower)))
        assert.strictEqual(lost._tag, "IncorrectKeyIndex")
        yield* db.freeSessionKeyIndex(second, { outcome: free, update: update(tower) })
        assert.strictEqual((yield* take).keyIndex, 113)
      })
    )

    test(
      "are never given to two callers at the same time",
      Effect.gen(function* () {
        const { db, take, tower } = yield* bound
        const first = yield* Effect.all(Arr.makeBy(8, () => take))
        yield* Effect.forEach(first, (mine) => db.freeSessionKeyIndex(mine, { outcome: free, update: update(tower) }))
        const taken = yield* Effect.all(
          Arr.makeBy(24, () => take),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(
          taken.map(({ keyIndex }) => Number(keyIndex)).sort((a, b) => a - b),
          Arr.range(100, 123)
        )
      })
    )
  })

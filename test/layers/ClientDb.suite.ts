import { assert, describe, it } from "@effect/vitest"
import { Array as Arr, Context, Effect, Exit, FastCheck, type Layer, TestClock } from "effect"
import * as BlobType from "../../src/schema/BlobType.js"
import type { ClientSession } from "../../src/schema/ClientSession.js"
import { ChainHash, KeyIndex, maxKeyIndex, type SessionId } from "../../src/schema/Ids.js"
import * as Policy from "../../src/schema/Policy.js"
import { leaseMs, Reservation } from "../../src/schema/Reservation.js"
import type { Standing } from "../../src/schema/Standing.js"
import { ClientDb } from "../../src/services/ClientDb.js"
import {
  address,
  identity,
  nobody,
  policy,
  policyKey,
  publicKey,
  session,
  sessionFields,
  standing,
  start,
  update
} from "./ClientDb.fixtures.js"

/** Lets leases age, whoever's clock judges them. A negative time puts the clock back. */
export class Elapse extends Context.Tag("test/Elapse")<Elapse, (ms: number) => Effect.Effect<void>>() {}

/** Leases are judged by the test's clock. */
export const byTestClock: Context.Tag.Service<Elapse> = (ms) =>
  Effect.flatMap(TestClock.currentTimeMillis, (now) => TestClock.setTime(now + ms))

const type = policy.blobType
const free = { _tag: "free", restMs: 0 } as const
const end = { _tag: "end" } as const

const bound = Effect.gen(function* () {
  yield* TestClock.setTime(start)
  const db = yield* ClientDb
  yield* db.bindIdentity(identity)
  const tower = yield* db.createTower(publicKey(1), address(1))
  const elapse = yield* Elapse
  return { db, tower, elapse, take: db.nextSessionKeyIndex(tower.id, type, "clear") }
})

/** The cases of every `ClientDb`; each gets a new database from the layer. */
export const suite = <E>(name: string, layer: Layer.Layer<ClientDb | Elapse, E>) => {
  const test = <A, E2>(title: string, body: Effect.Effect<A, E2, ClientDb | Elapse>) =>
    it.effect(title, () => Effect.provide(body, layer))

  describe(name, () => {
    describe("identity", () => {
      test(
        "is recorded once and compared afterwards",
        Effect.gen(function* () {
          const db = yield* ClientDb
          yield* db.bindIdentity(identity)
          yield* db.bindIdentity(identity)
          const chain = yield* Effect.flip(
            db.bindIdentity({ ...identity, chainHash: ChainHash.make("ab".repeat(32)), layout: "dcrlnd" })
          )
          const layout = yield* Effect.flip(db.bindIdentity({ ...identity, layout: "dcrlnd", publicKey: publicKey(1) }))
          const seed = yield* Effect.flip(db.bindIdentity({ ...identity, publicKey: publicKey(1) }))
          assert.deepStrictEqual(
            [chain, layout, seed].map((error) => (error._tag === "WrongDatabase" ? error.what : error._tag)),
            ["chain", "key layout", "seed"]
          )
          yield* db.bindIdentity(identity)
        })
      )

      test(
        "starts the key indexes, once",
        Effect.gen(function* () {
          const { db, take } = yield* bound
          assert.strictEqual((yield* take).keyIndex, 100)
          yield* db.bindIdentity({ ...identity, firstKeyIndex: KeyIndex.make(5) })
          assert.strictEqual((yield* take).keyIndex, 101)
        })
      )

      test(
        "starts them somewhere in the first half when it does not say where",
        Effect.gen(function* () {
          const db = yield* ClientDb
          yield* db.bindIdentity({ ...identity, firstKeyIndex: undefined })
          const tower = yield* db.createTower(publicKey(1), address(1))
          const { keyIndex } = yield* db.nextSessionKeyIndex(tower.id, type, "clear")
          assert.isAtLeast(keyIndex, 1)
          assert.isBelow(keyIndex, 2 ** 30)
        })
      )

      test(
        "comes before a key index",
        Effect.gen(function* () {
          const db = yield* ClientDb
          const tower = yield* db.createTower(publicKey(1), address(1))
          const reserve = yield* Effect.flip(db.nextSessionKeyIndex(tower.id, type, "clear"))
          const skip = yield* Effect.flip(db.skipSessionKeys(1))
          assert.deepStrictEqual([reserve._tag, skip._tag], ["DatabaseUnavailable", "DatabaseUnavailable"])
        })
      )
    })

    describe("towers", () => {
      test(
        "that nobody added are not found",
        Effect.gen(function* () {
          const { db } = yield* bound
          const byKey = yield* Effect.flip(db.loadTower(publicKey(2)))
          const byId = yield* Effect.flip(db.loadTowerById(nobody))
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

    describe("reservations", () => {
      test(
        "are for a tower that is known, removed or not",
        Effect.gen(function* () {
          const { db, take } = yield* bound
          const unknown = yield* Effect.flip(db.nextSessionKeyIndex(nobody, type, "clear"))
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
        "that somebody took over are left alone, but the standing is written",
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

    describe("sessions", () => {
      test(
        "are stored once, for the index that is reserved",
        Effect.gen(function* () {
          const { db, take, tower } = yield* bound
          const dummy = new Reservation({
            ...(yield* take),
            keyIndex: KeyIndex.make(77)
          })
          const other = yield* db.createTower(publicKey(2), address(2))
          const store = (reservation: Reservation, at = tower) =>
            Effect.flip(db.createClientSession(session(at, reservation), reservation, update(at)))
          assert.strictEqual((yield* store(dummy, other))._tag, "NoReservedKeyIndex")
          assert.strictEqual((yield* store(dummy))._tag, "IncorrectKeyIndex")
          const held = yield* take
          yield* db.createClientSession(session(tower, held), held, update(tower))
          assert.strictEqual((yield* store(held))._tag, "ClientSessionAlreadyExists")
          assert.isAbove((yield* take).keyIndex, held.keyIndex)
        })
      )

      test(
        "are not stored under an id that another one has; the reservation stays",
        Effect.gen(function* () {
          const { db, take, tower } = yield* bound
          const [first, second] = [yield* take, yield* take]
          const { id } = session(tower, first)
          yield* db.createClientSession(session(tower, first), first, update(tower))
          const again = session(tower, second, { id })
          const refused = yield* Effect.flip(db.createClientSession(again, second, update(tower, { sessions: 9 })))
          assert.strictEqual(refused._tag, "ClientSessionAlreadyExists")
          assert.deepStrictEqual(yield* db.listClientSessions(), [session(tower, first)])
          assert.strictEqual((yield* db.loadStandings(type, policyKey)).get(tower.id)?.sessions, 0)
          yield* db.createClientSession(session(tower, second), second, update(tower))
        })
      )

      test(
        "are refused in the order of the reference",
        Effect.gen(function* () {
          const { db, elapse, take, tower } = yield* bound
          const ghost = { ...tower, id: nobody }
          const held = yield* take
          const unknown = yield* Effect.flip(db.createClientSession(session(ghost, held), held, update(tower)))
          assert.strictEqual(unknown._tag, "TowerNotFound")
          const tor = new Reservation({ ...held, route: "tor" })
          const none = yield* Effect.flip(db.createClientSession(session(tower, tor), tor, update(tower)))
          assert.strictEqual(none._tag, "NoReservedKeyIndex")
          const wrongType = session(tower, held, { policy: { ...policy, blobType: BlobType.altruistAnchorCommit } })
          const noneOfType = yield* Effect.flip(db.createClientSession(wrongType, held, update(tower)))
          assert.strictEqual(noneOfType._tag, "NoReservedKeyIndex")
          yield* elapse(leaseMs)
          yield* take
          const lost = yield* Effect.flip(db.createClientSession(session(tower, held), held, update(tower)))
          assert.strictEqual(lost._tag, "ReservationLost")
          assert.deepStrictEqual(yield* db.listClientSessions(), [])
        })
      )

      test(
        "of a client that was only slow are stored",
        Effect.gen(function* () {
          const { db, elapse, take, tower } = yield* bound
          const held = yield* take
          yield* elapse(2 * leaseMs)
          yield* db.createClientSession(session(tower, held), held, update(tower))
          assert.strictEqual((yield* db.listClientSessions()).length, 1)
        })
      )

      test(
        "of a removed tower are stored",
        Effect.gen(function* () {
          const { db, take, tower } = yield* bound
          const held = yield* take
          yield* db.removeTower(publicKey(1))
          yield* db.createClientSession(session(tower, held), held, update(tower))
          assert.deepStrictEqual(yield* db.listClientSessions(), [session(tower, held)])
        })
      )

      test(
        "leave nothing behind when they are refused",
        Effect.gen(function* () {
          const { db, take, tower } = yield* bound
          const held = yield* take
          const wrong = new Reservation({ ...held, lease: Reservation.fields.lease.make("another") })
          yield* Effect.flip(db.createClientSession(session(tower, held), wrong, update(tower, { sessions: 1 })))
          assert.strictEqual((yield* db.loadStandings(type, policyKey)).size, 0)
          yield* db.createClientSession(session(tower, held), held, update(tower, { sessions: 1 }))
          assert.strictEqual((yield* db.loadStandings(type, policyKey)).get(tower.id)?.sessions, 1)
        })
      )

      test(
        "reserve the next index for their triple",
        Effect.gen(function* () {
          const { db, take, tower } = yield* bound
          const held = yield* take
          yield* db.createClientSession(session(tower, held), held, update(tower))
          const tor = yield* db.nextSessionKeyIndex(tower.id, type, "tor")
          const next = yield* take
          assert.deepStrictEqual([tor.keyIndex, next.keyIndex].map(Number), [102, 101])
        })
      )

      test(
        "reserve no index where one is free",
        Effect.gen(function* () {
          const { db, take, tower } = yield* bound
          const [first, second] = yield* Effect.all([take, take])
          yield* db.freeSessionKeyIndex(first, { outcome: free, update: update(tower) })
          yield* db.createClientSession(session(tower, second), second, update(tower))
          assert.deepStrictEqual(
            (yield* Effect.all([take, take])).map(({ keyIndex }) => Number(keyIndex)),
            [100, 102]
          )
        })
      )

      test(
        "reserve no index where one is free, though the clock was put back since",
        Effect.gen(function* () {
          const { db, elapse, take, tower } = yield* bound
          const [first, second] = yield* Effect.all([take, take])
          yield* db.freeSessionKeyIndex(first, { outcome: free, update: update(tower) })
          yield* elapse(-5000)
          yield* db.createClientSession(session(tower, second), second, update(tower))
          assert.strictEqual(yield* db.skipSessionKeys(0), 102)
        })
      )

      test(
        "come back as they were stored",
        Effect.gen(function* () {
          const { db, take, tower } = yield* bound
          const stored: Array<ClientSession> = []
          for (const fields of FastCheck.sample(sessionFields, { numRuns: 30, seed: 1 })) {
            const held = yield* take
            const written = session(tower, held, fields)
            yield* db.createClientSession(written, held, update(tower))
            stored.push(written)
          }
          assert.deepStrictEqual(yield* db.listClientSessions(), stored)
        })
      )

      test(
        "are listed by page, tower, status and age, in the order of their indexes",
        Effect.gen(function* () {
          const { db, take, tower } = yield* bound
          const other = yield* db.createTower(publicKey(2), address(2))
          const takeOther = db.nextSessionKeyIndex(other.id, type, "clear")
          const [a, b, c, d] = yield* Effect.all([take, takeOther, take, takeOther])
          const store = (
            at: typeof tower,
            reservation: Reservation,
            createdAt: number,
            status: "active" | "inactive"
          ) => db.createClientSession(session(at, reservation, { createdAt, status }), reservation, update(at))
          yield* store(other, d, start + 1, "active")
          yield* store(tower, c, start + 2, "inactive")
          yield* store(other, b, start + 3, "inactive")
          yield* store(tower, a, start + 4, "active")
          const list = (filter?: ClientDb.SessionFilter) =>
            Effect.map(
              db.listClientSessions(filter),
              Arr.map((found) => Number(found.keyIndex) - 100)
            )
          assert.deepStrictEqual(yield* list(), [0, 1, 2, 3])
          assert.deepStrictEqual(yield* list({ towerId: tower.id }), [0, 2])
          assert.deepStrictEqual(yield* list({ status: "inactive" }), [1, 2])
          assert.deepStrictEqual(yield* list({ status: "active", towerId: other.id }), [3])
          assert.deepStrictEqual(yield* list({ createdBefore: start + 3 }), [2, 3])
          assert.deepStrictEqual(yield* list({ limit: 2 }), [0, 1])
          assert.deepStrictEqual(yield* list({ limit: 2, after: b.keyIndex }), [2, 3])
          assert.deepStrictEqual(yield* list({ after: d.keyIndex }), [])
          assert.deepStrictEqual(yield* list({ towerId: nobody }), [])
          assert.deepStrictEqual(yield* list({ limit: Number.POSITIVE_INFINITY }), [0, 1, 2, 3])
        })
      )

      test(
        "are listed a hundred at a time",
        Effect.gen(function* () {
          const { db, take, tower } = yield* bound
          const ids: Array<SessionId> = []
          for (let n = 0; n < 105; n++) {
            const held = yield* take
            const stored = session(tower, held)
            ids.push(stored.id)
            yield* db.createClientSession(stored, held, update(tower))
          }
          const first = yield* db.listClientSessions()
          const second = yield* db.listClientSessions({ after: first.at(-1)?.keyIndex })
          assert.deepStrictEqual([first.length, second.length], [100, 5])
          assert.deepStrictEqual(
            [...first, ...second].map(({ id }) => id),
            ids
          )
        })
      )
    })

    describe("standings", () => {
      test(
        "of towers never visited are absent",
        Effect.gen(function* () {
          const { db } = yield* bound
          assert.strictEqual((yield* db.loadStandings(type, policyKey)).size, 0)
        })
      )

      test(
        "come back as they were written, over what was there",
        Effect.gen(function* () {
          const { db, tower } = yield* bound
          yield* db.saveStanding(update(tower))
          yield* db.saveStanding({ ...update(tower), standing })
          assert.deepStrictEqual(yield* db.loadStandings(type, policyKey), new Map([[tower.id, standing]]))
          const { quarantine: _, ...without } = standing
          yield* db.saveStanding({ ...update(tower), standing: without })
          assert.deepStrictEqual(yield* db.loadStandings(type, policyKey), new Map([[tower.id, without]]))
        })
      )

      test(
        "belong to a blob type, and quarantines to a policy",
        Effect.gen(function* () {
          const { db, tower } = yield* bound
          const otherPolicy = Policy.keyOf({ ...policy, maxUpdates: 7 })
          yield* db.saveStanding({ ...update(tower), standing })
          const { quarantine: _, ...without } = standing
          assert.deepStrictEqual(yield* db.loadStandings(type, otherPolicy), new Map([[tower.id, without]]))
          assert.strictEqual((yield* db.loadStandings(BlobType.altruistAnchorCommit, policyKey)).size, 0)
          yield* db.saveStanding({ ...update(tower), policyKey: otherPolicy, standing: without })
          assert.deepStrictEqual(yield* db.loadStandings(type, policyKey), new Map([[tower.id, standing]]))
        })
      )

      test(
        "are written with a freed reservation",
        Effect.gen(function* () {
          const { db, take, tower } = yield* bound
          yield* db.freeSessionKeyIndex(yield* take, { outcome: free, update: { ...update(tower), standing } })
          assert.deepStrictEqual(yield* db.loadStandings(type, policyKey), new Map([[tower.id, standing]]))
        })
      )

      test(
        "lose their quarantines when the tower is added again, and only that tower's",
        Effect.gen(function* () {
          const { db, tower } = yield* bound
          const other = yield* db.createTower(publicKey(2), address(2))
          yield* db.saveStanding({ ...update(tower), standing })
          yield* db.saveStanding({ ...update(other), standing })
          yield* db.createTower(publicKey(1), address(1))
          const { quarantine: _, ...without } = standing
          assert.deepStrictEqual(
            yield* db.loadStandings(type, policyKey),
            new Map([
              [tower.id, without],
              [other.id, standing]
            ])
          )
        })
      )

      test(
        "hold no instant of the future, once the clock was put back",
        Effect.gen(function* () {
          const { db, tower } = yield* bound
          yield* db.saveStanding({ ...update(tower), standing })
          const now = start - 1500
          yield* TestClock.setTime(now)
          const expected: Standing = {
            ...standing,
            lastVisit: now,
            quarantine: { since: now, reason: "RejectSweepFeeRate" },
            addresses: {
              "tower-1.example:9911": { lastSuccess: start - 2000, lastFailure: now, failures: 2 },
              "[::1]:9911": { failures: 0 }
            }
          }
          assert.deepStrictEqual((yield* db.loadStandings(type, policyKey)).get(tower.id), expected)
          yield* TestClock.setTime(start)
          assert.deepStrictEqual((yield* db.loadStandings(type, policyKey)).get(tower.id), expected)
        })
      )
    })
  })
}

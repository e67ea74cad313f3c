/** Sessions: each is stored once, for the index that is reserved. Cases of every `ClientDb`. */
import { assert, describe } from "@effect/vitest"
import { Array as Arr, Effect, FastCheck } from "effect"
import * as BlobType from "../../../src/schema/BlobType.js"
import type { ClientSession } from "../../../src/schema/ClientSession.js"
import { KeyIndex, type SessionId } from "../../../src/schema/Ids.js"
import { leaseMs, Reservation } from "../../../src/schema/Reservation.js"
import type { ClientDb } from "../../../src/services/ClientDb.js"
import { bound, free, type Test, type } from "./contract.js"
import {
  address,
  policy,
  policyKey,
  publicKey,
  session,
  sessionFields,
  start,
  unknownTower,
  update
} from "./samples.js"

export const sessionsCases = (test: Test) =>
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
        const ghost = { ...tower, id: unknownTower }
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
      "reserve no index where one is free, although the clock went back since",
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
      "reserve the next index where none but a held one is there",
      Effect.gen(function* () {
        const { db, take, tower } = yield* bound
        const [first, second] = yield* Effect.all([take, take])
        yield* db.createClientSession(session(tower, second), second, update(tower))
        assert.strictEqual(yield* db.skipSessionKeys(0), first.keyIndex + 3)
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
        const store = (at: typeof tower, reservation: Reservation, createdAt: number, status: "active" | "inactive") =>
          db.createClientSession(session(at, reservation, { createdAt, status }), reservation, update(at))
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
        assert.deepStrictEqual(yield* list({ blobType: type }), [0, 1, 2, 3])
        assert.deepStrictEqual(yield* list({ blobType: BlobType.rewardCommit }), [])
        assert.deepStrictEqual(yield* list({ limit: 2 }), [0, 1])
        assert.deepStrictEqual(yield* list({ limit: 2, after: b.keyIndex }), [2, 3])
        assert.deepStrictEqual(yield* list({ after: d.keyIndex }), [])
        assert.deepStrictEqual(yield* list({ towerId: unknownTower }), [])
        assert.deepStrictEqual(yield* list({ limit: Number.POSITIVE_INFINITY }), [0, 1, 2, 3])
      })
    )

    test(
      "are counted by blob type, as far as they can take updates",
      Effect.gen(function* () {
        const { db, tower } = yield* bound
        assert.deepStrictEqual(yield* db.countClientSessions, [])
        const store = (
          blobType: BlobType.BlobType,
          seqNum: number,
          status: ClientSession["status"],
          towerLastApplied = 0
        ) =>
          Effect.gen(function* () {
            const held = yield* db.nextSessionKeyIndex(tower.id, blobType, "clear")
            const stored = session(tower, held, {
              policy: { ...policy, blobType, maxUpdates: 10 },
              seqNum,
              status,
              towerLastApplied
            })
            yield* db.createClientSession(stored, held, update(tower))
          })
        yield* store(BlobType.altruistTaprootCommit, 0, "active")
        yield* store(BlobType.altruistAnchorCommit, 10, "active")
        yield* store(BlobType.altruistAnchorCommit, 10, "inactive")
        yield* store(BlobType.altruistAnchorCommit, 7, "active")
        yield* store(BlobType.altruistAnchorCommit, 9, "active", 8)
        yield* store(BlobType.altruistAnchorCommit, 10, "active", 10)
        yield* store(BlobType.altruistAnchorCommit, 10, "inactive", 10)
        yield* store(BlobType.altruistAnchorCommit, 7, "terminal", 5)
        for (const applied of [10, 3]) yield* store(BlobType.altruistAnchorCommit, 10, "lost", applied)
        assert.deepStrictEqual(yield* db.countClientSessions, [
          {
            blobType: BlobType.altruistAnchorCommit,
            usable: 2,
            left: 4,
            full: 2,
            inactive: 2,
            terminal: 1,
            lost: 2,
            exhausted: 2,
            confirmed: 33
          },
          {
            blobType: BlobType.altruistTaprootCommit,
            usable: 1,
            left: 10,
            full: 0,
            inactive: 0,
            terminal: 0,
            lost: 0,
            exhausted: 0,
            confirmed: 0
          }
        ])
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

import { Effect } from "effect"
import * as Standing from "../../../src/schema/Standing.js"
import type { ClientDb } from "../../../src/services/ClientDb.js"
import {
  address,
  identity,
  policy,
  policyKey,
  publicKey,
  session,
  standing,
  update
} from "../../services/ClientDb/samples.js"

const type = policy.blobType

/** A database with something in every table. */
export const populate = (db: ClientDb.Service) =>
  Effect.gen(function* () {
    yield* db.bindIdentity(identity)
    const one = yield* db.createTower(publicKey(1), address(1))
    const two = yield* db.createTower(publicKey(2), address(3))
    const removed = yield* db.createTower(publicKey(3), address(4))
    yield* db.createTower(publicKey(1), address(2))
    for (const tower of [one, two, one, removed]) {
      const held = yield* db.nextSessionKeyIndex(tower.id, type, "clear")
      const standing = { ...Standing.initial, sessions: 1 }
      yield* db.createClientSession(session(tower, held), held, update(tower, standing))
    }
    yield* db.nextSessionKeyIndex(two.id, type, "tor")
    yield* db.saveStanding({ ...update(two), standing })
    yield* db.removeTower(publicKey(3))
  })

/** What such a database answers; it changes nothing that a second look would see. */
export const look = (db: ClientDb.Service) =>
  Effect.gen(function* () {
    yield* db.bindIdentity(identity)
    const towers = yield* db.listTowers
    const freed = yield* Effect.forEach(towers, (tower) =>
      Effect.gen(function* () {
        const held = yield* db.nextSessionKeyIndex(tower.id, type, "clear")
        const standings = yield* db.loadStandings(type, policyKey)
        const outcome = { _tag: "free", restMs: 0 } as const
        const standing = standings.get(tower.id) ?? Standing.initial
        yield* db.freeSessionKeyIndex(held, { outcome, update: { ...update(tower), standing } })
        return held.keyIndex
      })
    )
    return {
      towers,
      sessions: yield* db.listClientSessions(),
      standings: yield* db.loadStandings(type, policyKey),
      freed,
      next: yield* db.skipSessionKeys(0)
    }
  })

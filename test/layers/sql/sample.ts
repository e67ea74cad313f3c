import { Effect } from "effect"
import * as Standing from "../../../src/schema/Standing.js"
import type { BackupDb } from "../../../src/services/BackupDb.js"
import type { ClientDb } from "../../../src/services/ClientDb.js"
import { addSession } from "../../services/BackupDb/contract.js"
import { backup, channel, channelId, height, sender } from "../../services/BackupDb/samples.js"
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

/**
 * Channel 1 with something in every table of backups: 1 and 2 confirmed (2 lost), 3 confirmed by one of two, 4 and 5 bound in
 * session 104, 6 waiting, 11 ineligible. Each backup has the number of its height.
 */
export const populateBackups = (clients: ClientDb.Service, db: BackupDb.Service) =>
  Effect.gen(function* () {
    const [one] = yield* clients.listTowers
    if (one === undefined) return yield* Effect.dieMessage("there is no tower")
    for (const n of [1, 2]) yield* db.registerChannel(channel(n))
    yield* db.takeSenderLease(sender)
    const main = yield* addSession(clients, one)
    const lost = yield* addSession(clients, one)
    const window = ({ keyIndex }: typeof main, request: { readonly acked: number; readonly limit: number }) =>
      db.nextWindow(sender, keyIndex, { ...request, route: "clear", stalledSince: 0 })
    yield* db.addBackup(backup(1, 1))
    yield* window(main, { acked: 0, limit: 1 })
    yield* db.addBackup(backup(1, 2))
    yield* window(lost, { acked: 0, limit: 1 })
    yield* window(lost, { acked: 1, limit: 0 })
    yield* db.endSession(sender, lost.keyIndex, "lost")
    yield* db.addBackup(backup(1, 3, { copies: 2 }))
    yield* window(main, { acked: 1, limit: 1 })
    for (const at of [4, 5]) yield* db.addBackup(backup(1, at))
    yield* window(main, { acked: 2, limit: 2 })
    yield* db.addBackup(backup(1, 6))
    yield* db.addIneligible(channelId(1), height(11))
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

/** What the cases of every `BackupDb` share. */
import { Effect, TestClock } from "effect"
import type { PublicKey, Route, TowerId } from "../../../src/schema/Ids.js"
import * as Policy from "../../../src/schema/Policy.js"
import * as Standing from "../../../src/schema/Standing.js"
import type { BackupId, BoundUpdate } from "../../../src/schema/StoredBackup.js"
import type { Tower } from "../../../src/schema/Tower.js"
import { BackupDb } from "../../../src/services/BackupDb.js"
import { ClientDb } from "../../../src/services/ClientDb.js"
import { Elapse } from "../ClientDb/contract.js"
import { address, identity, publicKey, session, start } from "../ClientDb/samples.js"
import { backup, channel, long, sender } from "./samples.js"

/** Declares a case; its database is new. */
export type Test = <A, E>(title: string, body: Effect.Effect<A, E, BackupDb | ClientDb | Elapse>) => void

/** What a test looks at of a window. */
export const numbersOf = (window: ReadonlyArray<BoundUpdate>) =>
  window.map(({ commitHeight, seqNum }) => [seqNum, Number(commitHeight)])

/** Adds a tower. */
export const addTower = (clients: ClientDb.Service, n: number) => clients.createTower(publicKey(n), address(n))

/** Stores a session of a tower. */
export const addSession = (clients: ClientDb.Service, tower: Tower, of: Policy.Policy = long, route: Route = "clear") =>
  Effect.gen(function* () {
    const held = yield* clients.nextSessionKeyIndex(tower.id, of.blobType, route)
    const stored = session(tower, held, { policy: of })
    yield* clients.createClientSession(stored, held, {
      towerId: tower.id,
      blobType: of.blobType,
      policyKey: Policy.keyOf(of),
      standing: Standing.initial
    })
    return stored
  })

/** No session has failed for so long. */
export const never = 0

/** A database with channel 1, two towers with a session each, and us as the sender. */
export const scene = Effect.gen(function* () {
  yield* TestClock.setTime(start)
  const clients = yield* ClientDb
  const db = yield* BackupDb
  yield* clients.bindIdentity(identity)
  yield* db.registerChannel(channel(1))
  const [one, two] = [yield* addTower(clients, 1), yield* addTower(clients, 2)]
  const [first, second] = [yield* addSession(clients, one), yield* addSession(clients, two)]
  yield* db.takeSenderLease(sender)

  const needs = (
    towers: ReadonlyArray<Tower>,
    serving: ReadonlyArray<Tower> = [],
    {
      after,
      route = "clear",
      stalledSince = never
    }: { readonly after?: BackupId | undefined; readonly route?: Route; readonly stalledSince?: number } = {}
  ) =>
    db.towerNeeds({
      policyKey: Policy.keyOf(long),
      route,
      serving: serving.map(({ id }) => id),
      towers: towers.map(({ id: towerId }) => ({ towerId, after })),
      stalledSince
    })

  return {
    db,
    clients,
    one,
    two,
    first,
    second,
    elapse: yield* Elapse,
    /** Hands in states of channel 1. */
    hand: (heights: ReadonlyArray<number>, options: Parameters<typeof backup>[2] = {}) =>
      Effect.forEach(heights, (at) => db.addBackup(backup(1, at, options)), { discard: true }),
    window: ({ keyIndex }: typeof first, request: Partial<BackupDb.WindowRequest> = {}) =>
      db.nextWindow(sender, keyIndex, { acked: 0, limit: 32, route: "clear", stalledSince: never, ...request }),
    needs,
    /** The towers that are useful, by the oldest state that they could take. */
    useful: (...asked: Parameters<typeof needs>) =>
      Effect.map(needs(...asked), (found) =>
        found.flatMap(
          ({ first, towerId }): ReadonlyArray<readonly [TowerId, number]> =>
            first === undefined ? [] : [[towerId, first]]
        )
      ),
    remove: (tower: { readonly publicKey: PublicKey }) => clients.removeTower(tower.publicKey)
  }
})

/** Wrappers of a database: around all calls, and such that record what it holds and what is asked of it. */
import { Effect } from "effect"
import * as FixedKeyRing from "../../../src/layers/testing/FixedKeyRing.js"
import type { DbError } from "../../../src/schema/DbError.js"
import type { KeyIndex, PublicKey, SessionId, TowerId } from "../../../src/schema/Ids.js"
import type { ClientDb } from "../../../src/services/ClientDb.js"
import { familyTowerSession } from "../../../src/services/KeyRing.js"

/** What is put around a call. */
export type Around = <A, E>(operation: string, call: Effect.Effect<A, E>) => Effect.Effect<A, E | DbError>

/** Puts something around each call that a negotiator and its candidates make. */
export const around = (db: ClientDb.Service, wrap: Around): ClientDb.Service => ({
  ...db,
  bindIdentity: (identity) => wrap("bindIdentity", db.bindIdentity(identity)),
  createTower: (...args) => wrap("createTower", db.createTower(...args)),
  removeTower: (...args) => wrap("removeTower", db.removeTower(...args)),
  deactivateTower: (...args) => wrap("deactivateTower", db.deactivateTower(...args)),
  listTowers: wrap("listTowers", db.listTowers),
  nextSessionKeyIndex: (...args) => wrap("nextSessionKeyIndex", db.nextSessionKeyIndex(...args)),
  freeSessionKeyIndex: (...args) => wrap("freeSessionKeyIndex", db.freeSessionKeyIndex(...args)),
  createClientSession: (...args) => wrap("createClientSession", db.createClientSession(...args)),
  loadStandings: (...args) => wrap("loadStandings", db.loadStandings(...args)),
  saveStanding: (update) => wrap("saveStanding", db.saveStanding(update))
})

export interface Records {
  /** Goes around the database itself, so that what a failing wrapper around it hides is recorded all the same. */
  readonly wrap: (db: ClientDb.Service) => ClientDb.Service
  readonly stored: ReadonlySet<SessionId>
  /** The keys that are reserved for a tower, free or held. */
  readonly reserved: (tower: TowerId) => ReadonlySet<PublicKey>
}

const keyOf = (index: KeyIndex): PublicKey => FixedKeyRing.fakeKeyOf({ family: familyTowerSession, index })

export const records = (): Records => {
  const stored = new Set<SessionId>()
  const reservations = new Map<TowerId, Set<PublicKey>>()
  const reserved = (tower: TowerId): Set<PublicKey> => {
    const known = reservations.get(tower) ?? new Set()
    reservations.set(tower, known)
    return known
  }
  return {
    stored,
    reserved,
    wrap: (db) => ({
      ...db,
      nextSessionKeyIndex: (towerId, blobType, route, options) =>
        Effect.map(db.nextSessionKeyIndex(towerId, blobType, route, options), (reservation) => {
          const used = options?.forceNext?.keyIndex
          if (used !== undefined) reserved(towerId).delete(keyOf(used))
          reserved(towerId).add(keyOf(reservation.keyIndex))
          return reservation
        }),
      freeSessionKeyIndex: (reservation, options) =>
        Effect.map(db.freeSessionKeyIndex(reservation, options), () => {
          if (options.outcome._tag === "end") reserved(reservation.towerId).delete(keyOf(reservation.keyIndex))
        }),
      createClientSession: (session, reservation, update) =>
        Effect.map(db.createClientSession(session, reservation, update), () => {
          stored.add(session.id)
          reserved(session.towerId).delete(keyOf(session.keyIndex))
        })
    })
  }
}

export interface Calls {
  /** Goes around what the negotiator calls, faults included. */
  readonly wrap: (db: ClientDb.Service) => ClientDb.Service
  /** How many calls are in progress. */
  readonly inProgress: () => number
  /** When the last call ended, by the monotonic clock. */
  readonly lastEnd: () => number
  /** The most sessions that were being stored at the same time. */
  readonly mostStores: () => number
}

/** `now` is the monotonic clock. */
export const calls = (now: () => number): Calls => {
  const inProgress: Array<string> = []
  let lastEnd = Number.NEGATIVE_INFINITY
  let mostStores = 0
  const begin = (operation: string) => {
    inProgress.push(operation)
    mostStores = Math.max(mostStores, inProgress.filter((one) => one === "createClientSession").length)
  }
  const end = (operation: string) => {
    inProgress.splice(inProgress.indexOf(operation), 1)
    lastEnd = now()
  }
  const noted: Around = (operation, call) =>
    Effect.suspend(() => {
      begin(operation)
      return Effect.ensuring(
        call,
        Effect.sync(() => end(operation))
      )
    })
  return {
    wrap: (db) => around(db, noted),
    inProgress: () => inProgress.length,
    lastEnd: () => lastEnd,
    mostStores: () => mostStores
  }
}

/**
 * A database in memory that fails now and then, and for minutes on end in outages; and the books of what it holds, for the
 * checks: which keys are reserved, which sessions are stored.
 */
import { Effect } from "effect"
import * as FixedKeyRing from "../../src/layers/testing/FixedKeyRing.js"
import type { ClientSession } from "../../src/schema/ClientSession.js"
import { DatabaseBusy, DatabaseUnavailable, type DbError, StoreOutcomeUnknown } from "../../src/schema/DbError.js"
import type { KeyIndex, PublicKey, SessionId, TowerId } from "../../src/schema/Ids.js"
import type { ClientDb } from "../../src/services/ClientDb.js"
import { familyTowerSession } from "../../src/services/KeyRing.js"
import type { Chance } from "./chance.js"

export interface FaultyDb {
  readonly service: ClientDb.Service
  readonly stored: ReadonlyMap<SessionId, ClientSession>
  /** The keys that are reserved for a tower, free or held. */
  readonly reserved: (tower: TowerId) => ReadonlySet<PublicKey>
  /** All operations fail until it is over. */
  outage: boolean
}

/** No operation takes longer, in milliseconds: the adapter's `storeTimeout`. */
export const slowest = 5_000

const keyOf = (index: KeyIndex): PublicKey => FixedKeyRing.fakeKeyOf({ family: familyTowerSession, index })

/** `onFault` is called for each failure and each slow answer. */
export const make = (inner: ClientDb.Service, chance: Chance, onFault: () => void): FaultyDb => {
  const stored = new Map<SessionId, ClientSession>()
  const reservations = new Map<TowerId, Set<PublicKey>>()
  const reserved = (tower: TowerId): Set<PublicKey> => {
    const known = reservations.get(tower) ?? new Set()
    reservations.set(tower, known)
    return known
  }

  const faulty = <A, E>(operation: string, effect: Effect.Effect<A, E>): Effect.Effect<A, E | DbError> =>
    Effect.suspend((): Effect.Effect<A, E | DbError> => {
      const fails = self.outage || chance.oneIn(500)
      const isSlow = chance.oneIn(2_000)
      if (fails || isSlow) onFault()
      const answer: Effect.Effect<A, E | DbError> = !fails
        ? effect
        : Effect.fail(
            chance.oneIn(2)
              ? new DatabaseBusy({ operation })
              : new DatabaseUnavailable({ operation, detail: "simulated" })
          )
      if (isSlow) return Effect.delay(answer, chance.between(1_000, slowest))
      return chance.oneIn(20) ? Effect.delay(answer, chance.between(1, 100)) : answer
    })

  const service: ClientDb.Service = {
    ...inner,
    bindIdentity: (identity) => faulty("bindIdentity", inner.bindIdentity(identity)),
    createTower: (publicKey, address) => faulty("createTower", inner.createTower(publicKey, address)),
    removeTower: (publicKey, address) => faulty("removeTower", inner.removeTower(publicKey, address)),
    listTowers: faulty("listTowers", inner.listTowers),
    nextSessionKeyIndex: (towerId, blobType, route, options) =>
      faulty(
        "nextSessionKeyIndex",
        Effect.map(inner.nextSessionKeyIndex(towerId, blobType, route, options), (reservation) => {
          const used = options?.forceNext?.keyIndex
          if (used !== undefined) reserved(towerId).delete(keyOf(used))
          reserved(towerId).add(keyOf(reservation.keyIndex))
          return reservation
        })
      ),
    freeSessionKeyIndex: (reservation, options) =>
      faulty(
        "freeSessionKeyIndex",
        Effect.map(inner.freeSessionKeyIndex(reservation, options), () => {
          if (options.outcome._tag === "end") reserved(reservation.towerId).delete(keyOf(reservation.keyIndex))
        })
      ),
    createClientSession: (session, reservation, update) =>
      Effect.flatMap(
        faulty(
          "createClientSession",
          Effect.map(inner.createClientSession(session, reservation, update), () => {
            stored.set(session.id, session)
            reserved(session.towerId).delete(keyOf(session.keyIndex))
          })
        ),
        () => {
          if (!chance.oneIn(2_000)) return Effect.void
          onFault()
          return Effect.fail(new StoreOutcomeUnknown({ id: session.id }))
        }
      ),
    loadStandings: (blobType, policyKey) => faulty("loadStandings", inner.loadStandings(blobType, policyKey)),
    saveStanding: (update) => faulty("saveStanding", inner.saveStanding(update))
  }
  const self: FaultyDb = { service, stored, reserved, outage: false }
  return self
}

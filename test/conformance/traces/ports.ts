/** The scripted database and key ring of the recorded runs. */
import { Effect } from "effect"
import * as FixedKeyRing from "../../../src/layers/testing/FixedKeyRing.js"
import {
  ClientSessionAlreadyExists,
  DatabaseUnavailable,
  IncorrectKeyIndex,
  NoReservedKeyIndex,
  type StoreError
} from "../../../src/schema/DbError.js"
import { KeyIndex, LeaseToken, type SessionId, type TowerId } from "../../../src/schema/Ids.js"
import { KeyRingError } from "../../../src/schema/KeyRingError.js"
import { Reservation } from "../../../src/schema/Reservation.js"
import type { ClientDb } from "../../../src/services/ClientDb.js"
import type { KeyRing } from "../../../src/services/KeyRing.js"
import type { Scenario } from "./file.js"
import type { Recorder } from "./recorder.js"

/** Answers true that number of times, and false from then on. */
const times = (count: number) => {
  let left = count
  return () => left-- > 0
}

const unused = Effect.dieMessage("the negotiator does not ask the database for this")

const failure = (operation: string) => new DatabaseUnavailable({ operation, detail: "the script says so" })

/** Indexes 1, 2, 3, ...; one reservation for a (tower, blob type), kept until a session is stored for it. */
export const database = (scenario: Scenario, { note }: Recorder): ClientDb.Service => {
  const reserved = new Map<string, number>()
  const stored = new Set<SessionId>()
  const failsToStore = times(scenario.persistFailures)
  const failsToReserve = new Map(
    Object.entries(scenario.keyIndexFailures).map(([tower, count]) => [Number(tower), times(count)])
  )
  let last = 0

  const tripleOf = (tower: TowerId, blobType: number) => `${tower}/${blobType}`

  const store = (session: Parameters<ClientDb.Service["createClientSession"]>[0]): StoreError | undefined => {
    const { id, keyIndex, policy, towerId } = session
    const triple = tripleOf(towerId, policy.blobType)
    if (failsToStore()) return failure("createClientSession")
    if (stored.has(id)) return new ClientSessionAlreadyExists({ id })
    if (!reserved.has(triple)) return new NoReservedKeyIndex({ towerId })
    if (reserved.get(triple) !== keyIndex) return new IncorrectKeyIndex({ towerId, keyIndex })
    reserved.delete(triple)
    stored.add(id)
    return undefined
  }

  return {
    bindIdentity: () => Effect.void,
    nextSessionKeyIndex: (towerId, blobType, route) =>
      Effect.suspend(() => {
        if (failsToReserve.get(towerId)?.()) {
          const noted = note({ op: "reserve", tower: towerId, error: true })
          return Effect.andThen(noted, Effect.fail(failure("nextSessionKeyIndex")))
        }
        const triple = tripleOf(towerId, blobType)
        const keyIndex = KeyIndex.make(reserved.get(triple) ?? ++last)
        reserved.set(triple, keyIndex)
        // The reference knows no leases: this one outlasts every run.
        const forMs = Number.MAX_SAFE_INTEGER
        const lease = LeaseToken.make("held")
        return Effect.as(
          note({ op: "reserve", tower: towerId, index: keyIndex }),
          new Reservation({ keyIndex, towerId, blobType, route, lease, since: 0, forMs })
        )
      }),
    freeSessionKeyIndex: () => Effect.void,
    createClientSession: (session) =>
      Effect.suspend(() => {
        const error = store(session)
        const place = { op: "persist", tower: session.towerId, index: session.keyIndex }
        if (error !== undefined) return Effect.andThen(note({ ...place, error: true }), Effect.fail(error))
        return note({
          ...place,
          blobType: session.policy.blobType,
          maxUpdates: session.policy.maxUpdates,
          reward: session.rewardPkScript,
          seqNum: session.seqNum,
          lastApplied: session.towerLastApplied
        })
      }),
    loadStandings: () => Effect.succeed(new Map()),
    saveStanding: () => Effect.void,
    createTower: () => unused,
    removeTower: () => unused,
    deactivateTower: () => unused,
    loadTower: () => unused,
    loadTowerById: () => unused,
    listTowers: unused,
    listClientSessions: () => unused,
    countClientSessions: unused,
    skipSessionKeys: () => unused
  }
}

/** The fixed keys; no test computes with them. */
export const keyRing = (scenario: Scenario, { note }: Recorder): KeyRing.Service => {
  const fails = times(scenario.deriveFailures)
  return {
    layout: FixedKeyRing.make.layout,
    deriveKey: (locator) =>
      Effect.suspend(() => {
        // Index 0 is ours: `bindIdentity` asks for it when the negotiator is made.
        if (locator.index === 0) return FixedKeyRing.make.deriveKey(locator)
        if (!fails()) return Effect.andThen(note({ op: "derive", ...locator }), FixedKeyRing.make.deriveKey(locator))
        const error = new KeyRingError({ operation: "deriveKey", detail: "the script says so" })
        return Effect.andThen(note({ op: "derive", ...locator, error: true }), Effect.fail(error))
      }),
    ecdh: FixedKeyRing.makeFake.ecdh
  }
}

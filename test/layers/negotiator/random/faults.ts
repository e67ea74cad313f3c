/** A database and a key ring that are slow and fail as a plan says, until all is well. */
import { Effect } from "effect"
import { DatabaseUnavailable, StoreOutcomeUnknown } from "../../../../src/schema/DbError.js"
import { KeyRingError } from "../../../../src/schema/KeyRingError.js"
import type { ClientDb } from "../../../../src/services/ClientDb.js"
import type { KeyRing } from "../../../../src/services/KeyRing.js"
import { type Around, around } from "../../../guarantees/negotiator/database.js"
import type { Fault } from "./plan.js"

export interface Faults {
  readonly db: (db: ClientDb.Service) => ClientDb.Service
  readonly keyRing: (keyRing: KeyRing.Service) => KeyRing.Service
  /** From now on calls are counted and faults happen; before and afterwards all is well. */
  readonly begin: () => void
  readonly end: () => void
  /** The longest that a call takes, in milliseconds. */
  readonly slowest: number
}

export const make = (faults: ReadonlyArray<Fault>): Faults => {
  const counts = new Map<string, number>()
  let active = false

  const faultOf = (operation: string): Fault | undefined => {
    if (!active) return undefined
    const count = (counts.get(operation) ?? 0) + 1
    counts.set(operation, count)
    return faults.find((fault) => fault.operation === operation && fault.from <= count && count <= fault.to)
  }

  const faulty = <A, E, F>(operation: string, call: Effect.Effect<A, E>, failure: () => F): Effect.Effect<A, E | F> =>
    Effect.suspend((): Effect.Effect<A, E | F> => {
      const fault = faultOf(operation)
      if (fault === undefined) return call
      const fail = Effect.suspend(() => Effect.fail(failure()))
      const pause = fault.takes === null ? Effect.async<void>(() => {}) : Effect.sleep(fault.takes)
      const late = <B, G>(effect: Effect.Effect<B, G>) => (fault.takes === 0 ? effect : Effect.andThen(pause, effect))
      switch (fault.outcome) {
        case "well":
          return late(call)
        case "fails":
          return late(fail)
        case "failsAfterwards":
          return Effect.andThen(late(call), fail)
      }
    })

  const ofRing = <A>(operation: "deriveKey" | "ecdh", call: Effect.Effect<A, KeyRingError>) =>
    faulty(operation, call, () => new KeyRingError({ operation, detail: "broken on purpose" }))
  const ofDb: Around = (operation, call) =>
    faulty(operation, call, () => new DatabaseUnavailable({ operation, detail: "broken on purpose" }))

  return {
    db: (db) => ({
      ...around(db, ofDb),
      createClientSession: (session, ...rest) =>
        faulty(
          "createClientSession",
          db.createClientSession(session, ...rest),
          () => new StoreOutcomeUnknown({ id: session.id })
        )
    }),
    keyRing: (ring) => ({
      ...ring,
      deriveKey: (locator) => ofRing("deriveKey", ring.deriveKey(locator)),
      ecdh: (locator, point) => ofRing("ecdh", ring.ecdh(locator, point))
    }),
    begin: () => {
      active = true
    },
    end: () => {
      active = false
    },
    slowest: Math.max(0, ...faults.map(({ takes }) => takes ?? 0))
  }
}

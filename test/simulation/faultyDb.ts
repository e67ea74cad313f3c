/** A database that fails now and then, and for minutes on end in outages. */
import { Effect } from "effect"
import { DatabaseBusy, DatabaseUnavailable, type DbError, StoreOutcomeUnknown } from "../../src/schema/DbError.js"
import type { ClientDb } from "../../src/services/ClientDb.js"
import { around } from "../guarantees/negotiator/database.js"
import type { Chance } from "./chance.js"

export interface FaultyDb {
  readonly service: ClientDb.Service
  /** All operations fail until it is over. */
  outage: boolean
}

/** No operation takes longer, in milliseconds: the adapter's `storeTimeout`. */
export const slowest = 5_000

/** `onFault` is called for each failure and each slow answer. */
export const make = (inner: ClientDb.Service, chance: Chance, onFault: () => void): FaultyDb => {
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
    ...around(inner, faulty),
    createClientSession: (session, ...rest) =>
      Effect.flatMap(faulty("createClientSession", inner.createClientSession(session, ...rest)), () => {
        if (!chance.oneIn(2_000)) return Effect.void
        onFault()
        return Effect.fail(new StoreOutcomeUnknown({ id: session.id }))
      })
  }
  const self: FaultyDb = { service, outage: false }
  return self
}

/** A database and a key ring that are slow and fail as their world says. */
import { Effect } from "effect"
import { DatabaseBusy, DatabaseUnavailable, type DbError, StoreOutcomeUnknown } from "../../../src/schema/DbError.js"
import { KeyRingError } from "../../../src/schema/KeyRingError.js"
import type { ClientDb } from "../../../src/services/ClientDb.js"
import type { KeyRing } from "../../../src/services/KeyRing.js"
import { around } from "../../guarantees/negotiator/database.js"

/** A call ends `takes` milliseconds later (null: never): well, without effect, or in failure although it had its effect. */
export interface Fault {
  readonly takes: number | null
  readonly outcome: "well" | "busy" | "fails" | "unknown" | "failsAfterwards"
}

/** The fault of a call that is about to be made. */
export type NextFault = (operation: string) => Fault | undefined

const faulty = <A, E, F>(call: Effect.Effect<A, E>, fault: Fault | undefined, failure: F): Effect.Effect<A, E | F> => {
  if (fault === undefined) return call
  const { outcome, takes } = fault
  const result: Effect.Effect<A, E | F> =
    outcome === "well"
      ? call
      : outcome === "failsAfterwards"
        ? Effect.zipRight(call, Effect.fail(failure))
        : Effect.fail(failure)
  if (takes === 0) return result
  return Effect.zipRight(takes === null ? Effect.async<void>(() => {}) : Effect.sleep(takes), result)
}

const detail = "broken on purpose"

const failure = (operation: string, fault: Fault | undefined): DbError =>
  fault?.outcome === "busy" ? new DatabaseBusy({ operation }) : new DatabaseUnavailable({ operation, detail })

/** The failure of a store whose outcome is "unknown", or that fails afterwards, does not say whether it had its effect. */
export const db = (inner: ClientDb.Service, nextFault: NextFault): ClientDb.Service => ({
  ...around(inner, (operation, call) =>
    Effect.suspend(() => {
      const fault = nextFault(operation)
      return faulty(call, fault, failure(operation, fault))
    })
  ),
  createClientSession: (session, ...rest) =>
    Effect.suspend(() => {
      const fault = nextFault("createClientSession")
      const isUnknown = fault?.outcome === "unknown" || fault?.outcome === "failsAfterwards"
      const outcomeUnknown = new StoreOutcomeUnknown({ id: session.id })
      const store = inner.createClientSession(session, ...rest)
      return faulty(store, fault, isUnknown ? outcomeUnknown : failure("createClientSession", fault))
    })
})

export const keyRing = (inner: KeyRing.Service, nextFault: NextFault): KeyRing.Service => {
  const ring = <A>(operation: "deriveKey" | "ecdh", call: Effect.Effect<A, KeyRingError>) =>
    Effect.suspend(() => faulty(call, nextFault(operation), new KeyRingError({ operation, detail })))
  return {
    ...inner,
    deriveKey: (locator) => ring("deriveKey", inner.deriveKey(locator)),
    ecdh: (locator, point) => ring("ecdh", inner.ecdh(locator, point))
  }
}

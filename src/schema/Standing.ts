/**
 * What is known about a tower (docs/negotiation.md, Standings): the last outcomes of its addresses, failed visits in a
 * row, last visit, last session, quarantine, and the counts behind the statistics. It orders the candidates; only
 * quarantine blocks a tower.
 *
 * @since 0.1.0
 * @module
 */
import * as Record from "effect/Record"
import * as Schema from "effect/Schema"
import * as Struct from "effect/Struct"
import { Instant } from "./Ids.js"
import { PermanentReason } from "./NegotiationError.js"

/**
 * The last outcomes of one address. `failures` counts those in a row.
 *
 * @since 0.1.0
 * @category models
 */
export const AddressOutcome = Schema.Struct({
  lastSuccess: Schema.optional(Instant),
  lastFailure: Schema.optional(Instant),
  failures: Schema.Int.pipe(Schema.nonNegative())
})
/** @since 0.1.0 @category models */
export type AddressOutcome = typeof AddressOutcome.Type

/** A tower refused a policy for good: since when, and why. @since 0.1.0 @category models */
export const Quarantine = Schema.Struct({ since: Instant, reason: PermanentReason })
/** @since 0.1.0 @category models */
export type Quarantine = typeof Quarantine.Type

/**
 * The standing of one tower for one blob type and policy. `addresses` is keyed by `TowerAddress`; `failuresByKind` by the
 * tag of the failure; `attempts` counts connections, `sessions` stored sessions.
 *
 * @since 0.1.0
 * @category models
 */
export const Standing = Schema.Struct({
  failedVisits: Schema.Int.pipe(Schema.nonNegative()),
  lastVisit: Schema.optional(Instant),
  lastSession: Schema.optional(Instant),
  quarantine: Schema.optional(Quarantine),
  addresses: Schema.Record({ key: Schema.String, value: AddressOutcome }),
  attempts: Schema.Int.pipe(Schema.nonNegative()),
  sessions: Schema.Int.pipe(Schema.nonNegative()),
  failuresByKind: Schema.Record({ key: Schema.String, value: Schema.Int })
})
/** @since 0.1.0 @category models */
export type Standing = typeof Standing.Type

/** The standing of a tower that was never visited. @since 0.1.0 @category models */
export const initial: Standing = {
  failedVisits: 0,
  addresses: {},
  attempts: 0,
  sessions: 0,
  failuresByKind: {}
}

/**
 * The standing with every instant that lies after `now` set to `now`, for a wall clock that went back (docs/negotiation.md,
 * Time). The same object when there is none.
 *
 * @since 0.1.0
 * @category combinators
 */
export const notAfter = (standing: Standing, now: Instant): Standing => {
  if (!liesAhead(standing, now)) return standing
  const cap = (instant: Instant | undefined) => (instant === undefined ? undefined : Math.min(instant, now))
  return Struct.evolve(standing, {
    lastVisit: cap,
    lastSession: cap,
    quarantine: (quarantine) => quarantine && { ...quarantine, since: Math.min(quarantine.since, now) },
    addresses: Record.map((outcome: AddressOutcome) => Struct.evolve(outcome, { lastSuccess: cap, lastFailure: cap }))
  })
}

/** Does anything in it lie in the future? Asked for every tower in each round, so it makes no copies. */
const liesAhead = (standing: Standing, now: Instant): boolean => {
  const ahead = (instant: Instant | undefined) => instant !== undefined && instant > now
  return (
    ahead(standing.lastVisit) ||
    ahead(standing.lastSession) ||
    ahead(standing.quarantine?.since) ||
    Object.values(standing.addresses).some(({ lastSuccess, lastFailure }) => ahead(lastSuccess) || ahead(lastFailure))
  )
}

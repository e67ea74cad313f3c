/**
 * What the parts of one visit share.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type { Instant, PublicKey } from "../../schema/Ids.js"
import { type AttemptFailure, FailedAttempt, OwnTimeout, VisitTimeout } from "../../schema/NegotiationError.js"
import { Happening, type Step, type TowerRef } from "../../schema/NegotiatorEvent.js"
import type { Reservation } from "../../schema/Reservation.js"
import type { Standing } from "../../schema/Standing.js"
import type { Tower } from "../../schema/Tower.js"
import type { TowerAddress } from "../../schema/TowerAddress.js"
import type { Environment } from "./environment.js"
import type { Race } from "./race.js"
import * as Standings from "./standing.js"

/** A held reservation, and both clocks as they stood before it was taken. @since 0.1.0 @category models */
export interface Lease {
  readonly reservation: Reservation
  readonly wall: Instant
  readonly monotonic: bigint
}

/** A held key: its reservation and its public half. @since 0.1.0 @category models */
export interface HeldKey extends Lease {
  readonly publicKey: PublicKey
}

/** One visit: what is fixed, and what changes while it goes on. @since 0.1.0 @category models */
export interface Visit {
  readonly env: Environment
  readonly race: Race
  readonly tower: Tower
  readonly ref: TowerRef
  /** Its number in the race. */
  readonly began: number
  readonly addresses: ReadonlyArray<TowerAddress>
  readonly failures: Array<FailedAttempt>
  /** Whom it waits for: it is their failure when the deadline comes. */
  waitingFor: "tower" | "database" | "key ring"
  /** Whom it waited for when its deadline came. */
  overdueBy: Visit["waitingFor"] | undefined
  step: Step
  lease: Lease | undefined
  /** How many keys were taken. */
  keys: number
  /** Undefined: the held key was not shown. Else it may be shown again from that instant on (monotonic). */
  shownUntil: number | undefined
  /** The held key was used before and is never used again. */
  keyIsUsed: boolean
}

/** Why a visit was cut short, which is neither a success nor a failure. @since 0.1.0 @category models */
export class Cut extends Data.TaggedError("Cut")<{
  readonly by: "removal" | "rival" | "interruption"
  /** The address and the number of the attempt that was cut. */
  readonly attempt?: { readonly address: TowerAddress; readonly began: number }
}> {}

/** Tells that the visit is at a step, and at which address. @since 0.1.0 @category combinators */
export const enter = (visit: Visit, step: Step, address?: TowerAddress): void => {
  visit.step = step
  visit.env.journal.tell(Happening.StepStarted({ ...visit.ref, step, address }))
}

/** Notes a failure: of an address, or of the visit as a whole. @since 0.1.0 @category combinators */
export const note = (visit: Visit, failure: AttemptFailure, address?: TowerAddress): void => {
  // Unchecked: all its parts are values of their types, and a failure is the most expensive of all to check again.
  visit.failures.push(new FailedAttempt({ ...visit.ref, address, failure }, { disableValidation: true }))
  visit.env.journal.tell(Happening.AttemptFailed({ ...visit.ref, address, failure }))
}

/** Changes the tower's standing in memory. @since 0.1.0 @category combinators */
export const restand = (visit: Visit, change: (standing: Standing) => Standing): void =>
  visit.env.book.set(visit.tower.id, change(visit.env.book.get(visit.tower.id)))

/** An attempt failed, at this instant: its address is noted, and bears the blame where the rules say so. @since 0.1.0 @category combinators */
export const noteFailedAttempt = (visit: Visit, failure: AttemptFailure, address: TowerAddress, now: Instant): void => {
  const { blames } = visit.env.rules.judge(failure)
  note(visit, failure, address)
  restand(visit, (standing) =>
    Standings.attemptFailed(standing, failure, blames === "address" ? address : undefined, now)
  )
}

/**
 * Something that is cut by the visit's deadline, which is the failure of whoever it waited for, and by the removal of the
 * tower or of the address that it is about. It does not begin where it would be cut at once.
 *
 * @since 0.1.0
 * @category combinators
 */
export const cuttable = <A, E>(
  visit: Visit,
  effect: Effect.Effect<A, E>,
  address?: TowerAddress
): Effect.Effect<A, E | Cut | VisitTimeout | OwnTimeout> => {
  const { candidates, pulse, rules } = visit.env
  if (!rules.limitsVisits && !rules.heedsRemovals) return effect
  return pulse.unless(effect, () => {
    if (rules.heedsRemovals && address !== undefined && candidates.isRemoved(visit.tower, address)) {
      return new Cut({ by: "removal" })
    }
    if (visit.overdueBy === undefined) return undefined
    return visit.overdueBy === "tower" ? new VisitTimeout() : new OwnTimeout({ waitingFor: visit.overdueBy })
  })
}

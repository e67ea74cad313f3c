/**
 * What is fixed during a visit, and what stops it: its deadline, the removal of its tower, or an interruption.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { OwnTimeout, VisitTimeout } from "../../schema/NegotiationError.js"
import { Happening, type Step, type TowerRef } from "../../schema/NegotiatorEvent.js"
import type { Tower } from "../../schema/Tower.js"
import type { TowerAddress } from "../../schema/TowerAddress.js"
import type { Alarm } from "../concurrency/alarm.js"
import { untilStopped } from "../concurrency/firstOf.js"
import type { Claim } from "./claim.js"
import type { Environment } from "./environment.js"

/** @since 0.1.0 @category models */
export interface Visit {
  readonly env: Environment
  readonly claim: Claim
  readonly tower: Tower
  readonly ref: TowerRef
  /** Its number in the round. */
  readonly began: number
  /** In the order of trial. */
  readonly addresses: ReadonlyArray<TowerAddress>
  readonly deadline: Deadline
}

/** When the visit's time is up. @since 0.1.0 @category models */
export interface Deadline {
  readonly isPassed: () => boolean
  /** Called in the step in which it passes; returns how to unregister. */
  readonly listen: (onPassed: () => void) => () => void
}

/** A deadline that passes after that many milliseconds, and how to call it off. @since 0.1.0 @category constructors */
export const deadlineAfter = (
  alarm: Alarm,
  millis: number
): { readonly deadline: Deadline; readonly callOff: () => void } => {
  const listeners = new Set<() => void>()
  let isPassed = false
  const callOff = alarm(millis, () => {
    isPassed = true
    for (const onPassed of listeners) onPassed()
  })
  return {
    deadline: {
      isPassed: () => isPassed,
      listen: (onPassed) => {
        listeners.add(onPassed)
        return () => listeners.delete(onPassed)
      }
    },
    callOff
  }
}

/** Whom a visit waits for: the deadline is their failure. @since 0.1.0 @category models */
export type WaitsFor = "tower" | "database" | "key ring"

/** Why a visit was stopped, which is neither a success nor a failure. @since 0.1.0 @category models */
export class Stopped extends Data.TaggedError("Stopped")<{
  readonly by: "removal" | "rival" | "interruption"
}> {}

/** Tells that the visit is at a step, and at which address. @since 0.1.0 @category combinators */
export const enter = ({ env, ref }: Visit, step: Step, address?: TowerAddress): void =>
  env.events.emit(Happening.StepStarted({ towerId: ref.towerId, tower: ref.tower, step, address }))

/** The failure of whom it waits for, if the visit's time is up. @since 0.1.0 @category combinators */
export const overdue = ({ deadline }: Visit, waitsFor: WaitsFor): VisitTimeout | OwnTimeout | undefined => {
  if (!deadline.isPassed()) return undefined
  return waitsFor === "tower" ? new VisitTimeout() : new OwnTimeout({ waitingFor: waitsFor })
}

/**
 * Something that may be stopped: it is interrupted then, and its end waited for. It does not begin if it would be stopped at
 * once. The first reason wins. `address` is what it is about: the removal of that address stops it too. `waitsFor` is asked
 * when the time is up.
 *
 * @since 0.1.0
 * @category combinators
 */
export const stoppable = <A, E, R>(
  visit: Visit,
  waitsFor: () => WaitsFor,
  effect: Effect.Effect<A, E, R>,
  address?: TowerAddress
): Effect.Effect<A, E | Stopped | VisitTimeout | OwnTimeout, R> => {
  const { candidates } = visit.env
  const reason = () =>
    address !== undefined && candidates.isRemoved(visit.tower, address)
      ? new Stopped({ by: "removal" })
      : overdue(visit, waitsFor())
  const listen = (stop: (reason: Stopped | VisitTimeout | OwnTimeout) => void) => {
    const look = () => {
      const now = reason()
      if (now !== undefined) stop(now)
    }
    const unlisten = candidates.listen(look)
    const unlistenDeadline = visit.deadline.listen(look)
    // A removal between the look below and this one would be missed.
    look()
    return () => {
      unlisten()
      unlistenDeadline()
    }
  }
  // The visit is uninterruptible: an interruption becomes a reason to stop, so that the visit can write down how it ended.
  return Effect.catchAllCause(
    Effect.interruptible(Effect.suspend(() => reason() ?? untilStopped(effect, listen))),
    (cause): Effect.Effect<never, E | Stopped | VisitTimeout | OwnTimeout> =>
      Cause.isInterruptedOnly(cause) ? new Stopped({ by: "interruption" }) : Effect.failCause(cause)
  )
}

/**
 * The status as a fold over the events (docs/negotiation.md, Status and events).
 *
 * @since 0.1.0
 */
import * as Equal from "effect/Equal"
import type { TowerId } from "../../schema/Ids.js"
import type { NegotiatorEvent } from "../../schema/NegotiatorEvent.js"
import { type AttemptStatus, NegotiatorState, type NegotiatorStatus } from "../../schema/NegotiatorStatus.js"

/**
 * The status, and what is behind it: whose round goes on, and what the loop does or waits for besides. A round of
 * `negotiate` hides the loop's state; when it has ended, that state is there again.
 *
 * @since 0.1.0
 * @category models
 */
export interface Fold {
  readonly status: NegotiatorStatus
  readonly loop: NegotiatorState
  readonly round: "loop" | "negotiate" | undefined
}

/** Before anything happened. @since 0.1.0 @category constructors */
export const initial: Fold = {
  status: { pending: 0, undelivered: 0, state: NegotiatorState.Idle() },
  loop: NegotiatorState.Idle(),
  round: undefined
}

// A dozen events of each session come here: written out, since to copy an object with a spread costs several times as much.
const withState = ({ loop, round, status: { pending, undelivered } }: Fold, state: NegotiatorState): Fold => ({
  status: { pending, undelivered, state },
  loop,
  round
})

/** Of a negotiator that a defect has ended nothing is shown but that: events of what it still had to finish come after it. */
const show = (fold: Fold, state: NegotiatorState): Fold =>
  fold.status.state._tag === "Stopped" ? fold : withState(fold, state)

const attempts = (
  fold: Fold,
  change: (attempts: ReadonlyArray<AttemptStatus>) => ReadonlyArray<AttemptStatus>
): Fold => {
  const { state } = fold.status
  return show(
    fold,
    NegotiatorState.Negotiating({ attempts: change(state._tag === "Negotiating" ? state.attempts : []) })
  )
}

const without = (fold: Fold, towerId: TowerId): Fold =>
  attempts(fold, (known) => known.filter((attempt) => attempt.towerId !== towerId))

/** Outside of rounds: what the loop does or waits for, or else that a session waits for its taker. */
const resting = (fold: Fold): Fold =>
  show(fold, fold.loop._tag === "Idle" && fold.status.undelivered > 0 ? NegotiatorState.Delivering() : fold.loop)

/** After an event of the loop itself; its own round is over then. */
const looping = (fold: Fold, loop: NegotiatorState): Fold =>
  fold.round === "negotiate" ? { ...fold, loop } : resting({ ...fold, loop, round: undefined })

// By hand: that of the Schema costs 70 us an event, since it validates both sides.
const isSameAttempt = (one: AttemptStatus, other: AttemptStatus | undefined): boolean =>
  one.towerId === other?.towerId &&
  one.address === other.address &&
  one.step === other.step &&
  one.since === other.since &&
  one.deadline === other.deadline

const isSameState = (one: NegotiatorState, other: NegotiatorState): boolean =>
  one._tag === "Negotiating" && other._tag === "Negotiating"
    ? one.attempts.length === other.attempts.length &&
      one.attempts.every((attempt, i) => isSameAttempt(attempt, other.attempts[i]))
    : Equal.equals(one, other)

const isSame = (one: NegotiatorStatus, other: NegotiatorStatus): boolean =>
  one.pending === other.pending && one.undelivered === other.undelivered && isSameState(one.state, other.state)

/** The fold after an event; the same status where the event does not change it. @since 0.1.0 @category combinators */
export const after = (fold: Fold, event: NegotiatorEvent): Fold => {
  const next = step(fold, event)
  const isChanged = next.status !== fold.status && !isSame(next.status, fold.status)
  return isChanged || next === fold ? next : { ...next, status: fold.status }
}

const step = (fold: Fold, { at, happening }: NegotiatorEvent): Fold => {
  switch (happening._tag) {
    case "Demand": {
      const { pending, undelivered } = happening
      const counted: Fold = { ...fold, status: { ...fold.status, pending, undelivered } }
      return fold.round === undefined ? resting(counted) : counted
    }
    case "RoundStarted":
      return attempts({ ...fold, round: happening.by }, () => [])
    case "VisitStarted": {
      const { towerId, tower, deadline } = happening
      return attempts(fold, (known) => [
        ...known,
        { towerId, tower, address: undefined, step: "reserving", since: at, deadline }
      ])
    }
    case "StepStarted": {
      const { towerId, step, address } = happening
      return attempts(fold, (known) =>
        known.map((attempt) => {
          if (attempt.towerId !== towerId) return attempt
          return { towerId, tower: attempt.tower, address, step, since: at, deadline: attempt.deadline }
        })
      )
    }
    case "VisitFailed":
    case "VisitInterrupted":
      return without(fold, happening.towerId)
    case "RoundEnded":
      // After a round of its own the loop says at once how it goes on.
      return fold.round === "negotiate" ? resting({ ...fold, round: undefined }) : attempts(fold, () => [])
    case "BackingOff": {
      const { until, attempt, failures } = happening
      return looping(fold, NegotiatorState.BackingOff({ until, attempt, failures }))
    }
    case "WaitingForCandidates":
      return looping(fold, NegotiatorState.WaitingForCandidates({ until: happening.until }))
    case "Delivering":
      return looping(fold, NegotiatorState.Delivering())
    case "Idle":
      return looping(fold, NegotiatorState.Idle())
    case "Stopped":
      return show(fold, NegotiatorState.Stopped({ cause: happening.cause }))
    case "KeyReserved":
    case "KeyShown":
    case "KeyUsed":
    case "RewardIgnored":
    case "AttemptFailed":
    case "Quarantined":
    case "SessionStored":
    case "SessionDelivered":
    case "Woken":
    case "WriteFailed":
      return fold
  }
}

/**
 * The status as a fold over the events (design 3).
 *
 * @since 0.1.0
 */
import type { TowerId } from "../../schema/Ids.js"
import type { NegotiatorEvent } from "../../schema/NegotiatorEvent.js"
import { type AttemptStatus, NegotiatorState, type NegotiatorStatus } from "../../schema/NegotiatorStatus.js"

/** Before anything happened. @since 0.1.0 @category constructors */
export const initial: NegotiatorStatus = { pending: 0, undelivered: 0, state: NegotiatorState.Idle() }

const attemptsOf = (status: NegotiatorStatus): ReadonlyArray<AttemptStatus> =>
  status.state._tag === "Negotiating" ? status.state.attempts : []

const negotiating = (status: NegotiatorStatus, attempts: ReadonlyArray<AttemptStatus>): NegotiatorStatus => ({
  ...status,
  state: NegotiatorState.Negotiating({ attempts })
})

const without = (status: NegotiatorStatus, towerId: TowerId): NegotiatorStatus =>
  negotiating(
    status,
    attemptsOf(status).filter((attempt) => attempt.towerId !== towerId)
  )

/** The status after an event; the same object where the event does not change it. @since 0.1.0 @category combinators */
export const after = (status: NegotiatorStatus, { at, happening }: NegotiatorEvent): NegotiatorStatus => {
  switch (happening._tag) {
    case "Demand":
      return { ...status, pending: happening.pending, undelivered: happening.undelivered }
    case "RoundStarted":
      return negotiating(status, [])
    case "VisitStarted": {
      const { towerId, tower, deadline } = happening
      return negotiating(status, [...attemptsOf(status), { towerId, tower, step: "reserving", since: at, deadline }])
    }
    case "StepStarted": {
      const { towerId, step, address } = happening
      const attempts = attemptsOf(status).map((attempt) =>
        attempt.towerId === towerId ? { ...attempt, step, address, since: at } : attempt
      )
      return negotiating(status, attempts)
    }
    case "VisitFailed":
    case "VisitInterrupted":
      return without(status, happening.towerId)
    case "BackingOff": {
      const { until, attempt, failures } = happening
      return { ...status, state: NegotiatorState.BackingOff({ until, attempt, failures }) }
    }
    case "WaitingForCandidates":
      return { ...status, state: NegotiatorState.WaitingForCandidates({ until: happening.until }) }
    case "Delivering":
      return { ...status, state: NegotiatorState.Delivering() }
    case "Idle":
      return { ...status, state: NegotiatorState.Idle() }
    case "KeyReserved":
    case "KeyShown":
    case "KeyUsed":
    case "RewardIgnored":
    case "AttemptFailed":
    case "Quarantined":
    case "SessionStored":
    case "RoundEnded":
    case "SessionDelivered":
    case "Woken":
    case "WriteFailed":
      return status
  }
}

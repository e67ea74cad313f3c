/**
 * G8 (docs/negotiation.md): the events are numbered without gaps, the status is the fold over them, and whenever time passes it
 * says what is being done or waited for, and until when. What is waited for comes: a caller that can be served is served.
 */
import { isDeepStrictEqual } from "node:util"
import * as Status from "../../../src/layers/negotiator/status.js"
import type { Context, Guarantee } from "./context.js"
import type { Progress } from "./progress.js"

export const make = (context: Context, progress: Progress): Guarantee => {
  const { callers, calls, candidates, clockSetAt, now, settings, violate, wall, yields } = context
  let number = 0
  let fold = Status.initial
  const check = (holds: boolean, otherwise: string) => {
    if (!holds) violate("G8", otherwise)
  }
  const isAskable = () => {
    for (const tower of candidates()) {
      const from = progress.askableFrom(tower)
      if (from !== undefined && from <= wall()) return true
    }
    return false
  }
  return {
    onEvent: (event) => {
      number += 1
      check(event.number === number, `event ${event.number} instead of ${number}`)
      fold = Status.after(fold, event)
      const { happening } = event
      if (happening._tag !== "WaitingForCandidates" && happening._tag !== "BackingOff") return
      const instants = [...candidates()].map(progress.askableFrom)
      // With many turns between the look at the candidates and the event, they may have changed.
      if (yields || instants.includes(undefined)) return
      const first = Math.min(...instants.map((instant) => instant ?? 0))
      if (happening._tag === "BackingOff") return check(first <= wall(), "backing off without a tower to ask")
      const until = Number.isFinite(first) ? first : undefined
      check(happening.until === until, `waiting for candidates until ${happening.until} instead of ${until}`)
      check(first > wall(), "waiting for candidates although there is one")
    },
    onPass: (next) => {
      const status = context.status()
      const { pending, state, undelivered } = status
      const running = progress.round()?.running.size
      check(isDeepStrictEqual(fold.status, status), "the status is not the fold over the events")
      check(!callers.isRequested() || pending + undelivered > 0, "a request is not in the status")
      check((running !== undefined) === (state._tag === "Negotiating"), `${state._tag} with ${running} visits`)
      // Ends are given by the wall clock: one that was set makes them wrong for as long as a wait or a visit may take.
      const isSteady = now() - clockSetAt() > Math.max(settings.maxBackoff, settings.visitTimeout)
      switch (state._tag) {
        case "Negotiating":
          check(running !== 0, "a round goes on without a visit")
          check(state.attempts.length === running, `${running} visits, and the status has ${state.attempts.length}`)
          for (const { deadline, step } of state.attempts) {
            const isOver = deadline !== undefined && deadline < wall() && isSteady
            // What a visit writes at its end is finished, and a tower is given time to hang up.
            check(!isOver || calls.inProgress() > 0 || step === "hangingUp", `a visit is over its deadline in ${step}`)
          }
          break
        case "BackingOff":
          check(state.until >= wall() || !isSteady, `backing off until ${state.until}, which is over`)
          break
        case "WaitingForCandidates":
          check(!isAskable(), "waiting for candidates although there is one")
          break
        case "Idle":
          check(pending === 0 || undelivered > 0, "idle while a request is pending")
          check(undelivered === 0, "idle while a session waits for its taker")
          break
        case "Delivering":
          check(undelivered > 0, "delivering nothing")
      }
      const since = callers.waitsSince()
      if (since === undefined || next - since <= callers.patience()) return
      violate("liveness", `a caller waits since ${since} and is not served: ${JSON.stringify(status)}`)
    }
  }
}

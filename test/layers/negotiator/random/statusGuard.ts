/**
 * G8 (docs/negotiation.md): the events are numbered without gaps, the status is the fold over them, and whenever time
 * passes it says truly what is done or waited for.
 */
import { isDeepStrictEqual } from "node:util"
import * as Status from "../../../../src/layers/negotiator/status.js"
import type { Guard, Scene } from "./guard.js"

export const make = ({ fail, status }: Scene): Guard => {
  let number = 0
  let fold = Status.initial
  let inRound = false
  let visits = 0
  return {
    hear: (event) => {
      if (event.number !== ++number) fail(`event ${event.number} instead of ${number}`)
      fold = Status.after(fold, event)
      const { happening } = event
      if (happening._tag === "RoundStarted") {
        inRound = true
        visits = 0
      } else if (happening._tag === "RoundEnded") inRound = false
      else if (happening._tag === "VisitStarted") visits += 1
      else if (happening._tag === "VisitFailed" || happening._tag === "VisitInterrupted") visits -= 1
    },
    pass: () => {
      if (!isDeepStrictEqual(fold.status, status())) fail("G8: the status is not the fold over the events")
      const { pending, state, undelivered } = status()
      const isRound = state._tag === "Negotiating"
      if (inRound && !isRound) fail(`G8: a round goes on, but the status is ${state._tag}`)
      if (isRound && !inRound) fail("G8: no round goes on, but the status is Negotiating")
      if (isRound && state.attempts.length !== visits) {
        fail(`G8: ${visits} visits go on, but the status tells of ${state.attempts.length}`)
      }
      if (isRound && visits === 0) fail("a round waits for nobody")
      if (inRound) return
      if (state._tag === "Idle" && pending > 0 && undelivered === 0) fail("G8: idle while a request is pending")
      if (state._tag === "Idle" && undelivered > 0) fail("G8: idle while a session waits for its taker")
      if (state._tag === "Delivering" && undelivered === 0) fail("G8: delivering nothing")
    }
  }
}

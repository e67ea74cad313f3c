/**
 * G5 (docs/negotiation.md): the waits of a negotiation are exactly min, 2 min, ... capped at max, unless an addition ends one, and
 * nothing else does.
 */

import type { Context, Guarantee } from "./context.js"

export const make = ({ additions, now, settings, status, violate }: Context): Guarantee => {
  const { maxBackoff, minBackoff } = settings
  let attempt = 0
  /** The end of the wait in progress, by the monotonic clock. */
  let sleepsUntil: number | undefined
  /** How many additions there were at the loop's last event, and at the one before its last round. */
  let atLastEvent = 0
  let beforeRound = 0

  const overBy = (event: string) => {
    if (sleepsUntil !== undefined && now() < sleepsUntil) violate("G5", `${event} before the wait is over`)
    sleepsUntil = undefined
  }
  return {
    onEvent: ({ at, happening }) => {
      switch (happening._tag) {
        case "BackingOff": {
          attempt += 1
          const wait = Math.min(minBackoff * 2 ** (attempt - 1), maxBackoff)
          if (happening.attempt !== attempt) violate("G5", `wait ${happening.attempt} instead of ${attempt}`)
          if (happening.until - at !== wait) {
            violate("G5", `wait ${attempt} is ${happening.until - at} ms instead of ${wait} ms`)
          }
          sleepsUntil = now() + wait
          break
        }
        case "Woken":
          if (additions.length === beforeRound) violate("G5", "woken without an addition")
          sleepsUntil = undefined
          break
        case "RoundStarted":
          if (happening.by === "negotiate") return
          overBy("a round begins")
          beforeRound = atLastEvent
          return
        case "Idle":
          overBy("idle")
          break
        case "Delivering":
          sleepsUntil = undefined
          attempt = 0
          break
        case "WaitingForCandidates":
          break
        default:
          return
      }
      atLastEvent = additions.length
    },
    onPass: (until) => {
      if (status().state._tag !== "BackingOff") return
      if (sleepsUntil === undefined) violate("G5", "backing off without a wait")
      else if (until > sleepsUntil) violate("G5", "the wait is longer than it should be")
    }
  }
}

/** G5 (docs/negotiation.md): the waits of a negotiation are exactly min, 2 min, ... capped at max, unless woken; who sleeps is woken by news only. */
import type { Guard, Scene } from "./guard.js"

export const make = ({ deeds, fail, now, plan, status }: Scene): Guard => {
  const { maxBackoff, minBackoff } = plan.settings
  let attempt = 0
  let sleepsUntil: number | undefined
  /** How much had been added when the loop last told what it does, and when it did so before its last round. */
  let heardBefore = 0
  let newsBefore = 0
  return {
    hear: ({ at, happening }) => {
      switch (happening._tag) {
        case "BackingOff": {
          attempt += 1
          const wait = Math.min(minBackoff * 2 ** (attempt - 1), maxBackoff)
          if (happening.attempt !== attempt) fail(`G5: attempt ${happening.attempt} instead of ${attempt}`)
          if (happening.until - at !== wait) fail(`G5: wait ${attempt} is ${happening.until - at} instead of ${wait}`)
          sleepsUntil = now() + wait
          heardBefore = deeds.additions.length
          return
        }
        case "Woken":
          if (deeds.additions.length === newsBefore) fail("G5: woken without news")
          sleepsUntil = undefined
          heardBefore = deeds.additions.length
          return
        case "RoundStarted":
          if (happening.by === "negotiate") return
          if (sleepsUntil !== undefined && now() < sleepsUntil) fail("G5: woke too early")
          sleepsUntil = undefined
          newsBefore = heardBefore
          return
        case "Idle":
          sleepsUntil = undefined
          heardBefore = deeds.additions.length
          return
        case "Delivering":
          sleepsUntil = undefined
          attempt = 0
          heardBefore = deeds.additions.length
          return
        case "WaitingForCandidates":
          heardBefore = deeds.additions.length
          return
        default:
          return
      }
    },
    pass: (until) => {
      if (status().state._tag !== "BackingOff") return
      if (sleepsUntil === undefined) fail("G5: backing off without a wait")
      else if (until > sleepsUntil) fail("G5: slept too long")
    }
  }
}

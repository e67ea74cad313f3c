/**
 * Rounds, visits and the claim: one round at a time; one visit at a time for a tower, each once a round; never more than
 * `maxHedged`; the claim held by one, and nobody started meanwhile; at most one session a round; no visit beyond its time.
 */
import type { PublicKey } from "../../../../src/schema/Ids.js"
import type { Guard, Scene } from "./guard.js"

export const make = ({ deeds, fail, now, plan, slowest, world }: Scene): Guard => {
  const { hangUpWait, maxHedged, visitTimeout } = plan.settings
  const running = new Map<PublicKey, number>()
  const visited = new Set<PublicKey>()
  let inRound = false
  let claimant: PublicKey | undefined
  let stored = false
  let seen = 0

  const over = (tower: PublicKey) => {
    if (!running.delete(tower)) fail("a visit ended that did not go on")
    if (claimant === tower) claimant = undefined
  }

  return {
    hear: ({ happening }) => {
      switch (happening._tag) {
        case "RoundStarted":
          if (inRound) fail("two rounds at once")
          inRound = true
          stored = false
          return
        case "RoundEnded":
          if (!inRound) fail("a round ended that did not go on")
          if (stored !== (happening.session !== undefined)) fail("the round does not know of its session")
          if (world().transport.open().length > 0) fail("G3: a connection outlives its round")
          inRound = false
          claimant = undefined
          running.clear()
          visited.clear()
          return
        case "VisitStarted": {
          const { tower } = happening
          if (!inRound) fail("a visit outside of a round")
          if (running.has(tower)) fail("two visits of one tower")
          if (visited.has(tower)) fail("a tower is visited twice in a round")
          if (claimant !== undefined) fail("a visit is started while the claim is held")
          if (stored) fail("a visit is started after the round has its session")
          running.set(tower, now())
          visited.add(tower)
          if (running.size > maxHedged) fail("more than maxHedged visits")
          return
        }
        case "StepStarted":
          if (!running.has(happening.tower)) fail("a step outside of a visit")
          if (happening.step !== "storing") return
          // With many turns between the end of a store and its event, the next one may have begun.
          if (claimant !== undefined && plan.yieldEvery === null) fail("the claim is held by two")
          claimant = happening.tower
          return
        case "SessionStored":
          if (stored) fail("two sessions in one round")
          if (claimant !== happening.session.towerPublicKey) fail("a session was stored without the claim")
          stored = true
          return
        case "AttemptFailed":
          if (claimant === happening.tower) claimant = undefined
          return
        case "VisitFailed":
        case "VisitInterrupted":
          return over(happening.tower)
        default:
          return
      }
    },
    pass: (until) => {
      const limit = visitTimeout + 2 * slowest + hangUpWait
      for (const began of running.values()) if (until - began > limit) fail("a visit goes on beyond its time")
      const { transport } = world()
      const open = transport.open()
      if (open.length > running.size) fail("G3: a connection outlives its visit")
      if (new Set(open.map((dial) => dial.tower)).size < open.length) fail("two connections to one tower")
      for (const { dial, rule } of transport.violations().slice(seen)) {
        // Reservations rest by the wall clock.
        if (rule !== "a shown key rests" || deeds.jumps === 0) fail(`G3: ${rule}: ${dial.address}`)
      }
      seen = transport.violations().length
    }
  }
}

/**
 * The rules of a round (docs/negotiation.md, A round): one at a time; in it each tower is visited once, at most `maxHedged` at
 * a time, each within its time; one visit at a time stores, and gives the round its only session; nothing goes on after it.
 */
import type { Context, Guarantee } from "./context.js"
import type { Progress } from "./progress.js"

export const make = ({ calls, settings, slowestCall, violate }: Context, progress: Progress): Guarantee => {
  const { hangUpWait, maxHedged, visitTimeout } = settings
  const longestVisit = visitTimeout + 2 * slowestCall + hangUpWait
  const check = (holds: boolean, otherwise: string) => {
    if (!holds) violate("round", otherwise)
  }
  return {
    onEvent: ({ happening }) => {
      const round = progress.round()
      switch (happening._tag) {
        case "RoundStarted":
          return check(round === undefined, "two rounds at once")
        case "RoundEnded": {
          if (round === undefined) return check(false, "a round ended that had not begun")
          check(round.isStored === (happening.session !== undefined), "the end of a round does not tell of its session")
          const rest = [...round.running.keys()].filter((tower) => !round.isStored || tower !== round.claimant)
          return check(rest.length === 0, "a round ended before one of its visits")
        }
        case "VisitStarted":
          if (round === undefined) return check(false, "a visit outside of a round")
          check(!round.visited.has(happening.tower), "a tower is visited twice in a round")
          check(round.claimant === undefined, "a visit is started while a session is being stored")
          check(!round.isStored, "a visit is started after the round has its session")
          return check(round.running.size < maxHedged, "more than maxHedged visits at once")
        case "StepStarted":
          check(round?.running.has(happening.tower) === true, "a step outside of a visit")
          if (happening.step !== "storing") return
          return check(round?.claimant === undefined, "two visits store at the same time")
        case "SessionStored":
          check(round?.isStored === false, "a second session in a round, or one outside of rounds")
          return check(round?.claimant === happening.session.towerPublicKey, "a session was stored without the claim")
        case "VisitFailed":
        case "VisitInterrupted":
          return check(round?.running.has(happening.tower) === true, "a visit ended that was not in progress")
      }
    },
    onPass: (until) => {
      for (const began of progress.round()?.running.values() ?? []) {
        check(until - began <= longestVisit, "a visit goes on beyond its time")
      }
    },
    onEnd: () => check(calls.mostStores() <= 1, "two sessions were being stored at the same time")
  }
}

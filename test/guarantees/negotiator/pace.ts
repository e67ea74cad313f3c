/**
 * G6 (docs/negotiation.md): the next tower is asked one `hedgeDelay` after the last one was, or as soon as a visit has ended; those
 * that have failed come after those that have not; good towers give about equally many sessions.
 */
import type { PublicKey } from "../../../src/schema/Ids.js"
import type { Violate } from "../guarantee.js"
import type { Context, Guarantee } from "./context.js"
import type { Progress } from "./progress.js"

export const make = ({ callers, candidates, settings, violate }: Context, progress: Progress): Guarantee => ({
  onEvent: ({ happening }) => {
    if (happening._tag !== "VisitStarted" || !progress.hasFailed(happening.tower)) return
    const visited = progress.round()?.visited
    // The first visit of a round may be at one that has failed, so that a recovered tower returns.
    if (visited === undefined || visited.size === 0) return
    for (const tower of candidates()) {
      if (progress.hasFailed(tower) || visited.has(tower)) continue
      return violate("G6", `tower ${happening.tower}, which has failed, is asked before ${tower}, which has not`)
    }
  },
  onPass: (until) => {
    const round = progress.round()
    // The second failure of our own ends a round.
    if (round === undefined || round.claimant !== undefined || round.ownFailures >= 2) return
    if (round.running.size >= settings.maxHedged || until <= round.nextDue) return
    if (callers.interrupted.slice(round.interrupted).some(({ method }) => method === "negotiate")) return
    for (const tower of candidates()) {
      const from = progress.askableFrom(tower)
      // A tower whose probe falls due in the middle of a round is not waited for.
      if (round.visited.has(tower) || from === undefined || from > round.since) continue
      return violate("G6", `tower ${tower} is not asked although it is its turn`)
    }
  }
})

export interface Fairness extends Guarantee {
  /** The fewest and the most sessions that one of the towers has given. */
  readonly spread: () => readonly [least: number, most: number]
}

/** For towers that are always listed, and give a session within one hedge delay. */
export const fairness = (violate: Violate, towers: ReadonlyArray<PublicKey>): Fairness => {
  const sessions = new Map(towers.map((tower) => [tower, 0]))
  const spread = () => [Math.min(...sessions.values()), Math.max(...sessions.values())] as const
  return {
    spread,
    onEvent: ({ happening }) => {
      if (happening._tag !== "SessionStored") return
      const { towerPublicKey } = happening.session
      const count = sessions.get(towerPublicKey)
      if (count !== undefined) sessions.set(towerPublicKey, count + 1)
    },
    onEnd: () => {
      const [least, most] = spread()
      if (most - least > 10 + 0.2 * most) violate("G6", `good towers have given from ${least} to ${most} sessions`)
    }
  }
}

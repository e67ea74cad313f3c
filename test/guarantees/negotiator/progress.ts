/** What the events tell of the round in progress and of the towers. */
import type { PublicKey } from "../../../src/schema/Ids.js"
import type { Context, Guarantee } from "./context.js"

export interface Round {
  /** When it began, by the wall clock. */
  readonly since: number
  /** How many callers were interrupted before. */
  readonly interrupted: number
  /** The visits in progress, and when they began. */
  readonly running: Map<PublicKey, number>
  readonly visited: Set<PublicKey>
  /** The tower whose session is being stored, or was stored. */
  claimant: PublicKey | undefined
  isStored: boolean
  /** When the next visit is due, if one may be started. */
  nextDue: number
  /** Failures of our own side. */
  ownFailures: number
}

/** Called with an event after the guarantees, which need the state before it. */
export interface Progress extends Guarantee {
  readonly round: () => Round | undefined
  /** Did the tower's last visit fail? */
  readonly hasFailed: (tower: PublicKey) => boolean
  /** When a tower may be asked, by the wall clock; undefined if the clock was set since it was quarantined. */
  readonly askableFrom: (tower: PublicKey) => number | undefined
}

export const make = ({ additions, callers, clockSetAt, failedBefore, now, settings, wall }: Context): Progress => {
  const failed = new Set(failedBefore)
  const quarantines = new Map<PublicKey, { readonly probeAt: number; readonly since: number }>()
  let released = 0
  let round: Round | undefined

  /** An addition ends a quarantine. */
  const release = () => {
    for (const tower of additions.slice(released)) quarantines.delete(tower)
    released = additions.length
  }
  const visitEnded = (tower: PublicKey) => {
    if (round === undefined) return
    round.running.delete(tower)
    if (round.claimant === tower) round.claimant = undefined
    round.nextDue = now()
  }
  return {
    round: () => round,
    hasFailed: (tower) => failed.has(tower),
    askableFrom: (tower) => {
      release()
      const quarantine = quarantines.get(tower)
      if (quarantine === undefined) return Number.NEGATIVE_INFINITY
      return quarantine.since > clockSetAt() ? quarantine.probeAt : undefined
    },
    onEvent: ({ happening }) => {
      release()
      switch (happening._tag) {
        case "RoundStarted":
          round = {
            since: wall(),
            interrupted: callers.interrupted.length,
            running: new Map(),
            visited: new Set(),
            claimant: undefined,
            isStored: false,
            nextDue: now(),
            ownFailures: 0
          }
          return
        case "RoundEnded":
          round = undefined
          return
        case "VisitStarted":
          quarantines.delete(happening.tower)
          round?.running.set(happening.tower, now())
          round?.visited.add(happening.tower)
          if (round !== undefined) round.nextDue = now() + settings.hedgeDelay
          return
        case "StepStarted":
          if (round !== undefined && happening.step === "storing") round.claimant = happening.tower
          return
        case "AttemptFailed":
          if (round?.claimant === happening.tower) round.claimant = undefined
          return
        case "SessionStored":
          failed.delete(happening.session.towerPublicKey)
          if (round !== undefined) round.isStored = true
          return
        case "VisitFailed":
          failed.add(happening.tower)
          if (round !== undefined && !happening.blamed) round.ownFailures += 1
          return visitEnded(happening.tower)
        case "VisitInterrupted":
          return visitEnded(happening.tower)
        case "Quarantined":
          quarantines.set(happening.tower, { probeAt: happening.probeAt, since: now() })
      }
    }
  }
}

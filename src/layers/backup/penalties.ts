/**
 * Towers with which a contact failed, or that have cost a session: they are not asked for another one for 10 s, 20 s, ... 5 minutes,
 * until one is used up. Else a tower that gives sessions and takes no updates would give one for each window of the backlog.
 *
 * @since 0.1.0
 */
import type { TowerId } from "../../schema/Ids.js"
import { doubled, longestRestMs } from "./rests.js"

/** Instants are monotonic milliseconds. @since 0.1.0 @category models */
export interface Penalties {
  /** Answers until when the tower is not asked. */
  readonly add: (towerId: TowerId, now: number) => number
  /** A session of the tower is used up: nothing counts against the tower any more. */
  readonly remove: (towerId: TowerId) => void
  readonly isFree: (towerId: TowerId, now: number) => boolean
  /** When the first one ends. */
  readonly nextEnd: (now: number) => number
}

const firstMs = 10_000

/** @since 0.1.0 @category constructors */
export const make = (): Penalties => {
  const penalties = new Map<TowerId, { readonly until: number; readonly times: number }>()
  return {
    add: (towerId, now) => {
      const times = penalties.get(towerId)?.times ?? 0
      const until = now + doubled(firstMs, times, longestRestMs)
      penalties.set(towerId, { until, times: times + 1 })
      return until
    },
    remove: (towerId) => void penalties.delete(towerId),
    isFree: (towerId, now) => (penalties.get(towerId)?.until ?? 0) <= now,
    nextEnd: (now) => Math.min(...[...penalties.values()].flatMap(({ until }) => (until > now ? until : [])))
  }
}

/**
 * The candidate list as a negotiator sees it, and what was added to it and removed from it.
 *
 * Changes are found by comparing the list with what was seen of it before; the queue of changes only says when to look.
 * So everything that was added or removed before a look is part of what is seen then, whichever fiber has its turn first.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import type { TowerId } from "../../schema/Ids.js"
import type { Tower } from "../../schema/Tower.js"
import type { TowerAddress } from "../../schema/TowerAddress.js"
import type { TowerCandidates } from "../../services/TowerCandidates.js"

/** The list as it was seen last, and how it differs from what a caller knows. @since 0.1.0 @category models */
export interface CandidateChanges {
  /** Looks at the list: all that follows answers for this look from now on. */
  readonly list: Effect.Effect<ReadonlyArray<Tower>>
  /** How often a tower, or an address of it, was found to be added. */
  readonly additions: () => number
  /** Is that tower, or that address of it, no longer in the list? */
  readonly isRemoved: (tower: Tower, address?: TowerAddress) => boolean
  /** Was that tower, or an address of it, added since it looked like this? */
  readonly isAdded: (tower: Tower) => boolean
  /** Called once for each look that finds a difference, in that step; returns how to unregister. */
  readonly listen: (onChange: () => void) => () => void
  /** Looks whenever the list says that it has changed; runs for ever. */
  readonly follow: Effect.Effect<never>
}

/** Called with the towers that were added and removed, in the step in which that is found. @since 0.1.0 @category models */
export interface Listener {
  readonly onAdded: (tower: TowerId) => void
  readonly onRemoved: (tower: TowerId) => void
}

/** Has the list been added to, from one picture of a tower to a later one? */
const isAddedTo = (before: Tower, after: Tower): boolean =>
  after.additions !== before.additions || after.addresses.some((address) => !before.addresses.includes(address))

const isRemovedFrom = (before: Tower, after: Tower): boolean =>
  before.addresses.some((address) => !after.addresses.includes(address))

/** Subscribed, and the list seen for the first time, when the effect returns. @since 0.1.0 @category constructors */
export const make: (
  candidates: TowerCandidates.Service,
  listener: Listener
) => Effect.Effect<CandidateChanges, never, Scope.Scope> = Effect.fnUntraced(function* (candidates, listener) {
  const queue = yield* candidates.changes
  let seen = yield* candidates.list
  let known: ReadonlyMap<TowerId, Tower> = new Map(seen.map((tower) => [tower.id, tower]))
  let additions = 0
  let looks = 0
  const listeners = new Set<() => void>()

  const compare = (towers: ReadonlyArray<Tower>): ReadonlyArray<Tower> => {
    if (towers === seen) return towers
    const before = known
    looks += 1
    seen = towers
    known = new Map(towers.map((tower) => [tower.id, tower]))
    let isChanged = false
    for (const tower of towers) {
      const earlier = before.get(tower.id)
      if (earlier === tower) continue
      if (earlier === undefined || isAddedTo(earlier, tower)) {
        additions += 1
        listener.onAdded(tower.id)
        isChanged = true
      } else if (isRemovedFrom(earlier, tower)) isChanged = true
    }
    for (const id of before.keys()) {
      if (known.has(id)) continue
      listener.onRemoved(id)
      isChanged = true
    }
    // Not for another array of the same towers: a listener that looks again would never come to an end.
    if (isChanged) for (const onChange of [...listeners]) onChange()
    return towers
  }
  // Another fiber may have found a difference while this one read the list. What was read here may be older: it is read
  // again, since comparing it would take away what the other has found.
  const list: Effect.Effect<ReadonlyArray<Tower>> = Effect.suspend(() => {
    const before = looks
    return Effect.flatMap(candidates.list, (towers) => (looks === before ? Effect.succeed(compare(towers)) : list))
  })

  return {
    list,
    additions: () => additions,
    isRemoved: ({ id }, address) => {
      const now = known.get(id)
      return now === undefined || (address !== undefined && !now.addresses.includes(address))
    },
    isAdded: (tower) => {
      const now = known.get(tower.id)
      return now !== undefined && isAddedTo(tower, now)
    },
    listen: (onChange) => {
      // A function of its own, so that registering it twice counts twice.
      const listener = () => onChange()
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    follow: Effect.forever(Effect.andThen(Queue.takeBetween(queue, 1, Number.POSITIVE_INFINITY), list))
  }
})

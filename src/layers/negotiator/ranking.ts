/**
 * Who is asked next: the order of the candidates, and of a tower's addresses (docs/negotiation.md, A round).
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { TowerId } from "../../schema/Ids.js"
import type { Tower } from "../../schema/Tower.js"
import type { TowerAddress } from "../../schema/TowerAddress.js"
import * as CandidateOrder from "./candidateOrder.js"
import type { Settings } from "./Options.js"
import type { Standings } from "./standings.js"
import type * as Standing from "./standingTransitions.js"

/** The next candidate of a round in which those towers were visited already. @since 0.1.0 @category models */
export type Pick = (visited: ReadonlySet<TowerId>) => Effect.Effect<Option.Option<Tower>>

/** Makes a negotiator's `Pick` from the list of towers and their standings. @since 0.1.0 @category models */
export type Ranking = (
  list: Effect.Effect<ReadonlyArray<Tower>>,
  standings: Standings,
  settings: Settings
) => Effect.Effect<Pick>

/** The list as it is now, ordered by standing. @since 0.1.0 @category constructors */
export const byStanding: Ranking = (list, standings, settings) =>
  Effect.sync(() => {
    let order = CandidateOrder.make([], standings.all, settings, Number.NEGATIVE_INFINITY)
    const moved = new Set<TowerId>()
    standings.listen((tower) => moved.add(tower))
    return (visited) =>
      Effect.flatMap(list, (towers) =>
        Effect.map(Clock.currentTimeMillis, (now) => {
          const isStill = towers === order.towers && now >= order.time()
          if (isStill) for (const tower of moved) order.move(tower)
          else order = CandidateOrder.make(towers, standings.all, settings, now)
          moved.clear()
          return Option.fromNullable(order.next(now, visited))
        })
      )
  })

/**
 * The addresses in the order of trial: those whose last attempt did not fail (the last that worked, then newest first),
 * then those that failed, longest ago first.
 *
 * @since 0.1.0
 * @category combinators
 */
export const orderAddresses = (
  addresses: ReadonlyArray<TowerAddress>,
  standing: Standing.Standing
): ReadonlyArray<TowerAddress> => {
  const outcome = (address: TowerAddress) => standing.addresses[address]
  const lastSuccess = (address: TowerAddress) => outcome(address)?.lastSuccess ?? Number.NEGATIVE_INFINITY
  const lastFailure = (address: TowerAddress) => outcome(address)?.lastFailure ?? Number.NEGATIVE_INFINITY
  const failed = addresses.filter((address) => (outcome(address)?.failures ?? 0) > 0)
  const fine = addresses.filter((address) => !failed.includes(address))
  const lastWorked = Math.max(...fine.map(lastSuccess))
  const favourite =
    lastWorked === Number.NEGATIVE_INFINITY ? undefined : fine.find((a) => lastSuccess(a) === lastWorked)
  return [
    ...fine.filter((address) => address === favourite),
    ...fine.filter((address) => address !== favourite),
    ...failed.sort((a, b) => lastFailure(a) - lastFailure(b))
  ]
}

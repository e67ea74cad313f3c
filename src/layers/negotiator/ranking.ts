/**
 * Who is asked next: the order of the candidates, and of a tower's addresses (docs/negotiation.md, A round).
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Instant, TowerId } from "../../schema/Ids.js"
import type { Tower } from "../../schema/Tower.js"
import type { TowerAddress } from "../../schema/TowerAddress.js"
import type { Settings } from "./Options.js"
import * as Standing from "./standingTransitions.js"

/** The next candidate of a round in which those towers were visited already. @since 0.1.0 @category models */
export type Pick = (visited: ReadonlySet<TowerId>) => Effect.Effect<Option.Option<Tower>>

/** Makes a negotiator's `Pick` from the list of towers and their standings. @since 0.1.0 @category models */
export type Ranking = (
  list: Effect.Effect<ReadonlyArray<Tower>>,
  standings: ReadonlyMap<TowerId, Standing.Standing>,
  settings: Settings
) => Effect.Effect<Pick>

/** The list as it is now, ordered by standing. @since 0.1.0 @category constructors */
export const byStanding: Ranking = (list, standings, settings) =>
  Effect.succeed((visited) =>
    Effect.flatMap(list, (towers) =>
      Effect.map(Clock.currentTimeMillis, (now) =>
        Option.fromNullable(nextCandidate(towers, standings, settings, now, visited))
      )
    )
  )

/**
 * The next candidate among towers not yet visited: at the beginning of a round first the tower whose rest has ended and
 * that was visited longest ago, so that a recovered tower returns; then those whose last visit did not fail, the last
 * session longest ago first: that is the rotation; then the others whose rest has ended; then those that rest.
 *
 * @since 0.1.0
 * @category combinators
 */
export const nextCandidate = (
  towers: ReadonlyArray<Tower>,
  standings: ReadonlyMap<TowerId, Standing.Standing>,
  settings: Settings,
  now: Instant,
  visited: ReadonlySet<TowerId>
): Tower | undefined => {
  const recoveredRank = visited.size === 0 ? 0 : 2
  let best: Tower | undefined
  let bestRank = Number.POSITIVE_INFINITY
  let bestSince = Number.POSITIVE_INFINITY
  for (const tower of towers) {
    if (visited.has(tower.id)) continue
    const standing = Standing.of(standings, tower.id)
    // Asked first, since most are passed over by it: one that has failed comes behind.
    if (bestRank < recoveredRank && standing.failedVisits > 0 && standing.lastVisit !== undefined) continue
    if (standing.quarantine !== undefined && Standing.isQuarantined(standing, settings, now)) continue
    const rests = Standing.restEnd(standing, settings)
    const rank = rests === undefined ? 1 : rests <= now ? recoveredRank : 3
    if (rank > bestRank) continue
    const since = rank === 1 ? standing.lastSession : rank === 3 ? rests : standing.lastVisit
    const key = since ?? Number.NEGATIVE_INFINITY
    if (best === undefined || rank < bestRank || key < bestSince) {
      best = tower
      bestRank = rank
      bestSince = key
    }
  }
  return best
}

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

/**
 * Standings as pure functions of what happened and the time: who rests, who is quarantined, who is asked next.
 *
 * @since 0.1.0
 */
import type { Instant, TowerId } from "../../schema/Ids.js"
import type { AttemptFailure, PermanentReason } from "../../schema/NegotiationError.js"
import * as Standing from "../../schema/Standing.js"
import type { Tower } from "../../schema/Tower.js"
import type { TowerAddress } from "../../schema/TowerAddress.js"
import type { Settings } from "./Options.js"

type Book = ReadonlyMap<TowerId, Standing.Standing>

/** The standing of a tower; of one not known yet the initial one. @since 0.1.0 @category combinators */
export const of = (book: Book, tower: TowerId): Standing.Standing => book.get(tower) ?? Standing.initial

/** min, 2 min, 4 min, ... max. In a loop, which is faster than a power. */
const rest = (failedVisits: number, { maxBackoff, minBackoff }: Settings): number => {
  let length = minBackoff
  for (let n = 1; n < failedVisits && length < maxBackoff; n++) length *= 2
  return Math.min(length, maxBackoff)
}

/** When the tower's rest ends: min, 2 min, ... max after its last visit; none for one whose last visit did not fail. @since 0.1.0 @category combinators */
export const restEnd = (standing: Standing.Standing, settings: Settings): Instant | undefined =>
  standing.failedVisits === 0 || standing.lastVisit === undefined
    ? undefined
    : standing.lastVisit + rest(standing.failedVisits, settings)

/** When a quarantined tower may be asked again. @since 0.1.0 @category combinators */
export const probeAt = (standing: Standing.Standing, settings: Settings): Instant | undefined =>
  standing.quarantine === undefined ? undefined : standing.quarantine.since + settings.quarantineProbe

/** Is it left out now? @since 0.1.0 @category combinators */
export const isQuarantined = (standing: Standing.Standing, settings: Settings, now: Instant): boolean => {
  const probe = probeAt(standing, settings)
  return probe !== undefined && probe > now
}

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
  book: Book,
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
    const standing = of(book, tower.id)
    // Asked first, since most are passed over by it: one that has failed comes behind.
    if (bestRank < recoveredRank && standing.failedVisits > 0 && standing.lastVisit !== undefined) continue
    if (standing.quarantine !== undefined && isQuarantined(standing, settings, now)) continue
    const rests = restEnd(standing, settings)
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

/** A connection to an address begins. @since 0.1.0 @category combinators */
export const attempted = (standing: Standing.Standing): Standing.Standing => ({
  ...standing,
  attempts: standing.attempts + 1
})

/** An attempt at an address failed; `unreachable` says that the address is to blame too. @since 0.1.0 @category combinators */
export const attemptFailed = (
  standing: Standing.Standing,
  failure: AttemptFailure,
  unreachable: TowerAddress | undefined,
  now: Instant
): Standing.Standing => {
  const counted = {
    ...standing,
    failuresByKind: { ...standing.failuresByKind, [failure._tag]: (standing.failuresByKind[failure._tag] ?? 0) + 1 }
  }
  if (unreachable === undefined) return counted
  const before = standing.addresses[unreachable]
  const after: Standing.AddressOutcome = { ...before, lastFailure: now, failures: (before?.failures ?? 0) + 1 }
  return { ...counted, addresses: { ...standing.addresses, [unreachable]: after } }
}

/** A visit failed: the tower rests, whoever is to blame. A quarantine that was being probed is over. @since 0.1.0 @category combinators */
export const visitFailed = (standing: Standing.Standing, now: Instant): Standing.Standing => {
  const { quarantine: _, ...rest } = standing
  return { ...rest, failedVisits: standing.failedVisits + 1, lastVisit: now }
}

/** The tower refused the policy for good. @since 0.1.0 @category combinators */
export const quarantined = (standing: Standing.Standing, reason: PermanentReason, now: Instant): Standing.Standing => ({
  ...standing,
  quarantine: { since: now, reason }
})

/** What is known of addresses that the tower has no more is forgotten. @since 0.1.0 @category combinators */
export const forgetOthers = (
  standing: Standing.Standing,
  addresses: ReadonlyArray<TowerAddress>
): Standing.Standing => {
  const known: ReadonlyArray<string> = addresses
  const kept = Object.entries(standing.addresses).filter(([address]) => known.includes(address))
  return kept.length === Object.keys(standing.addresses).length
    ? standing
    : { ...standing, addresses: Object.fromEntries(kept) }
}

/** The tower was added again, or an address of it: the quarantine is over. @since 0.1.0 @category combinators */
export const released = (standing: Standing.Standing): Standing.Standing => {
  const { quarantine: _, ...rest } = standing
  return rest
}

/** The tower gave a session at this address. @since 0.1.0 @category combinators */
export const sessionGiven = (standing: Standing.Standing, address: TowerAddress, now: Instant): Standing.Standing => ({
  ...released(standing),
  failedVisits: 0,
  lastVisit: now,
  lastSession: now,
  sessions: standing.sessions + 1,
  addresses: {
    ...standing.addresses,
    [address]: { ...standing.addresses[address], lastSuccess: now, failures: 0 }
  }
})

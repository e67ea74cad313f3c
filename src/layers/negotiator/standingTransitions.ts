/**
 * Standings as pure functions of what happened and the time: who rests, and who is quarantined.
 *
 * @since 0.1.0
 */
import type { Instant, TowerId } from "../../schema/Ids.js"
import type { AttemptFailure, PermanentReason } from "../../schema/NegotiationError.js"
import { type AddressOutcome, initial, type Standing } from "../../schema/Standing.js"
import type { TowerAddress } from "../../schema/TowerAddress.js"
import type { Settings } from "./Options.js"

export type { Standing } from "../../schema/Standing.js"

/** The standing of a tower; of one not known yet the initial one. @since 0.1.0 @category combinators */
export const of = (standings: ReadonlyMap<TowerId, Standing>, tower: TowerId): Standing =>
  standings.get(tower) ?? initial

/** min, 2 min, 4 min, ... max. In a loop, which is faster than a power. */
const rest = (failedVisits: number, { maxBackoff, minBackoff }: Settings): number => {
  let length = minBackoff
  for (let n = 1; n < failedVisits && length < maxBackoff; n++) length *= 2
  return Math.min(length, maxBackoff)
}

/** When the tower's rest ends: min, 2 min, ... max after its last visit; none for one whose last visit did not fail. @since 0.1.0 @category combinators */
export const restEnd = (standing: Standing, settings: Settings): Instant | undefined =>
  standing.failedVisits === 0 || standing.lastVisit === undefined
    ? undefined
    : standing.lastVisit + rest(standing.failedVisits, settings)

/** When a quarantined tower may be asked again. @since 0.1.0 @category combinators */
export const probeAt = (standing: Standing, settings: Settings): Instant | undefined =>
  standing.quarantine === undefined ? undefined : standing.quarantine.since + settings.quarantineProbe

/** Is it left out now? @since 0.1.0 @category combinators */
export const isQuarantined = (standing: Standing, settings: Settings, now: Instant): boolean => {
  const probe = probeAt(standing, settings)
  return probe !== undefined && probe > now
}

/** A connection to an address begins. @since 0.1.0 @category combinators */
export const attempted = (standing: Standing): Standing => ({
  ...standing,
  attempts: standing.attempts + 1
})

/** An attempt at an address failed; `unreachable` says that the address is to blame too. @since 0.1.0 @category combinators */
export const attemptFailed = (
  standing: Standing,
  failure: AttemptFailure,
  unreachable: TowerAddress | undefined,
  now: Instant
): Standing => {
  const counted = {
    ...standing,
    failuresByKind: { ...standing.failuresByKind, [failure._tag]: (standing.failuresByKind[failure._tag] ?? 0) + 1 }
  }
  if (unreachable === undefined) return counted
  const before = standing.addresses[unreachable]
  const after: AddressOutcome = { ...before, lastFailure: now, failures: (before?.failures ?? 0) + 1 }
  return { ...counted, addresses: { ...standing.addresses, [unreachable]: after } }
}

/** A visit failed: the tower rests, also when our own side is to blame. A quarantine that was being probed is over. @since 0.1.0 @category combinators */
export const visitFailed = (standing: Standing, now: Instant): Standing => {
  const { quarantine: _, ...rest } = standing
  return { ...rest, failedVisits: standing.failedVisits + 1, lastVisit: now }
}

/** The tower refused the policy for good. @since 0.1.0 @category combinators */
export const quarantined = (standing: Standing, reason: PermanentReason, now: Instant): Standing => ({
  ...standing,
  quarantine: { since: now, reason }
})

/** What is known of addresses that the tower has no more is forgotten. @since 0.1.0 @category combinators */
export const forgetOthers = (standing: Standing, addresses: ReadonlyArray<TowerAddress>): Standing => {
  const known: ReadonlyArray<string> = addresses
  const kept = Object.entries(standing.addresses).filter(([address]) => known.includes(address))
  return kept.length === Object.keys(standing.addresses).length
    ? standing
    : { ...standing, addresses: Object.fromEntries(kept) }
}

/** The tower was added again, or an address of it: the quarantine is over. @since 0.1.0 @category combinators */
export const released = (standing: Standing): Standing => {
  const { quarantine: _, ...rest } = standing
  return rest
}

/** The tower gave a session at this address. @since 0.1.0 @category combinators */
export const sessionGiven = (standing: Standing, address: TowerAddress, now: Instant): Standing => ({
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

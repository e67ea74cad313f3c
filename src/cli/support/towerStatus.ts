/**
 * How a tower stands for a policy: whether it can be asked, and if not, why, until when, and what would end it.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Negotiator from "../../layers/negotiator/Options.js"
import { readinessOf } from "../../layers/negotiator/readiness.js"
import type { DbError } from "../../schema/DbError.js"
import { type AttemptFailure, permanentReasons } from "../../schema/NegotiationError.js"
import * as Policy from "../../schema/Policy.js"
import type { Readiness } from "../../schema/Readiness.js"
import * as Standing from "../../schema/Standing.js"
import type { Tower } from "../../schema/Tower.js"
import type { ClientDb } from "../../services/ClientDb.js"
import type { Proposal } from "./policyFlags.js"
import { away, inShort, standingJson, time, towerJson } from "./views.js"

/** A tower, what is known about it for a policy, and whether it can be asked. @since 0.1.0 @category models */
export interface TowerStatus {
  readonly tower: Tower
  readonly standing: Standing.Standing
  readonly readiness: Readiness
}

/** How towers stand for a policy, by the rests and quarantines of a negotiator without options of its own. @since 0.1.0 @category combinators */
export const towerStatusOf = (
  db: ClientDb.Service,
  proposal: Proposal
): Effect.Effect<(tower: Tower) => TowerStatus, DbError> =>
  Effect.gen(function* () {
    const { policy } = proposal
    const now = yield* Clock.currentTimeMillis
    const settings = Negotiator.decode(proposal)
    const standings = yield* db.loadStandings(policy.blobType, Policy.keyOf(policy))
    return (tower) => {
      const standing = standings.get(tower.id) ?? Standing.initial
      return { tower, standing, readiness: readinessOf(tower, standing, settings, now) }
    }
  })

/** What kind of failure a tower had, as the end of a sentence. */
const kinds: Record<AttemptFailure["_tag"], string> = {
  DialFailed: "it could not be connected to",
  HandshakeFailed: "the handshake failed",
  ConnectionEnded: "it hung up",
  MessageTimeout: "it did not answer in time",
  GarbledFrame: "it sent what cannot be decrypted",
  MalformedMessage: "it sent a malformed message",
  UnexpectedMessage: "it sent another message than was due",
  TowerErrorMessage: "it answered with an error",
  PermanentTowerFailure: "it refused the policy",
  SessionRejected: "it refused for the moment",
  SessionKeyAlreadyUsed: "it knew the session key already",
  RewardScriptTooLong: "its reward script was too long",
  VisitTimeout: "it took too long",
  Overtaken: "another tower was faster",
  NoTowerAddrs: "it has no address",
  OnionWithoutProxy: "it has onion addresses only, and there was no proxy",
  LeaseExpired: "our reservation of a key ran out",
  OwnTimeout: "our own side took too long",
  DatabaseBusy: "our database was busy",
  DatabaseUnavailable: "our database could not be used",
  CorruptRow: "our database was damaged",
  TowerNotFound: "it had been removed",
  KeyIndexesExhausted: "our keys are used up",
  ReservationLost: "our reservation of a key was lost",
  ClientSessionAlreadyExists: "its session was stored already",
  NoReservedKeyIndex: "our key was not reserved",
  IncorrectKeyIndex: "another key of ours was reserved",
  StoreOutcomeUnknown: "our database did not say whether its session was stored",
  KeyRingError: "our key could not be derived"
}

const isKind = (tag: string): tag is AttemptFailure["_tag"] => Object.hasOwn(kinds, tag)

/** The state of a tower, as the end of a sentence about it. @since 0.1.0 @category combinators */
export const readinessLine = (readiness: Readiness, now: number): string => {
  switch (readiness._tag) {
    case "CanBeAsked":
      return "can be asked"
    case "Rests":
      return `stands behind the others until ${away(readiness.until, now)}, and is asked where no other gives a session`
    case "IsLeftOut":
      return `is left out for this policy until ${away(readiness.until, now)}, or until it is added again: ${permanentReasons[readiness.reason]}`
    case "IsDeactivated":
      return "is deactivated until it is added again"
  }
}

/** Failures by their kinds and numbers, as the ends of sentences about a tower. @since 0.1.0 @category combinators */
export const failureWords = (byKind: Standing.Standing["failuresByKind"]): ReadonlyArray<string> =>
  Object.entries(byKind).map(
    ([tag, count]) => `${isKind(tag) ? kinds[tag] : tag}: ${count} ${count === 1 ? "time" : "times"}`
  )

/** What is known about a tower, one fact in each line. @since 0.1.0 @category combinators */
export const standingLines = ({ readiness, standing }: TowerStatus, now: number): ReadonlyArray<string> => {
  const failures = failureWords(standing.failuresByKind)
  return [
    readinessLine(readiness, now),
    `sessions got: ${standing.sessions}${standing.lastSession === undefined ? "" : `, the last one at ${away(standing.lastSession, now)}`}`,
    standing.lastVisit === undefined
      ? "was never asked"
      : `was asked at ${away(standing.lastVisit, now)}; attempts: ${standing.attempts}, failed visits in a row: ${standing.failedVisits}`,
    ...(failures.length === 0 ? [] : [failures.join("; ")])
  ]
}

/** The state in a table, and in a narrow one. @since 0.1.0 @category combinators */
export const readinessCells = (readiness: Readiness, now: number): readonly [long: string, short: string] => {
  switch (readiness._tag) {
    case "CanBeAsked":
      return ["can be asked", "can be asked"]
    case "Rests":
      return [`rests until ${away(readiness.until, now)}`, `rests, ends ${inShort(readiness.until, now)}`]
    case "IsLeftOut":
      return [`left out until ${away(readiness.until, now)}`, `left out, ends ${inShort(readiness.until, now)}`]
    case "IsDeactivated":
      return ["deactivated", "deactivated"]
  }
}

/** A tower and its state for programs; times are ISO 8601. @since 0.1.0 @category combinators */
export const towerStatusJson = ({ readiness, standing, tower }: TowerStatus) => ({
  ...towerJson(tower),
  state: readiness._tag,
  until: "until" in readiness ? time(readiness.until) : undefined,
  reason: readiness._tag === "IsLeftOut" ? permanentReasons[readiness.reason] : undefined,
  standing: standingJson(standing)
})

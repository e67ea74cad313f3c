/**
 * How a client stands, from its database: what sessions it has, and for each tower whether it can be asked, and if not, why,
 * until when, and what would end it.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import type { Settings } from "../../layers/negotiator/Options.js"
import * as Rests from "../../layers/negotiator/standingTransitions.js"
import * as BlobType from "../../schema/BlobType.js"
import type * as Chain from "../../schema/Chain.js"
import type { ClientSession } from "../../schema/ClientSession.js"
import type { FeeRate } from "../../schema/FeeRate.js"
import { type AttemptFailure, permanentReasons } from "../../schema/NegotiationError.js"
import type { Policy } from "../../schema/Policy.js"
import type { Standing } from "../../schema/Standing.js"
import type { Tower } from "../../schema/Tower.js"
import { nextLines } from "./commandText.js"
import { short, standingJson, time, towerJson } from "./views.js"

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

/** Whether a tower can be asked now, or else until when it rests or is left out. @since 0.1.0 @category models */
export type Readiness =
  | { readonly _tag: "CanBeAsked" }
  | { readonly _tag: "Rests"; readonly until: number }
  | { readonly _tag: "IsLeftOut"; readonly until: number; readonly reason: string }

/** A tower, what is known about it for a policy, and whether it can be asked. @since 0.1.0 @category models */
export interface TowerStatus {
  readonly tower: Tower
  readonly standing: Standing
  readonly readiness: Readiness
}

/** How a client stands for a policy at an instant. @since 0.1.0 @category models */
export interface Status {
  readonly now: number
  readonly policy: Policy<FeeRate>
  /** The flags that ask for this policy, as words of a command. */
  readonly policyWords: ReadonlyArray<string>
  readonly sessions: ReadonlyArray<ClientSession>
  readonly towers: ReadonlyArray<TowerStatus>
}

const readinessOf = (standing: Standing, settings: Settings, now: number): Readiness => {
  const probe = Rests.probeAt(standing, settings)
  if (standing.quarantine !== undefined && probe !== undefined && probe > now) {
    return { _tag: "IsLeftOut", until: probe, reason: permanentReasons[standing.quarantine.reason] }
  }
  const until = Rests.restEnd(standing, settings)
  return until !== undefined && until > now ? { _tag: "Rests", until } : { _tag: "CanBeAsked" }
}

/** How a client stands, by the rests and quarantines of a negotiator without options of its own. @since 0.1.0 @category constructors */
export const statusOf = (
  given: Omit<Status, "towers"> & { readonly towers: ReadonlyArray<Omit<TowerStatus, "readiness">> },
  settings: Settings
): Status => ({
  ...given,
  towers: given.towers.map((one) => ({ ...one, readiness: readinessOf(one.standing, settings, given.now) }))
})

const isFull = ({ policy, seqNum }: ClientSession): boolean => seqNum >= policy.maxUpdates

const isUsable = (session: ClientSession): boolean => session.status === "active" && !isFull(session)

const ofPolicy = ({ policy, sessions }: Status): ReadonlyArray<ClientSession> =>
  sessions.filter((session) => session.policy.blobType === policy.blobType)

/** Why this client has no protection, or can get none. `next`: the words of a command that helps. @since 0.1.0 @category models */
export interface Trouble {
  readonly sentence: string
  readonly next: ReadonlyArray<string>
}

/** What is the matter with this client; undefined where all is well. @since 0.1.0 @category combinators */
export const trouble = (status: Status): Trouble | undefined => {
  const { policy, policyWords, towers } = status
  const isAnyAsked = towers.some(({ readiness }) => readiness._tag !== "IsLeftOut")
  // Without a tower that can be asked, negotiate fails.
  const next = isAnyAsked ? ["negotiate", ...policyWords] : ["add", "PUBLICKEY@HOST"]
  if (!ofPolicy(status).some(isUsable)) {
    return { sentence: `No session of type ${BlobType.nameOf(policy.blobType)} can take updates.`, next }
  }
  if (towers.length === 0) return { sentence: "No tower is known.", next }
  return isAnyAsked ? undefined : { sentence: "Every tower refuses this policy, and is left out for now.", next }
}

/** The status for programs; times are ISO 8601. @since 0.1.0 @category combinators */
export const statusJson = (status: Status) => ({
  trouble: trouble(status)?.sentence,
  policy: { ...status.policy, blobTypeName: BlobType.nameOf(status.policy.blobType) },
  sessions: counts(status.sessions),
  towers: status.towers.map(({ readiness, standing, tower }) => ({
    ...towerJson(tower),
    state: readiness._tag,
    until: readiness._tag === "CanBeAsked" ? undefined : time(readiness.until),
    reason: readiness._tag === "IsLeftOut" ? readiness.reason : undefined,
    standing: standingJson(standing)
  }))
})

const counts = (sessions: ReadonlyArray<ClientSession>) =>
  [...new Set(sessions.map(({ policy }) => policy.blobType))].map((blobType) => {
    const all = sessions.filter(({ policy }) => policy.blobType === blobType)
    const usable = all.filter(isUsable)
    return {
      blobType,
      blobTypeName: BlobType.nameOf(blobType),
      usable: usable.length,
      left: usable.reduce((sum, { policy, seqNum }) => sum + policy.maxUpdates - seqNum, 0),
      full: all.filter((one) => one.status === "active" && isFull(one)).length,
      inactive: all.filter(({ status }) => status === "inactive").length
    }
  })

/** An instant with how far away it is, in its two largest units. */
const away = (instant: number, now: number): string => {
  const length = Duration.format(Duration.millis(Math.max(1000, Math.floor(Math.abs(instant - now) / 1000) * 1000)))
  const short = length.split(" ").slice(0, 2).join(" ")
  return `${time(instant)} (${instant > now ? `in ${short}` : `${short} ago`})`
}

const readinessLine = ({ readiness }: TowerStatus, now: number): string => {
  switch (readiness._tag) {
    case "CanBeAsked":
      return "can be asked"
    case "Rests":
      return `stands behind the others until ${away(readiness.until, now)}, and is asked where no other gives a session`
    case "IsLeftOut":
      return `is left out for this policy until ${away(readiness.until, now)}, or until it is added again: ${readiness.reason}`
  }
}

const towerLines = (status: TowerStatus, now: number): ReadonlyArray<string> => {
  const { standing, tower } = status
  const failures = Object.entries(standing.failuresByKind).map(
    ([tag, count]) => `${isKind(tag) ? kinds[tag] : tag}: ${count} ${count === 1 ? "time" : "times"}`
  )
  return [
    `Tower ${tower.id}, ${short(tower.publicKey)}, at ${tower.addresses.join(", ")}`,
    `  ${readinessLine(status, now)}`,
    `  sessions got: ${standing.sessions}${standing.lastSession === undefined ? "" : `, the last one at ${away(standing.lastSession, now)}`}`,
    ...(standing.lastVisit === undefined ? ["  was never asked"] : [`  was asked at ${away(standing.lastVisit, now)}`]),
    ...(failures.length === 0 ? [] : [`  ${failures.join("; ")}`])
  ]
}

/** The status for people. @since 0.1.0 @category combinators */
export const statusLines = (
  status: Status,
  chain: Chain.AnyChain,
  command: (...words: ReadonlyArray<string>) => string
): ReadonlyArray<string> => {
  const { now, policy, sessions, towers } = status
  const counted = counts(sessions).map(
    ({ blobTypeName, full, inactive, left, usable }) =>
      `Sessions of type ${blobTypeName}: ${usable} that can take updates (${left} left), ${full} full, ${inactive} inactive`
  )
  const found = trouble(status)
  const next = found === undefined ? [] : nextLines([command(...found.next)])
  return [
    `${chain.name} ${chain.network}; policy: ${BlobType.nameOf(policy.blobType)}, ${policy.maxUpdates} updates, ${policy.sweepFeeRate} ${chain.feeUnit}`,
    ...(counted.length === 0 ? ["There are no sessions."] : counted),
    "Nothing is asked for: requests are kept by the program that makes them, not in the database.",
    "",
    ...(towers.length === 0 ? ["There are no towers."] : towers.flatMap((tower) => towerLines(tower, now))),
    ...(towers.length === 0 || next.length === 0 ? next : ["", ...next])
  ]
}

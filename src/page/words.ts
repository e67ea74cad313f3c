/** What the service says, in words. @since 0.1.0 */
import type { PermanentReason } from "../schema/NegotiationError.js"
import type { Step } from "../schema/NegotiatorEvent.js"
import type { Channel, Counts, Session, Snapshot, Status, Tower, Waiting } from "./service.js"

// Put in when the page is built: the schemas that these words belong to would make the page ten times as large.
declare const BLOB_TYPES: Readonly<Record<number, string>>
declare const PERMANENT_REASONS: Readonly<Record<PermanentReason, string>>

/** @since 0.1.0 @category combinators */
export const blobTypeName = (blobType: number): string => BLOB_TYPES[blobType] ?? String(blobType)

/** A count with its noun. @since 0.1.0 @category combinators */
export const counted = (count: number, one: string, many = `${one}s`): string =>
  `${count.toLocaleString("en")} ${count === 1 ? one : many}`

/** A time to wait or a time gone by, in its two largest units. @since 0.1.0 @category combinators */
export const span = (ms: number): string => {
  const seconds = Math.max(0, Math.round(ms / 1000))
  const [d, h, m, s] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3600) % 24,
    Math.floor(seconds / 60) % 60,
    seconds % 60
  ]
  if (d > 0) return `${d} d ${h} h`
  if (h > 0) return `${h} h ${m} min`
  return m > 0 ? `${m} min ${s} s` : `${s} s`
}

/** Keys and ids are told apart by their first digits. @since 0.1.0 @category combinators */
export const short = (hex: string): string => `${hex.slice(0, 12)}…`

const towersOf = (ids: ReadonlyArray<number>): string =>
  ids.length === 0 ? "no tower" : `${ids.length === 1 ? "tower" : "towers"} ${ids.join(", ")}`

const steps: Readonly<Record<Step, string>> = {
  reserving: "reserves a key",
  deriving: "derives the session's key",
  dialling: "connects",
  handshaking: "shakes hands",
  sendingInit: "greets it",
  receivingInit: "waits for its greeting",
  sendingCreateSession: "proposes the policy",
  receivingReply: "waits for its answer",
  storing: "stores the session",
  hangingUp: "hangs up"
}

type Negotiator = Status["negotiators"][number]
type Attempt = Extract<Negotiator["status"]["state"], { readonly _tag: "Negotiating" }>["attempts"][number]

const attemptWords = ({ address, since, step }: Attempt, now: number): string =>
  `${steps[step]}${address === undefined ? "" : ` (${address})`}, for ${span(now - since)}`

const stateWords = ({ status: { state } }: Negotiator, now: number): string | undefined => {
  switch (state._tag) {
    case "Idle":
      return undefined
    case "WaitingForCandidates":
      return `no tower can be asked. It goes on when one is added${state.until === undefined ? "" : `, or in ${span(state.until - now)}`}`
    case "Negotiating":
      return state.attempts.length === 0
        ? "begins to ask the towers"
        : state.attempts.map((one) => `asks tower ${one.towerId}: ${attemptWords(one, now)}`).join("; ")
    case "BackingOff":
      return `no tower gave a session. It asks again in ${span(state.until - now)}`
    case "Delivering":
      return "has a session, and hands it over"
    case "Stopped":
      return "a bug has ended it. Start the service again; its log says more"
  }
}

/** What each negotiator tries now; those that have nothing to do are left out. @since 0.1.0 @category combinators */
export const trying = ({ negotiators }: Status, now: number): ReadonlyArray<string> =>
  negotiators.flatMap((one) => {
    const words = stateWords(one, now)
    return words === undefined ? [] : [`A session of type ${blobTypeName(one.policy.blobType)}: ${words}.`]
  })

const roles: Readonly<Record<Status["client"]["role"], string>> = {
  sender: "This service sends the backups.",
  waiting: "Another program sends the backups of this database, or the database does not say who does.",
  stopped: "A bug has ended the sender. Start the service again; its log says more."
}

/** Who sends. @since 0.1.0 @category combinators */
export const roleWords = ({ client }: Status): string => roles[client.role]

type Activity = Status["client"]["sessions"][number]["activity"]

/** What a session does now. @since 0.1.0 @category combinators */
export const activityWords = (activity: Activity, now: number): string => {
  switch (activity._tag) {
    case "Connecting":
      return "connects"
    case "Sending":
      return "sends updates"
    case "Idle":
      return "is connected, and has nothing to send"
    case "Resting":
      return activity.until > now
        ? `rests after a failure, for ${span(activity.until - now)} more`
        : "is tried again once it is needed"
  }
}

/** What is done with a tower now. @since 0.1.0 @category combinators */
export const doingAt = ({ client, negotiators }: Status, towerId: number, now: number): ReadonlyArray<string> => [
  ...negotiators.flatMap(({ policy, status: { state } }) =>
    state._tag === "Negotiating"
      ? state.attempts
          .filter((one) => one.towerId === towerId)
          .map((one) => `Is asked for a session of type ${blobTypeName(policy.blobType)}: ${attemptWords(one, now)}.`)
      : []
  ),
  ...client.sessions
    .filter((one) => one.towerId === towerId)
    .map(({ activity, keyIndex }) => `Session ${keyIndex} ${activityWords(activity, now)}.`),
  ...client.restingTowers
    .filter((one) => one.towerId === towerId && one.until > now)
    .map(({ until }) => `Is asked for no new session after a failed contact, for ${span(until - now)} more.`)
]

type Readiness = Tower["standings"][number]["readiness"]

const readinessWords = (readiness: Readiness, now: number): string => {
  switch (readiness._tag) {
    case "CanBeAsked":
      return "can be asked for sessions"
    case "Rests":
      return readiness.until > now
        ? `rests after a failure, for ${span(readiness.until - now)} more: the other towers are asked first`
        : "can be asked for sessions"
    case "IsLeftOut":
      return `is left out, since ${PERMANENT_REASONS[readiness.reason]}: asked again in ${span(readiness.until - now)}`
    case "IsDeactivated":
      return "is deactivated, and asked for nothing until it is added again"
  }
}

/** How good or bad something is, by the name of its colour; the words say the same. @since 0.1.0 @category models */
export type Mood = "good" | "warn" | "bad"

const moods: Readonly<Record<Readiness["_tag"], Mood>> = {
  CanBeAsked: "good",
  Rests: "warn",
  IsLeftOut: "bad",
  IsDeactivated: "warn"
}

/** How a tower stands, a line for all policies of which the same is true. @since 0.1.0 @category combinators */
export const standingsOf = (
  { standings }: Tower,
  now: number
): ReadonlyArray<{ readonly mood: Mood; readonly text: string }> => {
  const lines = standings.map(({ blobType, readiness }) => ({
    type: blobTypeName(blobType),
    mood: moods[readiness._tag],
    words: readinessWords(readiness, now)
  }))
  return [...new Set(lines.map(({ words }) => words))].flatMap((words) => {
    const same = lines.filter((one) => one.words === words)
    const types =
      same.length === lines.length ? "For all types of session" : `For ${same.map(({ type }) => type).join(", ")}`
    return same.slice(0, 1).map(({ mood }) => ({ mood, text: `${types}: ${words}.` }))
  })
}

/** Would adding the tower again change something? @since 0.1.0 @category combinators */
export const isHeldBack = ({ standings, tower }: Tower): boolean =>
  tower.status === "inactive" || standings.some(({ readiness }) => readiness._tag === "IsLeftOut")

const sessionEnds: Readonly<Record<Session["status"], string>> = {
  active: "in use",
  inactive: "inactive: its tower was removed or deactivated",
  terminal: "given up",
  lost: "lost: its tower has forgotten its updates"
}

/** What a session is or does. @since 0.1.0 @category combinators */
export const sessionWords = (session: Session, { client }: Status, now: number): string => {
  const active = client.sessions.find(({ keyIndex }) => keyIndex === session.keyIndex)
  if (session.status === "active" && active !== undefined) return activityWords(active.activity, now)
  if (session.status === "active" && session.seqNum >= session.policy.maxUpdates) return "full"
  return session.status === "active" && session.seqNum === 0 ? "not used yet" : sessionEnds[session.status]
}

const reasonWords = (reason: Waiting["reasons"][number], now: number): string => {
  switch (reason._tag) {
    case "OnTheirWay":
      return `on their way to ${towersOf(reason.towers)}`
    case "SessionAsked":
      return `a session is asked for at ${towersOf(reason.towers)}${reason.until === undefined ? "" : `, again in ${span(reason.until - now)}`}`
    case "SessionsRest":
      return `the sessions at ${towersOf(reason.towers)} rest after a failure, for ${span(reason.until - now)} more`
    case "TowersRest":
      return `${towersOf(reason.towers)} failed, and can be asked in ${span(reason.until - now)}`
    case "NoTower":
      return "no tower can take them: add one"
    case "OtherPolicy":
      return "they were made for a policy that is not asked for any more"
    case "OtherRoute":
      return `${towersOf(reason.towers)} may have them from sessions ${reason.route === "tor" ? "through Tor" : "in the clear"}: connect so once more, give these sessions up, or add a tower`
    case "DatabaseFails":
      return `the database fails, and is asked again in ${span(reason.until - now)}`
    case "OtherSender":
      return "another program sends them"
    case "SenderStopped":
      return "a bug has ended the sender: start the service again"
  }
}

/** Why states of a channel miss copies. @since 0.1.0 @category combinators */
export const waitingWords = ({ waiting }: Channel, now: number): ReadonlyArray<string> =>
  waiting.map(
    ({ reasons, states }) =>
      `${counted(states, "state")} ${states === 1 ? "waits" : "wait"}: ${reasons.map((one) => reasonWords(one, now)).join("; ")}.`
  )

/** The sums of the counts. @since 0.1.0 @category combinators */
export const totals = ({ minutes }: Counts) => ({
  sessions: minutes.reduce((sum, one) => sum + one.sessions, 0),
  updates: minutes.reduce((sum, one) => sum + one.updates, 0),
  failures: minutes.reduce((sum, one) => sum + one.failures, 0)
})

/** The most important thing that a person should do or know; undefined where all is well. @since 0.1.0 @category combinators */
export const advice = ({ channels, status, towers }: Snapshot): string | undefined => {
  if (status.client.role !== "sender") return roleWords(status)
  if (towers.length === 0) return "There is no tower yet. Add one: without a tower nothing is backed up."
  const lost = channels.reduce((sum, one) => sum + one.lost, 0)
  if (lost > 0) return `${counted(lost, "state")} lost a copy at a tower. Hand ${lost === 1 ? "it" : "them"} in again.`
  return towers.every(isHeldBack) ? "No tower can be asked for all types of session." : undefined
}

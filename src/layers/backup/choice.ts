/**
 * Which session is tried next while states wait that no serving session takes (docs/backups.md, Which session next).
 *
 * @since 0.1.0
 */
import type { TowerId } from "../../schema/Ids.js"
import type { Tower } from "../../schema/Tower.js"
import type * as Entry from "./entry.js"
import type { Settings } from "./Options.js"

/** What was tried since states began to wait; instants are monotonic milliseconds. @since 0.1.0 @category models */
export interface Hunt {
  readonly lastStart: number
  readonly started: number
}

/** Nothing was tried. @since 0.1.0 @category constructors */
export const noHunt: Hunt = { lastStart: Number.NEGATIVE_INFINITY, started: 0 }

/** @since 0.1.0 @category models */
export interface Situation {
  /** The sessions of the policy. */
  readonly sessions: ReadonlyArray<Entry.Entry>
  /** The towers that could take a state. */
  readonly able: ReadonlySet<TowerId>
  /** Those of them that may be asked for a new session. */
  readonly askable: ReadonlyArray<Tower>
  readonly isRequested: boolean
  readonly hunt: Hunt
  readonly now: number
  readonly settings: Settings
}

/** What to start now, if anything, and when to choose again at the latest. @since 0.1.0 @category models */
export interface Choice {
  readonly next: Entry.Entry | "request" | undefined
  readonly again: number
}

/** One more session each `hedgeDelay`, or at once where none is being tried. @since 0.1.0 @category constructors */
export const choose = ({ able, askable, hunt, isRequested, now, sessions, settings }: Situation): Choice => {
  const trials = sessions.filter(({ contact }) => contact?.phase === "connecting" && contact.isHedge).length
  const inFlight = trials + (isRequested ? 1 : 0)
  const inContact = new Set(sessions.flatMap(({ contact, session }) => (contact === undefined ? [] : session.towerId)))
  const free = sessions.filter(
    ({ contact, session: { towerId } }) => contact === undefined && able.has(towerId) && !inContact.has(towerId)
  )
  const rested = Math.min(...free.flatMap(({ restsUntil }) => (restsUntil > now ? restsUntil : [])))
  // The end of one of those that are tried is reported.
  if (inFlight >= settings.maxHedged) return { next: undefined, again: Number.POSITIVE_INFINITY }
  const [next] = inOrder(
    free.filter(({ restsUntil }) => restsUntil <= now),
    sessions,
    isRequested ? [] : askable,
    hunt
  )
  const hedged = inFlight === 0 ? now : hunt.lastStart + settings.hedgeDelay
  if (next === undefined) return { next, again: rested }
  return now >= hedged
    ? { next, again: now + settings.hedgeDelay }
    : { next: undefined, again: Math.min(rested, hedged) }
}

/** The sessions that can be tried, and where a new one stands among them. */
const inOrder = (
  ready: ReadonlyArray<Entry.Entry>,
  sessions: ReadonlyArray<Entry.Entry>,
  askable: ReadonlyArray<Tower>,
  { started }: Hunt
): ReadonlyArray<Entry.Entry | "request"> => {
  const of = (last: Entry.Entry["last"]) => ready.filter((entry) => entry.last === last)
  const [good, unknown, bad] = [of("good"), of("unknown"), of("bad")]
  const request = askable.length > 0 ? ["request" as const] : []
  // One session of an earlier run before a new one: its tower may be gone, but mostly it is not. All of them before a new one of
  // towers that have just failed.
  const failing = new Set(sessions.flatMap(({ last, session }) => (last === "bad" ? session.towerId : [])))
  const isFresh = started > 0 && askable.some(({ id }) => !failing.has(id))
  return isFresh
    ? [...good, ...request, ...unknown, ...bad]
    : [...good, ...unknown.slice(0, 1), ...request, ...unknown, ...bad]
}

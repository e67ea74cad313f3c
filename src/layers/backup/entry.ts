/**
 * What the sender knows of a session in use, as a value: where it stands, what its contact does, and how it went before.
 * Instants are monotonic milliseconds, but for `failingSince`, which is stored.
 *
 * @since 0.1.0
 */
import type { ClientSession } from "../../schema/ClientSession.js"
import type { Instant } from "../../schema/Ids.js"
import * as Policy from "../../schema/Policy.js"
import type { SendingSession } from "../../schema/StoredBackup.js"
import type * as Inbox from "../concurrency/inbox.js"
import { type Position, type Progress, Question } from "./contactContext.js"
import { firstRestMs, restsWithin } from "./rests.js"

/** A contact that goes on. `since`: since when it is in its phase, or when the tower last confirmed something. @since 0.1.0 @category models */
export interface Contact {
  readonly phase: "connecting" | "binding" | "sending" | "idle"
  readonly since: number
  /** It was started because states waited, not because it has bound some. */
  readonly isHedge: boolean
  readonly work: Inbox.Inbox<"work">
  /** While it has sent nothing since it was told that there is a state for it: `SenderState.news` at that time. */
  readonly newsWhenTold: number | undefined
}

/** @since 0.1.0 @category models */
export interface Entry {
  readonly session: ClientSession
  /** That of the session's policy: each look at a policy asks for it, of all sessions. */
  readonly policyKey: Policy.PolicyKey
  readonly position: Position
  readonly question: Question
  readonly contact: Contact | undefined
  /** How the last contact went; that of a session of an earlier run is not known. */
  readonly last: "good" | "bad" | "unknown"
  /** Failed contacts since everything bound was confirmed, and contacts for which the key was busy since the last that was not. */
  readonly failures: number
  readonly busy: number
  readonly restsUntil: number
  /** When a connection was over whose end the tower may not have seen. */
  readonly unseenEnd: number | undefined
  readonly failingSince: Instant | undefined
  /** It has failed for so long that what it has bound is open for others. */
  readonly isStalled: boolean
  /**
   * A write of it failed, and may be stored yet, also after its row was read again: what it has bound is known when the next window is
   * answered, and so it is contacted.
   */
  readonly isUnsure: boolean
  /** It is only asked where it stands: it is used up, or was given up. */
  readonly asksOnly: boolean
}

/**
 * A session of an earlier run: a connection of that run may still be open at the tower. It is contacted at once; where it has failed before,
 * its next rest is as long as it would be without a new start. `wall` is the instant by the wall clock.
 *
 * @since 0.1.0
 * @category constructors
 */
export const stored = ({ failingSince, session }: SendingSession, now: number, wall: Instant): Entry => ({
  ...made(session, now),
  failures: failingSince === undefined ? 0 : restsWithin(firstRestMs, wall - failingSince),
  question: Question.Where(),
  last: "unknown",
  unseenEnd: now,
  failingSince
})

/** A session that was made in this run. @since 0.1.0 @category constructors */
export const made = (session: ClientSession, now: number): Entry => ({
  session,
  policyKey: Policy.keyOf(session.policy),
  position: { acked: session.towerLastApplied, bound: session.seqNum },
  question: Question.None(),
  contact: undefined,
  last: "good",
  failures: 0,
  busy: 0,
  restsUntil: now,
  unseenEnd: undefined,
  failingSince: undefined,
  isStalled: false,
  isUnsure: false,
  asksOnly: false
})

/** After its row was read again: what it has bound may be more than was known, and where it stands has to be asked. @since 0.1.0 @category combinators */
export const readAgain = (entry: Entry, { failingSince, session }: SendingSession): Entry => ({
  ...entry,
  position: { acked: session.towerLastApplied, bound: session.seqNum },
  question: Question.Where(),
  failingSince
})

/** Has it bound something that the tower has not confirmed? @since 0.1.0 @category combinators */
export const hasBound = ({ position }: Entry): boolean => position.bound > position.acked

/** Has it numbers that were not given out? @since 0.1.0 @category combinators */
export const hasFree = ({ position, session }: Entry): boolean => position.bound < session.policy.maxUpdates

/** Is it connected to a tower that answers, and can it take states? @since 0.1.0 @category combinators */
export const isServing = (entry: Entry, now: number, silence: number): boolean => {
  if (entry.contact === undefined || !hasFree(entry)) return false
  const { phase, since } = entry.contact
  return phase === "idle" || phase === "binding" || (phase === "sending" && now < since + silence)
}

/**
 * When it may be told again that there is a state for it. Where it was told and has found nothing, the database contradicts itself, or this
 * side does: without a pause it would be told again as fast as the processor can.
 *
 * @since 0.1.0
 * @category combinators
 */
export const tellableFrom = ({ since, newsWhenTold }: Contact, news: number): number =>
  newsWhenTold === news ? since + firstRestMs : since

/**
 * Did it take states and does it take more, as before? Then nothing changes for the other sessions. Where it begins to send, the next idle
 * one can be asked; where it was silent, what was looked for in its place is called off.
 *
 * @since 0.1.0
 * @category combinators
 */
export const goesOn = (before: Entry, after: Entry, now: number, silence: number): boolean =>
  before.contact?.phase === "sending" && isServing(before, now, silence) && isServing(after, now, silence)

/** After something that its contact has told. @since 0.1.0 @category combinators */
export const told = (entry: Entry, progress: Progress, now: number): Entry => {
  const { contact } = entry
  if (contact === undefined) return entry
  const inPhase = (phase: Contact["phase"], change: Partial<Entry>): Entry => {
    const newsWhenTold = phase === "sending" ? undefined : contact.newsWhenTold
    const next = { ...entry, ...change, contact: { ...contact, phase, since: now, newsWhenTold } }
    // One report can tell that all is confirmed that was bound, and what was bound then: a failure with that is a new one.
    const isConfirmed = next.position.acked >= entry.position.bound && !next.isUnsure
    return isConfirmed ? { ...next, failures: 0, failingSince: undefined, isStalled: false } : next
  }
  switch (progress._tag) {
    case "Connected":
      return inPhase(entry.question._tag === "None" ? "binding" : "connecting", { last: "good", busy: 0 })
    case "Answered":
      return inPhase("connecting", { position: progress.position, question: Question.None() })
    case "Sending":
      // Until its last update is confirmed, the tower may have any part of the window.
      return inPhase("sending", { position: progress.position, question: Question.Where(), isUnsure: false })
    case "Confirmed":
      return inPhase("sending", {})
    case "Stored":
      return { ...entry, position: progress.position }
    case "Idle":
      return inPhase("idle", { position: progress.position, question: Question.None(), isUnsure: false })
  }
}

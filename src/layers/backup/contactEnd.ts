/**
 * What the end of a contact means: what is stored of it, and what becomes of the session (docs/backups.md, What ends a session).
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { ClientSession } from "../../schema/ClientSession.js"
import { DbError } from "../../schema/DbError.js"
import { type ContactFailure, Happening } from "../../schema/TowerClientEvent.js"
import * as Rules from "../negotiator/Rules.js"
import { ContactEnd, Question, refOf } from "./contactContext.js"
import * as Entry from "./entry.js"
import type { Environment } from "./environment.js"
import type { Lease } from "./lease.js"
import { doubled, firstRestMs, longestRestMs } from "./rests.js"

/**
 * Stores how a contact ended. A write that fails makes a failed contact of it: the tower is asked again then, and says the same.
 *
 * @since 0.1.0
 * @category constructors
 */
export const store = (
  { db, events }: Environment,
  { token }: Lease,
  session: ClientSession,
  end: ContactEnd
): Effect.Effect<ContactEnd> =>
  Effect.gen(function* () {
    const ref = refOf(session)
    const { keyIndex } = session
    switch (end._tag) {
      case "Terminal": {
        const { reopened } = yield* db.endSession(token, keyIndex, "terminal")
        events.emit(Happening.SessionTerminal({ ...ref, reason: end.reason, reopened }))
        return end
      }
      case "Lost": {
        const { lastApplied } = end
        const { lost, reopened } = yield* db.endSession(token, keyIndex, "lost")
        events.emit(Happening.SessionLost({ ...ref, lastApplied, reopened, lost }))
        return end
      }
      case "Failed":
      case "EndedEarly":
        yield* db.noteFailure(token, keyIndex, yield* Clock.currentTimeMillis)
        return end
      case "Refused":
      case "Done":
      case "Exhausted":
      case "Gone":
        return end
    }
  }).pipe(
    Effect.catchAll((error) =>
      Effect.succeed<ContactEnd>(
        error._tag === "NotSender" ? ContactEnd.Gone({ reason: error }) : ContactEnd.Failed({ failure: error })
      )
    )
  )

/** What becomes of a session. @since 0.1.0 @category models */
export interface Aftermath {
  /** Undefined: it is not in use any more. */
  readonly entry: Entry.Entry | undefined
  readonly happening?: Happening
  /** Does its tower get a penalty, or lose those that it has? */
  readonly penalty?: "add" | "remove"
  /** `reopen`: its states may be open for others. `reload`: what is stored of the sessions has to be read again; `readAgain`: of this one too. */
  readonly next?: "reopen" | "reload" | "readAgain"
}

/** An end before Init this long after an end that the tower may not have seen says that it still has that connection. */
const busyFor = 20_000
/** The key is busy for 20 s at most, so longer rests bring nothing. */
const mostBusy = 3

/** Instants are monotonic milliseconds, but for `wall`. @since 0.1.0 @category combinators */
export const aftermath = (before: Entry.Entry, end: ContactEnd, now: number, wall: number): Aftermath => {
  const entry: Entry.Entry = { ...before, contact: undefined }
  const ref = refOf(entry.session)
  switch (end._tag) {
    case "Done":
      return {
        entry: entry.asksOnly ? undefined : { ...entry, last: "good" },
        happening: Happening.ContactEnded(ref)
      }
    case "Exhausted":
      return { entry: undefined, happening: Happening.SessionExhausted(ref), penalty: "remove" }
    case "EndedEarly":
      if (entry.unseenEnd === undefined || now >= entry.unseenEnd + busyFor)
        return failed(entry, end.failure, now, wall)
      {
        const rest = doubled(firstRestMs, Math.min(entry.busy, mostBusy), longestRestMs)
        return {
          entry: { ...entry, restsUntil: now + rest, busy: entry.busy + 1 },
          happening: Happening.KeyBusy({ ...ref, restsUntil: wall + rest })
        }
      }
    case "Failed":
      return failed(entry, end.failure, now, wall)
    case "Refused": {
      const { failure, seqNum } = end
      return {
        entry: { ...entry, restsUntil: now, question: Question.AfterRefusal({ seqNum }) },
        happening: Happening.ContactFailed({ ...ref, failure, restsUntil: wall })
      }
    }
    case "Terminal":
    case "Lost":
      return { entry: undefined, penalty: "add", next: "reopen" }
    case "Gone":
      // Its tower may have been added again since.
      return { entry: undefined, happening: Happening.ContactEnded(ref), next: "reload" }
  }
}

const failed = (entry: Entry.Entry, failure: ContactFailure | DbError, now: number, wall: number): Aftermath => {
  const rest = doubled(firstRestMs, entry.failures, longestRestMs)
  const isOurs = isOwn(failure)
  const rested: Entry.Entry = {
    ...entry,
    restsUntil: now + rest,
    failures: entry.failures + 1,
    last: isOurs ? entry.last : "bad",
    // As the database has it: what has failed since an instant to come, by a clock that was set back, has failed since now.
    failingSince: Entry.hasBound(entry) ? Math.min(entry.failingSince ?? wall, wall) : undefined,
    isStalled: entry.isStalled && Entry.hasBound(entry),
    isUnsure: entry.isUnsure || isDbError(failure)
  }
  return {
    entry: entry.asksOnly ? undefined : rested,
    happening: Happening.ContactFailed({ ...refOf(entry.session), failure, restsUntil: wall + rest }),
    ...(isOurs ? {} : { penalty: "add" }),
    // The write may have been stored all the same.
    ...(isDbError(failure) ? { next: "readAgain" } : {})
  }
}

const isDbError = Schema.is(DbError)

/** Is it this side that could not do its part? */
const isOwn = (failure: ContactFailure | DbError): boolean => {
  switch (failure._tag) {
    case "UpdateRefused":
    case "WrongLastApplied":
    case "WindowTimeout":
      return false
    default:
      return Rules.defaults.judge(failure).blames === "none"
  }
}

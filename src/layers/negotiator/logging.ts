/**
 * The log as a fold over the events: sessions at level Info, failures at Debug, permanent refusals and failed writes as
 * warnings, the defect that ends the negotiator as an error. Public keys and numbers: no secret, no script.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import type { Happening, NegotiatorEvent } from "../../schema/NegotiatorEvent.js"
import * as Inbox from "../concurrency/inbox.js"

/** A logger that is slower than the negotiator loses the oldest lines beyond this number. */
const capacity = 4096

/**
 * What is to be called at each event of the negotiator with this name. The lines are logged by a fiber; when the scope
 * closes, it logs those that are left and ends. So the scope is to close after the negotiator.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: (name: string) => Effect.Effect<(event: NegotiatorEvent) => void, never, Scope.Scope> =
  Effect.fnUntraced(function* (name) {
    const lines = Inbox.make<Line, "Ended">({ capacity })
    // A line that a logger dies of is not the last one.
    const logNext = Effect.flatMap(lines.take, (line) => Effect.exit(annotated(line, { negotiator: name })))
    const fiber = yield* Effect.forkDaemon(Effect.ignore(Effect.forever(logNext)))
    yield* Effect.addFinalizer(() => {
      lines.end(Effect.fail("Ended"))
      return Fiber.await(fiber)
    })
    return ({ happening }) => {
      const line = lineOf(happening)
      if (line !== undefined) lines.offer(line)
    }
  })

/** Logs an event of a negotiator that is watched from outside. @since 0.1.0 @category combinators */
export const log = ({ happening }: NegotiatorEvent): Effect.Effect<void> => {
  const line = lineOf(happening)
  return line === undefined ? Effect.void : annotated(line)
}

interface Line {
  readonly write: Effect.Effect<void>
  readonly details: Readonly<Record<string, unknown>>
}

/** With annotations that have the prefix of all of ours: other parts of a program speak of addresses and sessions too. */
const annotated = ({ details, write }: Line, more: Line["details"] = {}): Effect.Effect<void> =>
  Effect.annotateLogs(
    write,
    Object.fromEntries(Object.entries({ ...details, ...more }).map(([key, value]) => [`watchtower.${key}`, value]))
  )

/** Undefined for what is not logged: most of the events of a session that goes well, and each line wakes a fiber. */
const lineOf = (happening: Happening): Line | undefined => {
  switch (happening._tag) {
    case "SessionStored": {
      const { id, keyIndex, towerPublicKey: tower } = happening.session
      return { write: Effect.logInfo("session established"), details: { session: id, tower, keyIndex } }
    }
    case "AttemptFailed": {
      const { address, failure, tower } = happening
      return { write: Effect.logDebug("attempt failed"), details: { tower, address, failure: failure.message } }
    }
    case "VisitFailed": {
      const { blamed, failure, restsUntil, tower } = happening
      const details = { tower, failure: failure._tag, restsUntil: instant(restsUntil) }
      return { write: blamed ? Effect.logDebug("tower rests") : Effect.logWarning("failure of ours"), details }
    }
    case "Quarantined": {
      const { probeAt, reason, tower } = happening
      return { write: Effect.logWarning("tower quarantined"), details: { tower, reason, probeAt: instant(probeAt) } }
    }
    case "KeyUsed": {
      const { keyIndex, lastApplied, tower } = happening
      return { write: Effect.logDebug("key was used before"), details: { tower, keyIndex, lastApplied } }
    }
    case "WriteFailed": {
      const { failure, tower } = happening
      return { write: Effect.logWarning("end of a visit not written"), details: { tower, failure: failure.message } }
    }
    case "BackingOff":
      return {
        write: Effect.logDebug("backing off"),
        details: { attempt: happening.attempt, until: instant(happening.until) }
      }
    case "WaitingForCandidates":
      return { write: Effect.logDebug("waiting for a tower"), details: {} }
    case "Stopped":
      return { write: Effect.logError("negotiator stopped", Cause.die(happening.cause)), details: {} }
    default:
      return undefined
  }
}

const instant = (millis: number) => new Date(millis).toISOString()

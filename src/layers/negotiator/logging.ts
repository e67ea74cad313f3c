/**
 * The log as a fold over the events: sessions at level Info, failures at Debug, permanent refusals and failed writes as
 * warnings, the defect that ends the negotiator as an error. Public keys and numbers: no secret, no script.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as LogLevel from "effect/LogLevel"
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
    // The fiber has inherited the same: a line below it must not wake it.
    const minimum = yield* FiberRef.get(FiberRef.currentMinimumLogLevel)
    return ({ happening }) => {
      const line = lineOf(happening)
      if (line !== undefined && LogLevel.greaterThanEqual(line.level, minimum)) lines.offer(line)
    }
  })

/** Logs an event of a negotiator that is watched from outside. @since 0.1.0 @category combinators */
export const log = ({ happening }: NegotiatorEvent): Effect.Effect<void> => {
  const line = lineOf(happening)
  return line === undefined ? Effect.void : annotated(line)
}

interface Line {
  readonly level: LogLevel.LogLevel
  readonly message: string
  readonly cause?: Cause.Cause<never>
  readonly details: Readonly<Record<string, unknown>>
}

/** With annotations that have the prefix of all of ours: other parts of a program speak of addresses and sessions too. */
const annotated = ({ cause, details, level, message }: Line, more: Line["details"] = {}): Effect.Effect<void> =>
  Effect.annotateLogs(
    Effect.logWithLevel(level, message, ...(cause === undefined ? [] : [cause])),
    Object.fromEntries(Object.entries({ ...details, ...more }).map(([key, value]) => [`watchtower.${key}`, value]))
  )

/** Undefined for what is not logged: most of the events of a session that goes well, and each line wakes a fiber. */
const lineOf = (happening: Happening): Line | undefined => {
  switch (happening._tag) {
    case "SessionStored": {
      const { id, keyIndex, towerPublicKey: tower } = happening.session
      return { level: LogLevel.Info, message: "session established", details: { session: id, tower, keyIndex } }
    }
    case "AttemptFailed": {
      const { address, failure, tower } = happening
      return { level: LogLevel.Debug, message: "attempt failed", details: { tower, address, failure: failure.message } }
    }
    case "VisitFailed": {
      const { blamed, failure, restsUntil, tower } = happening
      const details = { tower, failure: failure._tag, restsUntil: instant(restsUntil) }
      return blamed
        ? { level: LogLevel.Debug, message: "tower rests", details }
        : { level: LogLevel.Warning, message: "failure of ours", details }
    }
    case "Quarantined": {
      const { probeAt, reason, tower } = happening
      return {
        level: LogLevel.Warning,
        message: "tower quarantined",
        details: { tower, reason, probeAt: instant(probeAt) }
      }
    }
    case "KeyUsed": {
      const { keyIndex, lastApplied, tower } = happening
      return { level: LogLevel.Debug, message: "key was used before", details: { tower, keyIndex, lastApplied } }
    }
    case "WriteFailed": {
      const { failure, tower } = happening
      return {
        level: LogLevel.Warning,
        message: "end of a visit not written",
        details: { tower, failure: failure.message }
      }
    }
    case "BackingOff":
      return {
        level: LogLevel.Debug,
        message: "backing off",
        details: { attempt: happening.attempt, until: instant(happening.until) }
      }
    case "WaitingForCandidates":
      return { level: LogLevel.Debug, message: "waiting for a tower", details: {} }
    case "Stopped":
      return { level: LogLevel.Error, message: "negotiator stopped", cause: Cause.die(happening.cause), details: {} }
    default:
      return undefined
  }
}

const instant = (millis: number) => new Date(millis).toISOString()

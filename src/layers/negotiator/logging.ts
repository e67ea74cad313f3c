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
    const lines = Inbox.make<Effect.Effect<void>, "Ended">({ capacity })
    // A line that a logger dies of is not the last one.
    const logNext = Effect.flatMap(lines.take, (line) =>
      Effect.exit(Effect.annotateLogs(line, "watchtower.negotiator", name))
    )
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
export const log = ({ happening }: NegotiatorEvent): Effect.Effect<void> => lineOf(happening) ?? Effect.void

/** Undefined for what is not logged: most of the events of a session that goes well, and each line wakes a fiber. */
const lineOf = (happening: Happening): Effect.Effect<void> | undefined => {
  switch (happening._tag) {
    case "SessionStored": {
      const { id, keyIndex, towerPublicKey: tower } = happening.session
      return annotate(Effect.logInfo("session established"), { session: id, tower, keyIndex })
    }
    case "AttemptFailed": {
      const { address, failure, tower } = happening
      return annotate(Effect.logDebug("attempt failed"), { tower, address, failure: failure.message })
    }
    case "VisitFailed": {
      const { blamed, failure, restsUntil, tower } = happening
      const details = { tower, failure: failure._tag, restsUntil: instant(restsUntil) }
      return annotate(blamed ? Effect.logDebug("tower rests") : Effect.logWarning("failure of ours"), details)
    }
    case "Quarantined": {
      const { probeAt, reason, tower } = happening
      return annotate(Effect.logWarning("tower quarantined"), { tower, reason, probeAt: instant(probeAt) })
    }
    case "KeyUsed": {
      const { keyIndex, lastApplied, tower } = happening
      return annotate(Effect.logDebug("key was used before"), { tower, keyIndex, lastApplied })
    }
    case "WriteFailed": {
      const { failure, tower } = happening
      return annotate(Effect.logWarning("end of a visit not written"), { tower, failure: failure.message })
    }
    case "BackingOff":
      return annotate(Effect.logDebug("backing off"), {
        attempt: happening.attempt,
        until: instant(happening.until)
      })
    case "WaitingForCandidates":
      return Effect.logDebug("waiting for a tower")
    case "Stopped":
      return Effect.logError("negotiator stopped", Cause.die(happening.cause))
    default:
      return undefined
  }
}

/** Annotations with the prefix that all of ours have: other parts of a program speak of addresses and sessions too. */
const annotate = (line: Effect.Effect<void>, details: Readonly<Record<string, unknown>>): Effect.Effect<void> =>
  Effect.annotateLogs(
    line,
    Object.fromEntries(Object.entries(details).map(([key, value]) => [`watchtower.${key}`, value]))
  )

const instant = (millis: number) => new Date(millis).toISOString()

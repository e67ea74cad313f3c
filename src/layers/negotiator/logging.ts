/**
 * The log as a fold over the events: sessions at level Info, failures at Debug, permanent refusals and failed writes as
 * warnings, the defect that ends the negotiator as an error. Public keys and numbers: no secret, no script.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Happening } from "../../schema/NegotiatorEvent.js"
import type { SessionNegotiator } from "../../services/SessionNegotiator.js"

/**
 * The negotiator that is made, and what happens in it logged under its name, to its very end: the log is closed after the
 * negotiator.
 *
 * @since 0.1.0
 * @category combinators
 */
export const logged = <E, R>(
  make: Effect.Effect<SessionNegotiator.Service, E, R>,
  name: string
): Effect.Effect<SessionNegotiator.Service, E, R | Scope.Scope> =>
  Effect.gen(function* () {
    const fibers = yield* FiberSet.make<void>()
    yield* Effect.addFinalizer(() => FiberSet.awaitEmpty(fibers))
    // Closed after the negotiator, so that its last events are still read.
    const subscription = yield* Effect.acquireRelease(Scope.make(), Scope.close)
    const negotiator = yield* make
    const events = yield* Scope.extend(negotiator.events, subscription)
    // The events end with the negotiator. A line that a logger dies of is not the last one.
    yield* FiberSet.run(
      fibers,
      Stream.runForEach(events, ({ happening }) =>
        Effect.exit(Effect.annotateLogs(log(happening), "watchtower.negotiator", name))
      )
    )
    return negotiator
  })

const log = (happening: Happening): Effect.Effect<void> => {
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
      return Effect.void
  }
}

/** Annotations with the prefix that all of ours have: other parts of a program speak of addresses and sessions too. */
const annotate = (line: Effect.Effect<void>, details: Readonly<Record<string, unknown>>): Effect.Effect<void> =>
  Effect.annotateLogs(
    line,
    Object.fromEntries(Object.entries(details).map(([key, value]) => [`watchtower.${key}`, value]))
  )

const instant = (millis: number) => new Date(millis).toISOString()

/**
 * The log as a fold over the events: sessions at level Info, failures at Debug, permanent refusals and failed writes as
 * warnings. Public keys and numbers: no secret, no script.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Happening } from "../../schema/NegotiatorEvent.js"
import type { SessionNegotiator } from "../../services/SessionNegotiator.js"

/**
 * The negotiator that is made, and what happens in it logged, to its very end: the log is closed after the negotiator.
 *
 * @since 0.1.0
 * @category combinators
 */
export const logged = <E, R>(
  make: Effect.Effect<SessionNegotiator.Service, E, R>
): Effect.Effect<SessionNegotiator.Service, E, R | Scope.Scope> =>
  Effect.gen(function* () {
    const fibers = yield* FiberSet.make<void>()
    yield* Effect.addFinalizer(() => FiberSet.awaitEmpty(fibers))
    const negotiator = yield* make
    // The events end with the negotiator.
    yield* FiberSet.run(
      fibers,
      Stream.runForEach(negotiator.events, ({ happening }) => log(happening))
    )
    return negotiator
  })

const log = (happening: Happening): Effect.Effect<void> => {
  switch (happening._tag) {
    case "SessionStored": {
      const { id, keyIndex, towerPublicKey: tower } = happening.session
      return Effect.annotateLogs(Effect.logInfo("session established"), { session: id, tower, keyIndex })
    }
    case "AttemptFailed": {
      const { address, failure, tower } = happening
      return Effect.annotateLogs(Effect.logDebug("attempt failed"), { tower, address, failure: failure.message })
    }
    case "VisitFailed": {
      const { blamed, failure, restsUntil, tower } = happening
      const details = { tower, failure: failure._tag, restsUntil: instant(restsUntil) }
      return Effect.annotateLogs(
        blamed ? Effect.logDebug("tower rests") : Effect.logWarning("failure of ours"),
        details
      )
    }
    case "Quarantined": {
      const { probeAt, reason, tower } = happening
      return Effect.annotateLogs(Effect.logWarning("tower quarantined"), { tower, reason, probeAt: instant(probeAt) })
    }
    case "KeyUsed": {
      const { keyIndex, lastApplied, tower } = happening
      return Effect.annotateLogs(Effect.logDebug("key was used before"), { tower, keyIndex, lastApplied })
    }
    case "WriteFailed": {
      const { failure, tower } = happening
      return Effect.annotateLogs(Effect.logWarning("end of a visit not written"), { tower, failure: failure.message })
    }
    case "BackingOff":
      return Effect.annotateLogs(Effect.logDebug("backing off"), {
        attempt: happening.attempt,
        until: instant(happening.until)
      })
    case "WaitingForCandidates":
      return Effect.logDebug("waiting for a tower")
    default:
      return Effect.void
  }
}

const instant = (millis: number) => new Date(millis).toISOString()

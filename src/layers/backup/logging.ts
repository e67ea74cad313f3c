/**
 * The log as a fold over the events of a tower client: what an operator acts upon at level Info and above, contacts at Debug. Public
 * keys and numbers: no secret, no script.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type { SessionRef, TowerClientEvent } from "../../schema/TowerClientEvent.js"

/** Annotations with the prefix that all of ours have. */
const annotate = (line: Effect.Effect<void>, details: Readonly<Record<string, unknown>>): Effect.Effect<void> =>
  Effect.annotateLogs(
    line,
    Object.fromEntries(Object.entries(details).map(([key, value]) => [`watchtower.${key}`, value]))
  )

const instant = (millis: number) => new Date(millis).toISOString()

const ofSession = ({ keyIndex, tower }: SessionRef) => ({ tower, keyIndex })

/** Logs an event. @since 0.1.0 @category combinators */
export const log = ({ happening }: TowerClientEvent): Effect.Effect<void> => {
  switch (happening._tag) {
    case "SendingStarted":
      return Effect.logInfo("this process sends")
    case "SendingStopped":
      return Effect.logWarning("another process sends, or the database does not answer")
    case "StateKept": {
      const { channelId, commitHeight } = happening
      return annotate(Effect.logInfo("state taken in"), { channel: channelId, height: commitHeight })
    }
    case "StateIneligible": {
      const { channelId, commitHeight } = happening
      return annotate(Effect.logWarning("no tower can punish a state"), { channel: channelId, height: commitHeight })
    }
    case "CopyMade": {
      const { channelId, commitHeight, towerId } = happening
      return annotate(Effect.logInfo("copy made"), { channel: channelId, height: commitHeight, towerId })
    }
    case "ContactFailed": {
      const { failure, restsUntil } = happening
      const details = { ...ofSession(happening), failure: failure.message, restsUntil: instant(restsUntil) }
      return annotate(Effect.logInfo("contact failed"), details)
    }
    case "SessionExhausted":
      return annotate(Effect.logInfo("session used up"), ofSession(happening))
    case "SessionTerminal":
      return annotate(Effect.logWarning("session given up"), { ...ofSession(happening), reason: happening.reason })
    case "SessionLost":
      return annotate(Effect.logError("a tower has lost copies"), { ...ofSession(happening), states: happening.lost })
    case "SessionWanted":
      return annotate(Effect.logDebug("a session is wanted"), { policy: happening.policyKey })
    case "TowerRests": {
      const { towerId, until } = happening
      return annotate(Effect.logInfo("a tower is asked for no new session"), { towerId, until: instant(until) })
    }
    case "DatabaseFailed": {
      const { failure, until } = happening
      return annotate(Effect.logWarning("the database fails"), { failure: failure.message, until: instant(until) })
    }
    case "Stopped":
      return Effect.logError("the sender has stopped", Cause.die(happening.cause))
    case "ContactStarted":
    case "Connected":
    case "Asked":
    case "WindowBound":
    case "Acked":
    case "Lingering":
    case "ContactEnded":
    case "KeyBusy":
    case "SessionUnwanted":
    case "SessionTaken":
      return annotate(Effect.logDebug(happening._tag), happening)
  }
}

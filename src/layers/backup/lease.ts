/**
 * The lease of the process that sends. Two senders would give one number to two states: the tower would refuse, or keep only
 * one of them.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { NotSender } from "../../schema/BackupError.js"
import { type SenderToken, senderLeaseMs } from "../../schema/StoredBackup.js"
import * as Monotonic from "../negotiator/monotonic.js"

/** @since 0.1.0 @category models */
export interface Lease {
  readonly token: SenderToken
  /** Fails when the lease may have run out. Before each frame: what a tower is sent after that could be another process's number. */
  readonly holds: Effect.Effect<void, NotSender>
  /** Notes that it was renewed; `before` is an instant before the statement was sent, so that it ends here before it ends there. */
  readonly renewed: (before: Monotonic.Instants) => void
}

/** A lease that was taken at an instant. @since 0.1.0 @category constructors */
export const make = (clock: Clock.Clock, token: SenderToken, taken: Monotonic.Instants): Lease => {
  let since = taken
  return {
    token,
    holds: Effect.suspend(() =>
      Monotonic.elapsedBy(clock, since) < senderLeaseMs ? Effect.void : Effect.fail(new NotSender())
    ),
    renewed: (before) => {
      since = before
    }
  }
}

/**
 * The lease of the process that sends. Two senders would give one number to two states: the tower would refuse, or keep only
 * one of them.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { NotSender } from "../../schema/BackupError.js"
import { type SenderToken, senderLeaseMs } from "../../schema/StoredBackup.js"

/** @since 0.1.0 @category models */
export interface Lease {
  readonly token: SenderToken
  /** Fails when the lease may have run out. Before each frame: what a tower is sent after that could be another process's number. */
  readonly holds: Effect.Effect<void, NotSender>
  /** Notes that it was renewed; `before` is an instant before the statement was sent, so that it ends here before it ends there. */
  readonly renewed: (before: Instants) => void
}

/** One instant by both clocks. A clock that is set, or a machine that sleeps, shows in one of them. @since 0.1.0 @category models */
export interface Instants {
  readonly wall: number
  readonly monotonic: bigint
}

/** @since 0.1.0 @category combinators */
export const instants: Effect.Effect<Instants> = Effect.all({
  wall: Clock.currentTimeMillis,
  monotonic: Clock.currentTimeNanos
})

/** A lease that was taken at an instant. @since 0.1.0 @category constructors */
export const make = (token: SenderToken, taken: Instants): Lease => {
  let since = taken
  return {
    token,
    holds: Effect.flatMap(instants, (now) => {
      const byWall = now.wall - since.wall
      const byMonotonic = Number(now.monotonic - since.monotonic) / 1e6
      return Math.max(byWall, byMonotonic) < senderLeaseMs ? Effect.void : new NotSender()
    }),
    renewed: (before) => {
      since = before
    }
  }
}

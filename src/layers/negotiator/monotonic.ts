/**
 * Time for lengths: it goes on evenly when the wall clock is set. Instants that are shown or stored are wall time;
 * deadlines, delays and rests within the process are measured here.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

/** Milliseconds since some instant in the past. @since 0.1.0 @category combinators */
export const now: Effect.Effect<number> = Effect.map(Clock.currentTimeNanos, (nanos) => Number(nanos / 1_000n) / 1_000)

/** Comes back at that instant, at once if it has passed. @since 0.1.0 @category combinators */
export const sleepUntil = (instant: number): Effect.Effect<void> =>
  Effect.flatMap(now, (passed) => (passed < instant ? Effect.sleep(Duration.millis(instant - passed)) : Effect.void))

/** One instant by both clocks. @since 0.1.0 @category models */
export interface Instants {
  readonly wall: number
  readonly monotonic: bigint
}

/** This instant by both clocks. @since 0.1.0 @category combinators */
export const instants: Effect.Effect<Instants> = Effect.all({
  wall: Clock.currentTimeMillis,
  monotonic: Clock.currentTimeNanos
})

/**
 * Milliseconds since that instant, by the clock that has gone further: a clock that is set, or a machine that sleeps, shows in one of
 * them.
 *
 * @since 0.1.0
 * @category combinators
 */
export const elapsedSince = (then: Instants): Effect.Effect<number> =>
  Effect.map(instants, (now) => {
    const byWall = now.wall - then.wall
    const byMonotonic = Number(now.monotonic - then.monotonic) / 1e6
    return Math.max(byWall, byMonotonic)
  })

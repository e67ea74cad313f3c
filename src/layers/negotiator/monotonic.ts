/**
 * Time for lengths: it goes on evenly when the wall clock is set. Instants that are shown or stored are wall time;
 * deadlines, delays and rests within the process are measured here.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

/** What this clock says now, in one step. */
const read = <A>(ask: (clock: Clock.Clock) => A): Effect.Effect<A> =>
  Effect.clockWith((clock) => Effect.succeed(ask(clock)))

/** Milliseconds since some instant in the past, by that clock. @since 0.1.0 @category combinators */
export const nowBy = (clock: Clock.Clock): number => Number(clock.unsafeCurrentTimeNanos() / 1_000n) / 1_000

/** Milliseconds since some instant in the past. @since 0.1.0 @category combinators */
export const now: Effect.Effect<number> = read(nowBy)

/** Comes back at that instant, at once if it has passed. @since 0.1.0 @category combinators */
export const sleepUntil = (instant: number): Effect.Effect<void> =>
  Effect.flatMap(now, (passed) => (passed < instant ? Effect.sleep(Duration.millis(instant - passed)) : Effect.void))

/** One instant by both clocks. @since 0.1.0 @category models */
export interface Instants {
  readonly wall: number
  readonly monotonic: bigint
}

const instantsOf = (clock: Clock.Clock): Instants => ({
  wall: clock.unsafeCurrentTimeMillis(),
  monotonic: clock.unsafeCurrentTimeNanos()
})

/** This instant by both clocks. @since 0.1.0 @category combinators */
export const instants: Effect.Effect<Instants> = read(instantsOf)

/**
 * Milliseconds since that instant, by the clock that has gone further: a clock that is set, or a machine that sleeps, shows in one of
 * them.
 *
 * @since 0.1.0
 * @category combinators
 */
export const elapsedBy = (clock: Clock.Clock, then: Instants): number => {
  const now = instantsOf(clock)
  const byWall = now.wall - then.wall
  const byMonotonic = Number(now.monotonic - then.monotonic) / 1e6
  return Math.max(byWall, byMonotonic)
}

/** As `elapsedBy`, by the clock of the caller. @since 0.1.0 @category combinators */
export const elapsedSince = (then: Instants): Effect.Effect<number> => read((clock) => elapsedBy(clock, then))

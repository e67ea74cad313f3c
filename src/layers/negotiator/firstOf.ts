/**
 * The first of two effects to end.
 *
 * `Effect.raceFirst` (effect 3.22.4) makes its two fibers in one step and starts them in the next. A fiber that is
 * interrupted between the two waits for ever for children that never begin. Here nothing comes between: the race itself
 * cannot be interrupted, and an interruption reaches its two sides, which can be if the caller can.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"

/** Whichever ends first, well or not; the other one is interrupted, and its end waited for. @since 0.1.0 @category combinators */
export const firstOf = <A, E, R, A2, E2, R2>(
  one: Effect.Effect<A, E, R>,
  other: Effect.Effect<A2, E2, R2>
): Effect.Effect<A | A2, E | E2, R | R2> =>
  Effect.uninterruptibleMask((restore) => Effect.raceFirst(restore(one), restore(other)))

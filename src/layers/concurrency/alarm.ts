/**
 * A call when a time is up, by the Clock of the caller.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Runtime from "effect/Runtime"

/** Calls `ring` after that time; returns how to call that off. @since 0.1.0 @category models */
export type Alarm = (duration: Duration.DurationInput, ring: () => void) => () => void

/** The alarm of the caller's Clock. @since 0.1.0 @category constructors */
export const alarm: Effect.Effect<Alarm> = Effect.map(Effect.runtime(), (runtime) => (duration, ring) => {
  // Interruptible: a sleep that inherits an uninterruptible region would be slept to its end. It begins in a later step, as a
  // fork does: what fibers that were forked before are to do at that very instant comes first.
  const fiber = Runtime.runFork(runtime)(Effect.interruptible(Effect.sleep(duration)), { immediate: false })
  fiber.addObserver((exit) => {
    if (Exit.isSuccess(exit)) ring()
  })
  return () => fiber.unsafeInterruptAsFork(FiberId.none)
})

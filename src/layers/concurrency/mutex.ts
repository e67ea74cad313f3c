/**
 * One at a time, such that the turn is never lost.
 *
 * `Semaphore.withPermits` of Effect (3.22.4) loses its permit when its fiber yields right after taking it and is interrupted
 * there: then no caller ever gets a turn again (docs/concurrency.md, Mutex). Here taking the turn is one step of an
 * uninterruptible region, and only the wait before it can be interrupted.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"

/** Runs an effect when no other one is running; its caller may be interrupted while it waits. @since 0.1.0 @category models */
export type Mutex = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/** @since 0.1.0 @category constructors */
export const make = (): Mutex => {
  // A latch shows a state, not an event: a fiber that looks and then waits misses nothing.
  const free = Effect.unsafeMakeLatch(true)
  let isTaken = false
  const release = Effect.sync(() => {
    isTaken = false
    free.unsafeOpen()
  })
  return (effect) =>
    Effect.uninterruptibleMask((restore) => {
      const take: Effect.Effect<void> = Effect.suspend(() => {
        // All who wait are woken; the first to run takes the turn, the others wait again.
        if (isTaken) return Effect.andThen(restore(free.await), take)
        isTaken = true
        free.unsafeClose()
        return Effect.void
      })
      return Effect.andThen(take, Effect.ensuring(restore(effect), release))
    })
}

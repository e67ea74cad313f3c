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

/**
 * A turn that is taken and given back in an uninterruptible region. `take` passes only its wait to `wait`, such as the region's `restore`, so
 * that the wait alone can be interrupted. Where the turn is free it waits for nothing, not even for a step of the scheduler.
 *
 * @since 0.1.0
 * @category models
 */
export interface Turn {
  readonly take: (wait: (free: Effect.Effect<void>) => Effect.Effect<void>) => Effect.Effect<void>
  readonly release: Effect.Effect<void>
}

/** A turn that is free. @since 0.1.0 @category constructors */
export const turn = (): Turn => {
  // A latch shows a state, not an event: a fiber that looks and then waits misses nothing.
  const free = Effect.unsafeMakeLatch(true)
  let isTaken = false
  const take: Turn["take"] = (wait) =>
    Effect.suspend(() => {
      // All who wait are woken; the first to run takes the turn, the others wait again.
      if (isTaken) return Effect.andThen(wait(free.await), take(wait))
      isTaken = true
      free.unsafeClose()
      return Effect.void
    })
  return {
    take,
    release: Effect.sync(() => {
      isTaken = false
      free.unsafeOpen()
    })
  }
}

/** @since 0.1.0 @category constructors */
export const make = (): Mutex => {
  const { release, take } = turn()
  return (effect) =>
    Effect.uninterruptibleMask((restore) => Effect.andThen(take(restore), Effect.ensuring(restore(effect), release)))
}

/**
 * Waiting for plain variables to change. Looking and registering are one synchronous step, so no wake-up is lost.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"

/**
 * `until` comes back once its predicate holds; whoever changes a variable that a predicate reads calls `signal`. What held
 * when the waiter was woken may have changed before it runs, unless the waiter alone changes it back.
 *
 * @since 0.1.0
 * @category models
 */
export interface Condition {
  readonly until: (holds: () => boolean) => Effect.Effect<void>
  readonly signal: () => void
}

/** @since 0.1.0 @category constructors */
export const make = (): Condition => {
  const waiting = new Set<{ readonly holds: () => boolean; readonly wake: () => void }>()
  return {
    until: (holds) =>
      Effect.async<void>((resume) => {
        if (holds()) return resume(Effect.void)
        const waiter = { holds, wake: () => resume(Effect.void) }
        waiting.add(waiter)
        return Effect.sync(() => waiting.delete(waiter))
      }),
    signal: () => {
      for (const waiter of [...waiting]) {
        if (!waiter.holds()) continue
        waiting.delete(waiter)
        waiter.wake()
      }
    }
  }
}

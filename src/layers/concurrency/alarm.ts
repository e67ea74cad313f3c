/**
 * A call when a time is up, by the Clock of the caller.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"

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

interface Pending {
  /** Milliseconds since the alarm was made, by the monotonic clock. */
  readonly at: number
  readonly ring: () => void
}

/** In milliseconds: what the rounding of a number can lose. */
const rounding = 0.001

/**
 * An alarm for an owner who sets many and calls most of them off, such as a transport with a time limit for each message: two or three
 * fibers sleep for all of them, not one for each.
 *
 * One sleeps until the earliest time that is set. When that is called off, it sleeps on, and looks for the next time when it wakes up. Once
 * the scope is closed, nobody sleeps on for what is called off, since that would keep the process from ending; but what is set still
 * rings, then and later: a connection that outlives its transport must not lose its time limits.
 *
 * @since 0.1.0
 * @category constructors
 */
export const shared: Effect.Effect<Alarm, never, Scope.Scope> = Effect.flatMap(alarm, (alarm) =>
  Effect.flatMap(Effect.clock, (clock) => {
    // From its beginning: as a number, the nanoseconds since 1970 are off by hundreds.
    const origin = clock.unsafeCurrentTimeNanos()
    const now = () => Number(clock.unsafeCurrentTimeNanos() - origin) / 1e6
    const pending = new Set<Pending>()
    const sleepers = new Map<number, () => void>()
    let isOpen = true

    /** Makes sure that someone wakes up by then. */
    const wakeBy = (until: number): void => {
      for (const at of sleepers.keys()) if (at <= until) return
      const left = until - now()
      sleepers.set(
        until,
        // A sleep of less lets no time pass where the clock is virtual. Who then finds a time that is not quite reached, and waits for the
        // rest of it, would do so for ever.
        alarm(left > 0 ? Math.max(left, rounding) : 0, () => {
          sleepers.delete(until)
          ring(now() + rounding)
        })
      )
    }
    const ring = (reached: number): void => {
      for (const one of [...pending]) {
        // One that has rung just before may have called this one off.
        if (one.at <= reached && pending.delete(one)) one.ring()
      }
      if (pending.size > 0) wakeBy(Math.min(...Array.from(pending, ({ at }) => at)))
      else rest()
    }
    const rest = (): void => {
      if (isOpen || pending.size > 0) return
      for (const callOff of sleepers.values()) callOff()
      sleepers.clear()
    }
    const set: Alarm = (duration, ring) => {
      // A Duration of less than a nanosecond is none, and such rests are what sums of numbers leave.
      const millis = typeof duration === "number" ? Math.max(0, duration) : Duration.toMillis(duration)
      if (!Number.isFinite(millis)) return () => {}
      const one = { at: now() + millis, ring }
      pending.add(one)
      wakeBy(one.at)
      return () => {
        pending.delete(one)
        rest()
      }
    }
    return Effect.as(
      Effect.addFinalizer(() =>
        Effect.sync(() => {
          isOpen = false
          rest()
        })
      ),
      set
    )
  })
)

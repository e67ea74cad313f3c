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

/** An alarm of one owner, who closes it: nothing is called back any more then, nor what is set after that. @since 0.1.0 @category models */
export interface SharedAlarm {
  readonly set: Alarm
  readonly close: () => void
}

interface Pending {
  /** Nanoseconds of the monotonic clock. */
  readonly at: bigint
  readonly ring: () => void
}

/**
 * An alarm for an owner who sets many and calls most of them off, such as a connection with a time limit for each message. A fiber
 * sleeps until the earliest time that is set. When that one is called off, the fiber sleeps on, and looks for the next time when it
 * wakes up. So there are two or three sleeping fibers, not one for each time.
 *
 * @since 0.1.0
 * @category constructors
 */
export const shared: Effect.Effect<SharedAlarm> = Effect.flatMap(alarm, (alarm) =>
  Effect.clockWith((clock) => {
    const pending = new Set<Pending>()
    const sleepers = new Map<bigint, () => void>()
    let isClosed = false

    /** Makes sure that someone wakes up in time for the next one. */
    const sleep = (): void => {
      let next: bigint | undefined
      for (const { at } of pending) if (next === undefined || at < next) next = at
      if (next === undefined) return
      for (const at of sleepers.keys()) if (at <= next) return
      const until = next
      const nanos = until - clock.unsafeCurrentTimeNanos()
      sleepers.set(
        until,
        alarm(Duration.nanos(nanos > 0n ? nanos : 0n), () => {
          sleepers.delete(until)
          const now = clock.unsafeCurrentTimeNanos()
          for (const one of [...pending]) {
            if (one.at > now) continue
            pending.delete(one)
            one.ring()
          }
          sleep()
        })
      )
    }
    return Effect.succeed({
      set: (duration, ring) => {
        const millis = Duration.toMillis(duration)
        if (isClosed || !Number.isFinite(millis)) return () => {}
        const one = { at: clock.unsafeCurrentTimeNanos() + BigInt(Math.round(millis * 1e6)), ring }
        pending.add(one)
        sleep()
        return () => pending.delete(one)
      },
      close: () => {
        isClosed = true
        pending.clear()
        for (const callOff of sleepers.values()) callOff()
      }
    })
  })
)

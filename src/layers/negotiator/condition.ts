/**
 * Waiting for plain variables to change. Looking and registering are one synchronous step, so no wake-up is lost.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { untilTold } from "../untilTold.js"

/**
 * Whoever changes a variable that is looked at here calls `signal`. What held when the waiter was woken may have changed
 * before it runs, unless the waiter alone changes it back.
 *
 * @since 0.1.0
 * @category models
 */
export interface Condition {
  /** Comes back once it holds. */
  readonly until: (holds: () => boolean) => Effect.Effect<void>
  /** Comes back once it holds, or after so many milliseconds; did it hold in time? */
  readonly within: (holds: () => boolean, millis: number) => Effect.Effect<boolean>
  /** Runs an effect until there is a reason against it: then it is interrupted, its end waited for, and the reason the failure. */
  readonly unless: <A, E, R, E2>(
    effect: Effect.Effect<A, E, R>,
    reason: () => E2 | undefined
  ) => Effect.Effect<A, E | E2, R>
  readonly signal: () => void
}

/** Interrupts a fiber, if it has not ended by itself. */
const ended = (fiber: Fiber.RuntimeFiber<unknown, unknown>): Effect.Effect<unknown> =>
  fiber.unsafePoll() === null ? Fiber.interrupt(fiber) : Effect.void

/** Looks at each signal; answers whether it has got what it waits for. */
type Look = () => boolean

/** @since 0.1.0 @category constructors */
export const make = (): Condition => {
  const waiting = new Set<Look>()
  const wait = (look: Look): (() => void) => {
    if (!look()) waiting.add(look)
    return () => waiting.delete(look)
  }
  const signal = () => {
    for (const look of [...waiting]) if (waiting.has(look) && look()) waiting.delete(look)
  }

  const until = (holds: () => boolean): Effect.Effect<void> =>
    untilTold((tell) =>
      wait(() => {
        const is = holds()
        if (is) tell(undefined)
        return is
      })
    )

  const within = (holds: () => boolean, millis: number): Effect.Effect<boolean> => {
    if (millis === Number.POSITIVE_INFINITY) return Effect.as(until(holds), true)
    return Effect.uninterruptibleMask((restore) => {
      let late = false
      const timer = Effect.map(Effect.sleep(millis), () => {
        late = true
        signal()
      })
      // Interruptible whatever the caller is: else it would be slept to its end. A daemon, since an interruption of the
      // caller is passed on to its children at once, also where the caller is uninterruptible.
      return Effect.flatMap(Effect.forkDaemon(Effect.interruptible(timer)), (fiber) =>
        Effect.flatMap(Effect.exit(restore(until(() => late || holds()))), (exit) =>
          Effect.andThen(
            ended(fiber),
            Exit.map(exit, () => !late)
          )
        )
      )
    })
  }

  const unless = <A, E, R, E2>(effect: Effect.Effect<A, E, R>, reason: () => E2 | undefined) =>
    Effect.uninterruptibleMask((restore): Effect.Effect<A, E | E2, R> => {
      const before = reason()
      if (before !== undefined) return Effect.fail(before)
      return Effect.flatMap(Effect.fork(restore(effect)), (fiber) => {
        const first = untilTold<Exit.Exit<A, E | E2>>((tell) => {
          fiber.addObserver(tell)
          const stop = wait(() => {
            const now = reason()
            if (now !== undefined) tell(Exit.fail(now))
            return now !== undefined
          })
          return () => {
            fiber.removeObserver(tell)
            stop()
          }
        })
        return Effect.flatMap(Effect.exit(restore(first)), (exit) => Effect.andThen(ended(fiber), Exit.flatten(exit)))
      })
    })

  return { until, within, unless, signal }
}

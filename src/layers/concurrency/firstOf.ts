/**
 * The first of some effects to end, and time limits, such that an interruption takes effect at every step.
 *
 * Those of Effect (3.22.4) make two fibers in one step and start them in the next (docs/concurrency.md, firstOf). If their
 * caller is interrupted between the two, `raceFirst` waits for ever for fibers that never begin; if it is interrupted right
 * before, `timeout` and its kin notice it only when their time is up. Here each fiber is made and started in one step.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import { type Alarm, alarm } from "./alarm.js"
import { awaitCallback } from "./awaitCallback.js"
import { startNow, stop } from "./startNow.js"

/** How the first of some fibers ended. */
const firstExit = <A, E>(fibers: ReadonlyArray<Fiber.RuntimeFiber<A, E>>): Effect.Effect<Exit.Exit<A, E>> =>
  awaitCallback((resume) => {
    for (const fiber of fibers) fiber.addObserver(resume)
    return () => {
      for (const fiber of fibers) fiber.removeObserver(resume)
    }
  })

/** The exit of the one that ends first; the others are interrupted, and their ends waited for. @since 0.1.0 @category combinators */
export const firstOf = <A, E, R, A2, E2, R2>(
  one: Effect.Effect<A, E, R>,
  ...others: ReadonlyArray<Effect.Effect<A2, E2, R2>>
): Effect.Effect<A | A2, E | E2, R | R2> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      // Daemons, since an interruption of the caller is passed on to its children at once, also where the caller is
      // uninterruptible. They end with this region all the same.
      const fibers: Array<Fiber.RuntimeFiber<A | A2, E | E2>> = [yield* startNow(restore(one))]
      for (const other of others) fibers.push(yield* startNow(restore(other)))
      const first = yield* Effect.exit(restore(firstExit(fibers)))
      yield* stop(...fibers)
      return yield* Effect.flatten(first)
    })
  )

/**
 * Runs an effect until a callback comes: then it is interrupted, its end waited for, and what the callback brought is the
 * failure. `listen` registers at once, and returns how to unregister; it is not asked where the effect needs no wait. One
 * fiber less than `firstOf` of the two.
 *
 * @since 0.1.0
 * @category combinators
 */
export const untilStopped = <A, E, R, E2>(
  effect: Effect.Effect<A, E, R>,
  listen: (stop: (reason: E2) => void) => () => void
): Effect.Effect<A, E | E2, R> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(startNow(restore(effect)), (fiber): Effect.Effect<A, E | E2> => {
      const exit = fiber.unsafePoll()
      if (exit !== null) return exit
      const first = awaitCallback<Exit.Exit<A, E | E2>>((resume) => {
        fiber.addObserver(resume)
        const unlisten = listen((reason) => resume(Exit.fail(reason)))
        return () => {
          fiber.removeObserver(resume)
          unlisten()
        }
      })
      return Effect.flatMap(Effect.exit(restore(first)), (exit) => Effect.andThen(stop(fiber), Effect.flatten(exit)))
    })
  )

/**
 * Fails when an effect takes longer; it is interrupted then, and its end waited for.
 *
 * Effect and timer are interruptible even where the caller is not: in an uninterruptible region, such as the acquisition of a
 * resource, a timer that inherits the region would be slept to its end, and an effect that inherits it could not be cut
 * short. The caller itself stays uninterruptible: only the time limit interrupts the effect then.
 *
 * @since 0.1.0
 * @category combinators
 */
export const within = <A, E, R, E2>(
  effect: Effect.Effect<A, E, R>,
  duration: Duration.DurationInput,
  onTimeout: () => E2
): Effect.Effect<A, E | E2, R> => Effect.flatMap(alarm, (alarm) => withinBy(alarm, effect, duration, onTimeout))

/** As `within`, on that alarm. @since 0.1.0 @category combinators */
export const withinBy = <A, E, R, E2>(
  alarm: Alarm,
  effect: Effect.Effect<A, E, R>,
  duration: Duration.DurationInput,
  onTimeout: () => E2
): Effect.Effect<A, E | E2, R> =>
  untilStopped(Effect.interruptible(effect), (stop: (reason: E2) => void) => alarm(duration, () => stop(onTimeout())))

/**
 * Two effects at the same time, such that what needs no wait costs none: `Effect.all` begins its fibers in a later step, and takes ten
 * turns of the scheduler for two effects that succeed at once.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import { awaitCallback } from "./awaitCallback.js"
import { startNow, stop } from "./startNow.js"

/** The exit of both, or of the first that fails; undefined while that is open. */
const exitOfBoth = <A, E, A2, E2>(
  one: Fiber.RuntimeFiber<A, E>,
  other: Fiber.RuntimeFiber<A2, E2>
): Exit.Exit<readonly [A, A2], E | E2> | undefined => {
  const [first, second] = [one.unsafePoll(), other.unsafePoll()]
  if (first !== null && Exit.isFailure(first)) return Exit.failCause(first.cause)
  if (second !== null && Exit.isFailure(second)) return Exit.failCause(second.cause)
  return first === null || second === null ? undefined : Exit.succeed([first.value, second.value])
}

/** What both succeed with. When one fails, the other one is interrupted, and its end waited for. @since 0.1.0 @category combinators */
export const bothOf = <A, E, R, A2, E2, R2>(
  one: Effect.Effect<A, E, R>,
  other: Effect.Effect<A2, E2, R2>
): Effect.Effect<readonly [A, A2], E | E2, R | R2> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const oneFiber = yield* startNow(restore(one))
      const otherFiber = yield* startNow(restore(other))
      const ended = exitOfBoth(oneFiber, otherFiber)
      if (ended !== undefined && Exit.isSuccess(ended)) return ended.value
      const first = yield* Effect.exit(
        restore(
          awaitCallback<Exit.Exit<readonly [A, A2], E | E2>>((resume) => {
            const look = () => {
              const exit = exitOfBoth(oneFiber, otherFiber)
              if (exit !== undefined) resume(exit)
            }
            oneFiber.addObserver(look)
            otherFiber.addObserver(look)
            return () => {
              oneFiber.removeObserver(look)
              otherFiber.removeObserver(look)
            }
          })
        )
      )
      yield* stop(oneFiber, otherFiber)
      return yield* Effect.flatten(first)
    })
  )

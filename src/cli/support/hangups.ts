/**
 * SIGHUP as a message to a service, instead of its end.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"

/**
 * The signals that come while the scope is open; until then, and after it, SIGHUP ends the program. Those that come while one is seen to
 * are one: what it makes the service read is the same.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<Queue.Dequeue<void>, never, Scope.Scope> = Effect.gen(function* () {
  const signals = yield* Queue.sliding<void>(1)
  yield* Effect.acquireRelease(
    Effect.sync(() => {
      const others = process.listeners("SIGHUP")
      const listener = () => void signals.unsafeOffer(undefined)
      process.removeAllListeners("SIGHUP")
      process.on("SIGHUP", listener)
      return { listener, others }
    }),
    ({ listener, others }) =>
      Effect.sync(() => {
        for (const other of others) process.on("SIGHUP", other)
        process.off("SIGHUP", listener)
      })
  )
  return signals
})

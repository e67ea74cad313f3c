/**
 * Waiting for a callback, such that the listener is always unregistered.
 *
 * `Effect.async` (3.22.4) loses its canceller when its fiber yields and is interrupted before the canceller is installed
 * (docs/concurrency.md, awaitCallback). Here nothing lies between registering and the duty to unregister.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"

/** Waits for the first value; `listen` registers `resume` at once, and returns how to unregister it. @since 0.1.0 @category constructors */
export const awaitCallback = <A>(listen: (resume: (value: A) => void) => () => void): Effect.Effect<A> =>
  Effect.uninterruptibleMask((restore) => {
    const waiting: { value?: Exit.Exit<A>; resume?: (value: Exit.Exit<A>) => void } = {}
    const stop = listen((value) => {
      waiting.value ??= Exit.succeed(value)
      waiting.resume?.(waiting.value)
    })
    const wait = Effect.async<A>((resume) => {
      if (waiting.value === undefined) waiting.resume = resume
      else resume(waiting.value)
    })
    const end = (exit: Exit.Exit<A>) => {
      stop()
      return exit
    }
    return Effect.matchCauseEffect(restore(wait), {
      onFailure: (cause) => end(Exit.failCause(cause)),
      onSuccess: (value) => end(Exit.succeed(value))
    })
  })

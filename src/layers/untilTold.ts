/**
 * Waiting for a call back, such that the caller is never forgotten among those to be called.
 *
 * `Effect.async` (3.22.4) loses its canceller when its fiber yields and is interrupted before the canceller stands. Here
 * nothing lies between registering and the duty to unregister.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"

/** Waits for the first value that is told; `listen` registers at once, and answers how to unregister. @since 0.1.0 @category constructors */
export const untilTold = <A>(listen: (tell: (value: A) => void) => () => void): Effect.Effect<A> =>
  Effect.uninterruptibleMask((restore) => {
    const waiting: { told?: Exit.Exit<A>; resume?: (told: Exit.Exit<A>) => void } = {}
    const stop = listen((value) => {
      waiting.told ??= Exit.succeed(value)
      waiting.resume?.(waiting.told)
    })
    const wait = Effect.async<A>((resume) => {
      if (waiting.told === undefined) waiting.resume = resume
      else resume(waiting.told)
    })
    const end = (exit: Exit.Exit<A>) => {
      stop()
      return exit
    }
    return Effect.matchCauseEffect(restore(wait), {
      onFailure: (cause) => end(Exit.failCause(cause)),
      onSuccess: (told) => end(Exit.succeed(told))
    })
  })

/**
 * A scope for an effect, such that an interruption is not lost while it closes.
 *
 * Each finalizer of Effect (3.22.4) puts back the fiber refs that it found, and one of them says that the fiber was
 * interrupted: with two finalizers, an interruption that comes while the second one runs is forgotten, and the fiber goes on
 * (docs/concurrency.md, scoped). Here the finalizers run in a fiber of their own.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Region from "./region.js"
import { exitOf, startNow } from "./startNow.js"

/** That exit, after its finalizer: a defect of the finalizer comes after a failure, not in its place. @since 0.1.0 @category combinators */
export const endWith = <A, E>(exit: Exit.Exit<A, E>, finalizer: Effect.Effect<void>): Effect.Effect<A, E> =>
  Effect.matchCauseEffect(finalizer, {
    onFailure: (cause) => Exit.failCause(Exit.isFailure(exit) ? Cause.sequential(exit.cause, cause) : cause),
    onSuccess: () => exit
  })

const close = (scope: Scope.CloseableScope, exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> =>
  Effect.flatMap(startNow(Scope.close(scope, exit)), (fiber) => Effect.flatten(exitOf(fiber)))

/** Runs an effect in a scope that is closed when it ends; the end of the finalizers is waited for. @since 0.1.0 @category combinators */
export const scoped = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, Exclude<R, Scope.Scope>> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(Scope.make(), (scope) =>
      Effect.flatMap(Effect.exit(Region.extend(scope)(restore(effect))), (exit) => endWith(exit, close(scope, exit)))
    )
  )

/**
 * As `Effect.scoped`, in an uninterruptible effect that takes one turn of the event loop, for one finalizer, which runs without a fiber of
 * its own: with two an interruption could be forgotten.
 *
 * @since 0.1.0
 * @category combinators
 */
export const scopedInOneTurn = <A, E, R>(
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E, Exclude<R, Scope.Scope>> =>
  Effect.flatMap(Scope.make(), (scope) => {
    const end = (exit: Exit.Exit<A, E>) => endWith(exit, Scope.close(scope, exit))
    return Region.extendInOneTurn(scope)(
      Effect.matchCauseEffect(effect, {
        onFailure: (cause) => end(Exit.failCause(cause)),
        onSuccess: (value) => end(Exit.succeed(value))
      })
    )
  })

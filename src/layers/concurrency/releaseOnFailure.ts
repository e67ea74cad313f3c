/**
 * Acquiring a resource in several steps.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Region from "./region.js"
import { endWith } from "./scoped.js"

/**
 * When the effect succeeds, what it acquired belongs to the caller's scope. When it fails or is interrupted, that is
 * released at once, although the caller's scope stays open.
 *
 * @since 0.1.0
 * @category combinators
 */
export const releaseOnFailure = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R | Scope.Scope> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const scope = yield* Scope.fork(yield* Effect.scope, ExecutionStrategy.sequential)
      return yield* Effect.catchAllCause(Region.extend(scope)(restore(effect)), (cause) =>
        endWith(Exit.failCause(cause), Scope.close(scope, Exit.failCause(cause)))
      )
    })
  )

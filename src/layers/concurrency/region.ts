/**
 * Regions with other values of a fiber: its services, its one turn of the event loop.
 *
 * Effect's own functions for these allow an interruption at each step, and that costs several times what SQLite needs to execute a
 * statement. These are for effects that are uninterruptible as a whole: they set a value, run the effect, and restore the value.
 * What is run may be made interruptible again.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberRef from "effect/FiberRef"
import * as FiberRefs from "effect/FiberRefs"
import * as Scope from "effect/Scope"

const locally =
  <X>(fiberRef: FiberRef.FiberRef<X>, change: (before: X) => X) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.withFiberRuntime((fiber) => {
      const before = fiber.getFiberRef(fiberRef)
      const set = (value: X) =>
        Effect.updateFiberRefs((fiberId, refs) => FiberRefs.updateAs(refs, { fiberId, fiberRef, value }))
      return Effect.zipRight(
        set(change(before)),
        Effect.matchCauseEffect(effect, {
          onFailure: (cause) => Effect.zipRight(set(before), Exit.failCause(cause)),
          onSuccess: (value) => Effect.zipRight(set(before), Exit.succeed(value))
        })
      )
    })

/** As `Effect.provide`, in an uninterruptible effect. @since 0.1.0 @category combinators */
export const provide =
  <S>(services: Context.Context<S>) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, Exclude<R, S>> =>
    // A boundary of types: these services are in the context now.
    locally(
      FiberRef.currentContext,
      (before) => Context.merge(before, services) as Context.Context<never>
    )(effect) as Effect.Effect<A, E, Exclude<R, S>>

/** As `Scope.extend`, in an uninterruptible effect. @since 0.1.0 @category combinators */
export const extend = (
  scope: Scope.Scope
): (<A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, Exclude<R, Scope.Scope>>) =>
  provide(Context.make(Scope.Scope, scope))

/**
 * The fiber takes no new turn of the event loop before this ends, in an uninterruptible effect. A fiber that is forked inside would
 * inherit that for its life.
 *
 * @since 0.1.0
 * @category combinators
 */
export const inOneTurn: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R> = locally(
  FiberRef.currentMaxOpsBeforeYield,
  () => Number.MAX_SAFE_INTEGER
)

/**
 * The regions of a transaction: its scope, its connection, its one turn of the event loop.
 *
 * Effect's own functions for these allow an interruption at each step, and that costs several times what SQLite needs to execute a
 * statement. A transaction is uninterruptible as a whole, so these set a value, run the effect, and restore the value.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as FiberRef from "effect/FiberRef"
import * as Scope from "effect/Scope"

/** As `Effect.locally`, in an uninterruptible effect. */
const locally =
  <X>(ref: FiberRef.FiberRef<X>, change: (before: X) => X) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.withFiberRuntime((fiber) => {
      const before = fiber.getFiberRef(ref)
      const restore = (exit: Exit.Exit<A, E>) => Effect.zipRight(FiberRef.set(ref, before), exit)
      return Effect.zipRight(FiberRef.set(ref, change(before)), Effect.flatMap(Effect.exit(effect), restore))
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

/** The fiber takes no new turn of the event loop before this ends, in an uninterruptible effect. @since 0.1.0 @category combinators */
export const inOneTurn: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R> = locally(
  FiberRef.currentMaxOpsBeforeYield,
  () => Number.MAX_SAFE_INTEGER
)

/** As `Effect.scoped`, in an uninterruptible effect. @since 0.1.0 @category combinators */
export const scoped = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, Exclude<R, Scope.Scope>> =>
  Effect.flatMap(Scope.make(), (scope) =>
    Effect.flatMap(Effect.exit(provide(Context.make(Scope.Scope, scope))(effect)), (exit) =>
      Effect.zipRight(Scope.close(scope, exit), exit)
    )
  )

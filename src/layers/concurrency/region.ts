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
import type * as FiberId from "effect/FiberId"
import * as FiberRef from "effect/FiberRef"
import * as FiberRefs from "effect/FiberRefs"
import * as Scope from "effect/Scope"

type Services = Context.Context<never>

/** A change of a fiber's values. */
type Change = (fiberId: FiberId.Single, refs: FiberRefs.FiberRefs) => FiberRefs.FiberRefs

const setServices =
  (value: Services): Change =>
  (fiberId, refs) =>
    FiberRefs.updateAs(refs, { fiberId, fiberRef: FiberRef.currentContext, value })

const setMostOps =
  (value: number): Change =>
  (fiberId, refs) =>
    FiberRefs.updateAs(refs, { fiberId, fiberRef: FiberRef.currentMaxOpsBeforeYield, value })

/** Both in one step: each step that sets values copies them all. */
const both =
  (one: Change, other: Change): Change =>
  (fiberId, refs) =>
    other(fiberId, one(fiberId, refs))

const between =
  (begin: Change, end: Change) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.zipRight(
      Effect.updateFiberRefs(begin),
      Effect.matchCauseEffect(effect, {
        onFailure: (cause) => Effect.zipRight(Effect.updateFiberRefs(end), Exit.failCause(cause)),
        onSuccess: (value) => Effect.zipRight(Effect.updateFiberRefs(end), Exit.succeed(value))
      })
    )

/** As `Scope.extend`, in an uninterruptible effect. @since 0.1.0 @category combinators */
export const extend =
  (scope: Scope.Scope) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, Exclude<R, Scope.Scope>> =>
    // A boundary of types: the scope is in the context then.
    Effect.withFiberRuntime(({ currentContext: before }) =>
      between(setServices(Context.add(before, Scope.Scope, scope)), setServices(before))(effect)
    ) as Effect.Effect<A, E, Exclude<R, Scope.Scope>>

/**
 * As `extend`; and the fiber takes no new turn of the event loop before this ends. A fiber that is forked inside would inherit that for
 * its life.
 *
 * @since 0.1.0
 * @category combinators
 */
export const extendInOneTurn =
  (scope: Scope.Scope) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, Exclude<R, Scope.Scope>> =>
    // A boundary of types: the scope is in the context then.
    Effect.withFiberRuntime((fiber) => {
      const before = fiber.currentContext
      const mostOps = fiber.getFiberRef(FiberRef.currentMaxOpsBeforeYield)
      return between(
        both(setServices(Context.add(before, Scope.Scope, scope)), setMostOps(Number.MAX_SAFE_INTEGER)),
        both(setServices(before), setMostOps(mostOps))
      )(effect)
    }) as Effect.Effect<A, E, Exclude<R, Scope.Scope>>

/** More services for the rest of the region, which puts back those from before it. @since 0.1.0 @category combinators */
export const add = <S>(services: Context.Context<S>): Effect.Effect<void> =>
  Effect.updateFiberRefs((fiberId, refs) =>
    setServices(Context.merge(FiberRefs.getOrDefault(refs, FiberRef.currentContext), services))(fiberId, refs)
  )

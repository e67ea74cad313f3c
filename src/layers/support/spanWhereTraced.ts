/**
 * Spans where somebody traces. Without a tracer Effect makes them all the same, and no one sees them.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Tracer from "effect/Tracer"

/** Effect's own, which tells no one of its spans. */
const untold = Context.get(DefaultServices.liveServices, Tracer.Tracer)

/** Does somebody see the spans of this fiber? @since 0.1.0 @category combinators */
export const isTraced = ({ currentTracer }: Fiber.RuntimeFiber<unknown, unknown>): boolean => currentTracer !== untold

/** A span around an effect, if the program has a tracer. @since 0.1.0 @category combinators */
export const spanWhereTraced =
  (name: string, options?: Tracer.SpanOptions) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.withFiberRuntime((fiber) =>
      isTraced(fiber) ? Effect.withSpan(effect, name, { ...options, captureStackTrace: false }) : effect
    )

/** Says more of the span around it, if the program has a tracer. @since 0.1.0 @category combinators */
export const annotateWhereTraced = (name: string, value: unknown): Effect.Effect<void> =>
  Effect.withFiberRuntime((fiber) => (isTraced(fiber) ? Effect.annotateCurrentSpan(name, value) : Effect.void))

/**
 * Metrics of a negotiator, as a fold over its events: add `Metrics.layer` beside it, and read them with Effect's `Metric`
 * or any exporter. No label holds a key.
 *
 * ```ts
 * import { Effect, Layer, Metric } from "effect"
 * import { Chain, Metrics } from "effect-watchtower"
 * import * as NodeWatchtower from "effect-watchtower/layers/NodeWatchtower"
 *
 * export const watchtower = Layer.provideMerge(
 *   Metrics.layer,
 *   NodeWatchtower.layer({ chain: Chain.bitcoinMainnet, key: "key", database: { filename: "sessions.db" } })
 * )
 *
 * export const sessionsStored = Effect.map(Metric.value(Metrics.sessions), ({ count }) => count)
 * ```
 *
 * @since 0.1.0
 * @module
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as MetricBoundaries from "effect/MetricBoundaries"
import * as Stream from "effect/Stream"
import type { Instant, TowerId } from "../schema/Ids.js"
import type { NegotiatorEvent } from "../schema/NegotiatorEvent.js"
import { SessionNegotiator } from "../services/SessionNegotiator.js"

/** Rounds, by `outcome`: `session`, `failed`, or `empty` when there was no tower to ask. @since 0.1.0 @category models */
export const rounds = Metric.counter("watchtower_rounds", { incremental: true })

/** Failed attempts, by `failure`: the failure's tag. @since 0.1.0 @category models */
export const failures = Metric.counter("watchtower_failures", { incremental: true })

/** Sessions stored. @since 0.1.0 @category models */
export const sessions = Metric.counter("watchtower_sessions", { incremental: true })

/** Towers quarantined, by `reason`. @since 0.1.0 @category models */
export const quarantines = Metric.counter("watchtower_quarantines", { incremental: true })

/** Negotiators that a defect has ended. @since 0.1.0 @category models */
export const stopped = Metric.counter("watchtower_negotiator_stopped", { incremental: true })

/** Requests that are not served yet. @since 0.1.0 @category models */
export const pending = Metric.gauge("watchtower_pending")

/** From the start of a visit to its stored session, in milliseconds. @since 0.1.0 @category models */
export const visitDuration = Metric.histogram(
  "watchtower_visit_duration_ms",
  MetricBoundaries.exponential({ start: 10, factor: 2, count: 14 })
)

/** Counts the negotiator's events until the scope closes. @since 0.1.0 @category layers */
export const layer: Layer.Layer<never, never, SessionNegotiator> = Layer.scopedDiscard(
  Effect.flatMap(SessionNegotiator, (negotiator) => counting(negotiator, (counted) => counted))
)

/**
 * Counts the events of a negotiator under a tag of its own (`SessionNegotiator.Tag`); all its metrics have the label
 * `negotiator`: the key of the tag.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerOf = <Self>(tag: Context.Tag<Self, SessionNegotiator.Service>): Layer.Layer<never, never, Self> =>
  Layer.scopedDiscard(
    Effect.flatMap(tag, (negotiator) => counting(negotiator, Effect.tagMetrics("negotiator", tag.key)))
  )

const counting = (
  negotiator: SessionNegotiator.Service,
  label: (counted: Effect.Effect<void>) => Effect.Effect<void>
) =>
  Effect.flatMap(negotiator.events, (events) => {
    const visits = new Map<TowerId, Instant>()
    return Effect.forkScoped(Stream.runForEach(events, (event) => label(count(visits, event))))
  })

const count = (visits: Map<TowerId, Instant>, { at, happening }: NegotiatorEvent): Effect.Effect<void> => {
  switch (happening._tag) {
    case "Demand":
      return Metric.set(pending, happening.pending)
    case "VisitStarted":
      return Effect.sync(() => visits.set(happening.towerId, at))
    case "SessionStored": {
      const started = visits.get(happening.session.towerId) ?? at
      return Effect.andThen(Metric.increment(sessions), Metric.update(visitDuration, at - started))
    }
    case "AttemptFailed":
      return Metric.increment(Metric.tagged(failures, "failure", happening.failure._tag))
    case "Quarantined":
      return Metric.increment(Metric.tagged(quarantines, "reason", happening.reason))
    case "RoundEnded": {
      const outcome = happening.session !== undefined ? "session" : happening.failures.length > 0 ? "failed" : "empty"
      return Metric.increment(Metric.tagged(rounds, "outcome", outcome))
    }
    case "Stopped":
      return Metric.increment(stopped)
    default:
      return Effect.void
  }
}

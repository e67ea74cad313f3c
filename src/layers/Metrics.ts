/**
 * Metrics of a negotiator and of a tower client, as folds over their events: add `Metrics.layer` or `Metrics.towerClient` beside
 * it, and read them with Effect's `Metric` or any exporter. No label holds a key.
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
import * as BlobType from "../schema/BlobType.js"
import type { Instant, TowerId } from "../schema/Ids.js"
import type { NegotiatorEvent } from "../schema/NegotiatorEvent.js"
import type { TowerClientEvent } from "../schema/TowerClientEvent.js"
import { SessionNegotiator } from "../services/SessionNegotiator.js"
import { TowerClient } from "../services/TowerClient.js"

/** Rounds, by `outcome`: `session`, `failed`, or `empty` when there was no tower to ask. @since 0.1.0 @category models */
export const rounds = Metric.counter("watchtower_rounds", {
  incremental: true,
  description: "Rounds of the negotiator, by outcome."
})

/** Failed attempts, by `failure`: the failure's tag. @since 0.1.0 @category models */
export const failures = Metric.counter("watchtower_failures", {
  incremental: true,
  description: "Failed attempts to get a session, by failure."
})

/** Sessions stored. @since 0.1.0 @category models */
export const sessions = Metric.counter("watchtower_sessions", {
  incremental: true,
  description: "Sessions stored."
})

/** Towers quarantined, by `reason`. @since 0.1.0 @category models */
export const quarantines = Metric.counter("watchtower_quarantines", {
  incremental: true,
  description: "Towers left out because they refused the policy for good, by reason."
})

/** Negotiators that a defect has ended. @since 0.1.0 @category models */
export const stopped = Metric.counter("watchtower_negotiator_stopped", {
  incremental: true,
  description: "Negotiators that a defect has ended."
})

/** Requests that are not served yet. @since 0.1.0 @category models */
export const pending = Metric.gauge("watchtower_pending", {
  description: "Requests for sessions that are not served yet."
})

/** From the start of a visit to its stored session, in milliseconds. @since 0.1.0 @category models */
export const visitDuration = Metric.histogram(
  "watchtower_visit_duration_ms",
  MetricBoundaries.exponential({ start: 10, factor: 2, count: 14 }),
  "Milliseconds from the start of a visit to its stored session."
)

const counted = (name: string, description: string) => Metric.counter(name, { incremental: true, description })

/** States that were taken in, and those that no tower can punish. @since 0.1.0 @category models */
export const statesKept = counted("watchtower_states_kept", "Revoked states taken in.")

/** @since 0.1.0 @category models */
export const statesIneligible = counted("watchtower_states_ineligible", "Revoked states that no tower can punish.")

/** Updates that towers have confirmed. @since 0.1.0 @category models */
export const updatesAcked = counted("watchtower_updates_acked", "Updates that towers have confirmed.")

/** Copies made; a state with `copies` of them is complete. @since 0.1.0 @category models */
export const copies = counted("watchtower_copies", "Copies of states that towers have confirmed.")

/** Failed contacts, by `failure`: the failure's tag. @since 0.1.0 @category models */
export const contactFailures = counted("watchtower_contact_failures", "Failed contacts with towers, by failure.")

/** Sessions that ended, by `end`: `exhausted`, `terminal` or `lost`. @since 0.1.0 @category models */
export const sessionEnds = counted("watchtower_session_ends", "Sessions that ended, by end.")

/** States of which a tower has lost a copy when they were not kept any more. @since 0.1.0 @category models */
export const statesLost = counted("watchtower_states_lost", "States of which a tower has lost a copy that is not kept.")

/** Writes and questions to the database that failed. @since 0.1.0 @category models */
export const databaseFailures = counted("watchtower_database_failures", "Failures of the database while sending.")

/** 1 while this process sends. @since 0.1.0 @category models */
export const sending = Metric.gauge("watchtower_sending", {
  description: "1 while this process sends, 0 while another one does."
})

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
  negotiator: Pick<SessionNegotiator.Service, "events">,
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

const outcomes = ["session", "failed", "empty"] as const
const ends = ["exhausted", "terminal", "lost"] as const

/** Counters begin at 0, also where nothing happens: a rate does not see what a counter begins with. */
const beginAll = (counters: ReadonlyArray<Metric.Metric.Counter<number>>) =>
  Effect.forEach(counters, (counter) => Metric.incrementBy(counter, 0), { discard: true })

/**
 * Counts the events of the tower client until the scope closes, and those of its negotiators under the label `blob_type`. Counters
 * are there from the beginning, but for those with a label `failure` or `reason`.
 *
 * @since 0.1.0
 * @category layers
 */
export const towerClient: Layer.Layer<never, never, TowerClient> = Layer.scopedDiscard(
  Effect.gen(function* () {
    const client = yield* TowerClient
    const events = yield* client.events
    // It may send already; the event of that is over.
    yield* Effect.flatMap(client.status, ({ role }) => Metric.set(sending, role === "sender" ? 1 : 0))
    yield* beginAll([
      ...[statesKept, statesIneligible, statesLost, copies, updatesAcked, databaseFailures],
      ...ends.map((end) => Metric.tagged(sessionEnds, "end", end))
    ])
    yield* Effect.forkScoped(Stream.runForEach(events, countClient))
    for (const negotiator of client.negotiators) {
      const labelled = Effect.tagMetrics("blob_type", BlobType.nameOf(negotiator.policy.blobType))
      yield* counting(negotiator, labelled)
      yield* labelled(
        beginAll([sessions, stopped, ...outcomes.map((outcome) => Metric.tagged(rounds, "outcome", outcome))])
      )
    }
  })
)

const countClient = ({ happening }: TowerClientEvent): Effect.Effect<void> => {
  switch (happening._tag) {
    case "SendingStarted":
      return Metric.set(sending, 1)
    case "SendingStopped":
    case "Stopped":
      return Metric.set(sending, 0)
    case "StateKept":
      return Metric.increment(statesKept)
    case "StateIneligible":
      return Metric.increment(statesIneligible)
    case "Acked":
      return Metric.incrementBy(updatesAcked, happening.last - happening.first + 1)
    case "CopyMade":
      return Metric.increment(copies)
    case "ContactFailed":
      return Metric.increment(Metric.tagged(contactFailures, "failure", happening.failure._tag))
    case "SessionExhausted":
      return Metric.increment(Metric.tagged(sessionEnds, "end", "exhausted"))
    case "SessionTerminal":
      return Metric.increment(Metric.tagged(sessionEnds, "end", "terminal"))
    case "SessionLost":
      return Effect.zipRight(
        Metric.increment(Metric.tagged(sessionEnds, "end", "lost")),
        Metric.incrementBy(statesLost, happening.lost)
      )
    case "DatabaseFailed":
      return Metric.increment(databaseFailures)
    default:
      return Effect.void
  }
}

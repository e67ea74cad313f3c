/**
 * What the service says of itself: how it is now, and what happens.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import type { AnyChain } from "../../schema/Chain.js"
import { ServiceEvent, type ServiceStatus } from "../../schema/http/WatchtowerApi.js"
import { TowerClient } from "../../services/TowerClient.js"

/** Which service it is. @since 0.1.0 @category models */
export interface Identity {
  readonly version: string
  readonly chain: AnyChain
}

/** When the service was started. @since 0.1.0 @category services */
export class StartedAt extends Context.Tag("effect-watchtower/http/StartedAt")<StartedAt, number>() {}

/** Now. @since 0.1.0 @category layers */
export const startedNow: Layer.Layer<StartedAt> = Layer.effect(StartedAt, Clock.currentTimeMillis)

/** @since 0.1.0 @category services */
export class ServiceReport extends Context.Tag("effect-watchtower/http/ServiceReport")<
  ServiceReport,
  {
    readonly status: Effect.Effect<ServiceStatus>
    /** The status now, and what happens from now on. */
    readonly events: Stream.Stream<ServiceEvent>
  }
>() {}

/** @since 0.1.0 @category layers */
export const layer = ({ chain, version }: Identity): Layer.Layer<ServiceReport, never, TowerClient | StartedAt> =>
  Layer.effect(
    ServiceReport,
    Effect.gen(function* () {
      const client = yield* TowerClient
      const startedAt = yield* StartedAt
      const status: Effect.Effect<ServiceStatus> = Effect.gen(function* () {
        const negotiators = yield* Effect.forEach(client.negotiators, ({ policy, spare, status }) =>
          Effect.map(status, (status) => ({ policy, spare, status }))
        )
        const { name, network } = chain
        return { version, chain: name, network, startedAt, client: yield* client.status, negotiators }
      })
      const events = Stream.unwrapScoped(
        Effect.gen(function* () {
          // Subscribed before the status is read: what happens in between is in both, and nothing in neither.
          const ofClient: Stream.Stream<ServiceEvent> = Stream.map(yield* client.events, (event) =>
            ServiceEvent.Client({ event })
          )
          const ofNegotiators = yield* Effect.forEach(client.negotiators, ({ events, policy: { blobType } }) =>
            Effect.map(
              events,
              Stream.map((event): ServiceEvent => ServiceEvent.Negotiator({ blobType, event }))
            )
          )
          const first: Stream.Stream<ServiceEvent> = Stream.make(ServiceEvent.Status({ status: yield* status }))
          return Stream.concat(first, Stream.mergeAll([ofClient, ...ofNegotiators], { concurrency: "unbounded" }))
        })
      )
      return { status, events }
    })
  )

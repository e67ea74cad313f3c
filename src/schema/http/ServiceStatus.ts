/**
 * What a service says of itself.
 *
 * @since 0.1.0
 * @module
 */
import * as Schema from "effect/Schema"
import { Instant } from "../Ids.js"
import { NegotiatorStatus } from "../NegotiatorStatus.js"
import { Policy } from "../Policy.js"
import { TowerClientStatus } from "../TowerClientStatus.js"

/** A negotiator of the service: what it is asked for, and what it tries now; it keeps `spare` unused sessions. @since 0.1.0 @category models */
export const NegotiatorReport = Schema.Struct({
  policy: Policy,
  spare: Schema.NonNegativeInt,
  status: NegotiatorStatus
})
/** @since 0.1.0 @category models */
export type NegotiatorReport = typeof NegotiatorReport.Type

/** What a service is doing. `startedAt` is in milliseconds since 1970. @since 0.1.0 @category models */
export const ServiceStatus = Schema.Struct({
  version: Schema.String,
  chain: Schema.Literal("bitcoin", "decred"),
  network: Schema.String,
  startedAt: Instant,
  client: TowerClientStatus,
  negotiators: Schema.Array(NegotiatorReport)
}).annotations({ identifier: "ServiceStatus" })
/** @since 0.1.0 @category models */
export type ServiceStatus = typeof ServiceStatus.Type

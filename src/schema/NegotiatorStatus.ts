/**
 * What a negotiator is doing, and why there is no session yet.
 *
 * @since 0.1.0
 * @module
 */
import * as Schema from "effect/Schema"
import { taggedUnion } from "../internal/taggedUnion.js"
import { Instant } from "./Ids.js"
import { FailedAttempt } from "./NegotiationError.js"
import { Step, TowerRef } from "./NegotiatorEvent.js"
import { TowerAddress } from "./TowerAddress.js"

/** One visit in progress: since when it is at its step, and when the visit must end. @since 0.1.0 @category models */
export const AttemptStatus = Schema.Struct({
  ...TowerRef.fields,
  address: Schema.optional(TowerAddress),
  step: Step,
  since: Instant,
  deadline: Schema.optional(Instant)
})
/** @since 0.1.0 @category models */
export type AttemptStatus = typeof AttemptStatus.Type

/**
 * The state: idle; no tower to ask (until the first probe, if one is due); asking; waiting after a failed round; a session
 * waits for its taker; or ended by a defect, for good.
 *
 * @since 0.1.0
 * @category models
 */
export const NegotiatorState = taggedUnion({
  Idle: {},
  WaitingForCandidates: { until: Schema.optional(Instant) },
  Negotiating: { attempts: Schema.Array(AttemptStatus) },
  BackingOff: { until: Instant, attempt: Schema.Int, failures: Schema.Array(FailedAttempt) },
  Delivering: {},
  Stopped: { cause: Schema.Defect }
})
/** @since 0.1.0 @category models */
export type NegotiatorState = typeof NegotiatorState.Type

/** Requests not yet served, sessions not yet taken, and the state. @since 0.1.0 @category models */
export const NegotiatorStatus = Schema.Struct({
  pending: Schema.NonNegativeInt,
  undelivered: Schema.NonNegativeInt,
  state: NegotiatorState
})
/** @since 0.1.0 @category models */
export type NegotiatorStatus = typeof NegotiatorStatus.Type

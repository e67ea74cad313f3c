/**
 * What a negotiator is doing, and why there is no session yet (design 3, G8).
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type { Instant } from "./Ids.js"
import type { FailedAttempt } from "./NegotiationError.js"
import type { Step, TowerRef } from "./NegotiatorEvent.js"
import type { TowerAddress } from "./TowerAddress.js"

/** One visit in progress: since when it is at its step, and when the visit must end. @since 0.1.0 @category models */
export interface AttemptStatus extends TowerRef {
  readonly address?: TowerAddress | undefined
  readonly step: Step
  readonly since: Instant
  readonly deadline?: Instant | undefined
}

/**
 * The state: idle; nobody to ask (until the first probe, if one is due); asking; waiting after a failed round; or a session
 * waits for its taker.
 *
 * @since 0.1.0
 * @category models
 */
export type NegotiatorState = Data.TaggedEnum<{
  Idle: {}
  WaitingForCandidates: { readonly until?: Instant | undefined }
  Negotiating: { readonly attempts: ReadonlyArray<AttemptStatus> }
  BackingOff: { readonly until: Instant; readonly attempt: number; readonly failures: ReadonlyArray<FailedAttempt> }
  Delivering: {}
}>

/** @since 0.1.0 @category constructors */
export const NegotiatorState = Data.taggedEnum<NegotiatorState>()

/** Requests not yet served, sessions not yet taken, and the state. @since 0.1.0 @category models */
export interface NegotiatorStatus {
  readonly pending: number
  readonly undelivered: number
  readonly state: NegotiatorState
}

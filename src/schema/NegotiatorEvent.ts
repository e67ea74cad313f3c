/**
 * Everything that happens in a negotiator, typed and numbered. Status, statistics, logs and metrics are folds over it.
 *
 * @since 0.1.0
 * @module
 */
import * as Schema from "effect/Schema"
import { taggedUnion } from "../internal/taggedUnion.js"
import { ClientSession } from "./ClientSession.js"
import { Instant, KeyIndex, PublicKey, TowerId } from "./Ids.js"
import { AttemptFailure, FailedAttempt, PermanentReason } from "./NegotiationError.js"
import { TowerAddress } from "./TowerAddress.js"

/**
 * The steps of a visit, in order. The first three wait for our own side, `storing` too; the others for the tower.
 *
 * @since 0.1.0
 * @category models
 */
export const Step = Schema.Literal(
  "reserving",
  "deriving",
  "dialling",
  "handshaking",
  "sendingInit",
  "receivingInit",
  "sendingCreateSession",
  "receivingReply",
  "storing",
  "hangingUp"
)
/** @since 0.1.0 @category models */
export type Step = typeof Step.Type

/** Which tower. @since 0.1.0 @category models */
export const TowerRef = Schema.Struct({ towerId: TowerId, tower: PublicKey })
/** @since 0.1.0 @category models */
export type TowerRef = typeof TowerRef.Type

const ofTower = TowerRef.fields

/**
 * What happened.
 *
 * @since 0.1.0
 * @category models
 */
export const Happening = taggedUnion({
  /** The number of requests changed; `undelivered` sessions wait for a taker. */
  Demand: { pending: Schema.NonNegativeInt, undelivered: Schema.NonNegativeInt },
  RoundStarted: { round: Schema.Int, by: Schema.Literal("loop", "negotiate") },
  VisitStarted: { ...ofTower, deadline: Schema.optional(Instant) },
  /** A visit is at a step, at one address once it has begun to dial. */
  StepStarted: { ...ofTower, step: Step, address: Schema.optional(TowerAddress) },
  KeyReserved: { ...ofTower, keyIndex: KeyIndex },
  /** Act three is about to be written: from now on the tower may know the key. */
  KeyShown: { ...ofTower, keyIndex: KeyIndex },
  /** AlreadyExists: the key was used before and is never used again. */
  KeyUsed: { ...ofTower, keyIndex: KeyIndex, lastApplied: Schema.Int },
  /** An altruist session came with a reward script, which is not kept. */
  RewardIgnored: { ...ofTower, bytes: Schema.Int },
  AttemptFailed: { ...ofTower, address: Schema.optional(TowerAddress), failure: AttemptFailure },
  /** A visit is over without a session. `blamed` is false for a failure of our own side. */
  VisitFailed: { ...ofTower, failure: AttemptFailure, blamed: Schema.Boolean, restsUntil: Instant },
  /** A visit was cut short: a session came from elsewhere, the tower was removed, or the scope closed. */
  VisitInterrupted: ofTower,
  Quarantined: { ...ofTower, reason: PermanentReason, probeAt: Instant },
  SessionStored: { session: ClientSession },
  /** The round's visits are all over. */
  RoundEnded: { session: Schema.optional(ClientSession), failures: Schema.Array(FailedAttempt) },
  SessionDelivered: { session: ClientSession },
  /** A failed round's wait, the `attempt`-th of this negotiation. */
  BackingOff: { until: Instant, attempt: Schema.Int, failures: Schema.Array(FailedAttempt) },
  /** No tower to ask: until a tower is added, or the first probe is due. */
  WaitingForCandidates: { until: Schema.optional(Instant) },
  /** A wait was cut short: a tower or an address was added. */
  Woken: {},
  /** A session is stored and waits for its taker. */
  Delivering: {},
  /** No request is pending. */
  Idle: {},
  /** A standing or a freed reservation could not be written; the value in memory is used. */
  WriteFailed: { ...ofTower, failure: AttemptFailure },
  /** A defect has ended the negotiator: there will be no session from it. */
  Stopped: { cause: Schema.Defect }
})
/** @since 0.1.0 @category models */
export type Happening = typeof Happening.Type

/**
 * A happening with its number, counted from 1 without gaps, and its instant.
 *
 * @since 0.1.0
 * @category models
 */
export const NegotiatorEvent = Schema.Struct({ number: Schema.Int, at: Instant, happening: Happening })
/** @since 0.1.0 @category models */
export type NegotiatorEvent = typeof NegotiatorEvent.Type

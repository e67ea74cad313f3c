/**
 * Everything that happens in a negotiator, typed and numbered. Status, statistics, logs and metrics are folds over it.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type { ClientSession } from "./ClientSession.js"
import type { Instant, KeyIndex, PublicKey, TowerId } from "./Ids.js"
import type { AttemptFailure, FailedAttempt, PermanentReason } from "./NegotiationError.js"
import type { TowerAddress } from "./TowerAddress.js"

/**
 * The steps of a visit, in order. The first three wait for our own side, `storing` too; the others for the tower.
 *
 * @since 0.1.0
 * @category models
 */
export type Step =
  | "reserving"
  | "deriving"
  | "dialling"
  | "handshaking"
  | "sendingInit"
  | "receivingInit"
  | "sendingCreateSession"
  | "receivingReply"
  | "storing"
  | "hangingUp"

/** Which tower. @since 0.1.0 @category models */
export interface TowerRef {
  readonly towerId: TowerId
  readonly tower: PublicKey
}

/**
 * What happened.
 *
 * @since 0.1.0
 * @category models
 */
export type Happening = Data.TaggedEnum<{
  /** The number of requests changed; `undelivered` sessions wait for a taker. */
  Demand: { readonly pending: number; readonly undelivered: number }
  RoundStarted: { readonly round: number; readonly by: "loop" | "negotiate" }
  VisitStarted: TowerRef & { readonly deadline?: Instant | undefined }
  /** A visit is at a step, at one address once it has begun to dial. */
  StepStarted: TowerRef & { readonly step: Step; readonly address?: TowerAddress | undefined }
  KeyReserved: TowerRef & { readonly keyIndex: KeyIndex }
  /** Act three is about to be written: from now on the tower may know the key. */
  KeyShown: TowerRef & { readonly keyIndex: KeyIndex }
  /** AlreadyExists: the key was used before and is never used again. */
  KeyUsed: TowerRef & { readonly keyIndex: KeyIndex; readonly lastApplied: number }
  /** An altruist session came with a reward script, which is not kept. */
  RewardIgnored: TowerRef & { readonly bytes: number }
  AttemptFailed: TowerRef & { readonly address?: TowerAddress | undefined; readonly failure: AttemptFailure }
  /** A visit is over without a session. `blamed` is false for a failure of our own side. */
  VisitFailed: TowerRef & {
    readonly failure: AttemptFailure
    readonly blamed: boolean
    readonly restsUntil: Instant
  }
  /** A visit was cut short: a session came from elsewhere, the tower was removed, or the scope closed. */
  VisitInterrupted: TowerRef
  Quarantined: TowerRef & { readonly reason: PermanentReason; readonly probeAt: Instant }
  SessionStored: { readonly session: ClientSession }
  /** The round's visits are all over. */
  RoundEnded: { readonly session?: ClientSession | undefined; readonly failures: ReadonlyArray<FailedAttempt> }
  SessionDelivered: { readonly session: ClientSession }
  /** A failed round's wait, the `attempt`-th of this negotiation. */
  BackingOff: { readonly until: Instant; readonly attempt: number; readonly failures: ReadonlyArray<FailedAttempt> }
  /** Nobody to ask: until a tower is added, or the first probe is due. */
  WaitingForCandidates: { readonly until?: Instant | undefined }
  /** A wait was cut short by news: a tower or an address was added. */
  Woken: {}
  /** A session is stored and waits for its taker. */
  Delivering: {}
  /** No request is pending. */
  Idle: {}
  /** A standing or a freed reservation could not be written; memory goes on. */
  WriteFailed: TowerRef & { readonly failure: AttemptFailure }
}>

/** @since 0.1.0 @category constructors */
export const Happening = Data.taggedEnum<Happening>()

/**
 * A happening with its number, counted from 1 without gaps, and its instant.
 *
 * @since 0.1.0
 * @category models
 */
export interface NegotiatorEvent {
  readonly number: number
  readonly at: Instant
  readonly happening: Happening
}

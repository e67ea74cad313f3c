/**
 * Why an attempt, a visit or a round gave no session.
 *
 * @since 0.1.0
 * @module
 */
import * as Schema from "effect/Schema"
import * as Chain from "./Chain.js"
import { ReserveError, StoreError } from "./DbError.js"
import * as Excerpt from "./Excerpt.js"
import { ChainHash, KeyIndex, PublicKey, TowerId } from "./Ids.js"
import { KeyRingError } from "./KeyRingError.js"
import { TowerAddress } from "./TowerAddress.js"
import { TransportError } from "./TransportError.js"

/** The tower sent another message than the one that is due. @since 0.1.0 @category errors */
export class UnexpectedMessage extends Schema.TaggedError<UnexpectedMessage>()("UnexpectedMessage", {
  expected: Schema.String,
  received: Schema.String
}) {
  override get message() {
    return `The tower sent ${this.received} where ${this.expected} is due.`
  }
}

/** The tower sent wtwire's Error message (601). `data` has its first bytes, `bytes` says how many it had. @since 0.1.0 @category errors */
export class TowerErrorMessage extends Schema.TaggedError<TowerErrorMessage>()("TowerErrorMessage", {
  code: Schema.Int,
  data: Excerpt.Data,
  bytes: Schema.NonNegativeInt
}) {
  override get message() {
    return `The tower sent Error with code ${this.code}.`
  }
}

/** Why a tower will never give a session for this policy. @since 0.1.0 @category errors */
export const PermanentReason = Schema.Literal(
  "RejectBlobType",
  "RejectMaxUpdates",
  "RejectRewardRate",
  "RejectSweepFeeRate",
  "PermanentFailure",
  "WrongChain",
  "UnknownRequiredFeature"
)
/** @since 0.1.0 @category errors */
export type PermanentReason = typeof PermanentReason.Type

/**
 * The tower refuses this policy for good; it is quarantined until an address is added, the policy changes, it is added
 * again, or a probe is due. `theirChain` is set for WrongChain; for UnknownRequiredFeature `featureCount`, and the lowest of
 * these bits as `features`.
 *
 * @since 0.1.0
 * @category errors
 */
export class PermanentTowerFailure extends Schema.TaggedError<PermanentTowerFailure>()("PermanentTowerFailure", {
  reason: PermanentReason,
  theirChain: Schema.optional(ChainHash),
  features: Schema.optional(Excerpt.Features),
  featureCount: Schema.optional(Schema.NonNegativeInt)
}) {
  override get message() {
    const why: Record<PermanentReason, string> = {
      RejectBlobType: "it does not take this blob type",
      RejectMaxUpdates: "it does not take this number of updates",
      RejectRewardRate: "it does not take this reward rate",
      RejectSweepFeeRate: "it does not take this sweep fee rate",
      PermanentFailure: "it answered with a permanent failure",
      WrongChain: `the tower watches ${this.theirChain === undefined ? "another chain" : Chain.nameOf(this.theirChain)}`,
      UnknownRequiredFeature: `it requires features that we do not know (${Excerpt.printFeatures(this.features ?? [], this.featureCount ?? 0)})`
    }
    return `The tower will not give a session for this policy: ${why[this.reason]}.`
  }
}

/**
 * The tower refused for now: TemporaryFailure (40) or an unknown code. `data` has the first bytes of the reply's data, `bytes` says
 * how many it had.
 *
 * @since 0.1.0
 * @category errors
 */
export class SessionRejected extends Schema.TaggedError<SessionRejected>()("SessionRejected", {
  code: Schema.Int,
  data: Excerpt.Data,
  bytes: Schema.NonNegativeInt
}) {
  override get message() {
    return `The tower refused with code ${this.code}${this.code === 40 ? " (temporary failure)" : ""}.`
  }
}

/** AlreadyExists (60): the key was used before; its session had `lastApplied` updates. @since 0.1.0 @category errors */
export class SessionKeyAlreadyUsed extends Schema.TaggedError<SessionKeyAlreadyUsed>()("SessionKeyAlreadyUsed", {
  keyIndex: KeyIndex,
  lastApplied: Schema.Int
}) {
  override get message() {
    return `The tower knows a used session with key index ${this.keyIndex} (last applied ${this.lastApplied}).`
  }
}

/** An accepting reply with more than 1,024 bytes of reward script (docs/negotiation.md, D14). @since 0.1.0 @category errors */
export class RewardScriptTooLong extends Schema.TaggedError<RewardScriptTooLong>()("RewardScriptTooLong", {
  bytes: Schema.Int
}) {
  override get message() {
    return `The tower sent a reward script of ${this.bytes} bytes; 1,024 is the limit.`
  }
}

/** The visit took longer than `visitTimeout`, and the tower was the one it waited for. @since 0.1.0 @category errors */
export class VisitTimeout extends Schema.TaggedError<VisitTimeout>()("VisitTimeout", {}) {
  override get message() {
    return "The tower did not come to an end within the time for a visit."
  }
}

/** Another tower, visited later, gave its session first. @since 0.1.0 @category errors */
export class Overtaken extends Schema.TaggedError<Overtaken>()("Overtaken", {}) {
  override get message() {
    return "Another tower that was asked later gave its session first."
  }
}

/** The tower has no address. @since 0.1.0 @category errors */
export class NoTowerAddrs extends Schema.TaggedError<NoTowerAddrs>()("NoTowerAddrs", {}) {
  override get message() {
    return "The tower has no address. Add one."
  }
}

/** The tower has only onion addresses, and no proxy is configured. @since 0.1.0 @category errors */
export class OnionWithoutProxy extends Schema.TaggedError<OnionWithoutProxy>()("OnionWithoutProxy", {}) {
  override get message() {
    return "The tower has only onion addresses. Configure a SOCKS5 proxy, or add another address."
  }
}

/** The lease of the reserved key ran out before the key could be shown. @since 0.1.0 @category errors */
export class LeaseExpired extends Schema.TaggedError<LeaseExpired>()("LeaseExpired", { keyIndex: KeyIndex }) {
  override get message() {
    return `The lease of key index ${this.keyIndex} ran out before the key was shown.`
  }
}

/** The visit took longer than `visitTimeout`, and the database or the key ring was the one it waited for. @since 0.1.0 @category errors */
export class OwnTimeout extends Schema.TaggedError<OwnTimeout>()("OwnTimeout", {
  waitingFor: Schema.Literal("database", "key ring")
}) {
  override get message() {
    return `Our ${this.waitingFor} did not answer within the time for a visit.`
  }
}

/**
 * What a tower can be blamed for.
 *
 * @since 0.1.0
 * @category errors
 */
export const TowerFailure = Schema.Union(
  TransportError,
  UnexpectedMessage,
  TowerErrorMessage,
  PermanentTowerFailure,
  SessionRejected,
  SessionKeyAlreadyUsed,
  RewardScriptTooLong,
  VisitTimeout,
  Overtaken,
  NoTowerAddrs,
  OnionWithoutProxy
)
/** @since 0.1.0 @category errors */
export type TowerFailure = typeof TowerFailure.Type

/**
 * What is ours: the tower is not blamed.
 *
 * @since 0.1.0
 * @category errors
 */
export const OwnFailure = Schema.Union(ReserveError, StoreError, KeyRingError, LeaseExpired, OwnTimeout)
/** @since 0.1.0 @category errors */
export type OwnFailure = typeof OwnFailure.Type

/** Why an attempt or a visit gave no session. @since 0.1.0 @category errors */
export const AttemptFailure = Schema.Union(TowerFailure, OwnFailure)
/** @since 0.1.0 @category errors */
export type AttemptFailure = typeof AttemptFailure.Type

/** One failure with its place. Without an address it is the visit's as a whole. @since 0.1.0 @category errors */
export class FailedAttempt extends Schema.Class<FailedAttempt>("FailedAttempt")({
  towerId: TowerId,
  tower: PublicKey,
  address: Schema.optional(TowerAddress),
  failure: AttemptFailure
}) {}

/** A round gave no session: one typed failure for each address that was tried. @since 0.1.0 @category errors */
export class FailedNegotiation extends Schema.TaggedError<FailedNegotiation>()("FailedNegotiation", {
  failures: Schema.Array(FailedAttempt)
}) {
  override get message() {
    const lines = this.failures.map(
      (failed) =>
        `${failed.tower}${failed.address === undefined ? "" : `@${failed.address}`}: ${failed.failure.message}`
    )
    return ["No tower gave a session.", ...lines].join("\n  ")
  }
}

/** There is nobody to ask: no tower is known, or all are quarantined. @since 0.1.0 @category errors */
export class NoTowerCandidates extends Schema.TaggedError<NoTowerCandidates>()("NoTowerCandidates", {
  quarantined: Schema.Int
}) {
  override get message() {
    return this.quarantined === 0
      ? "No tower is known. Add one first."
      : `Every known tower (${this.quarantined}) refuses this policy for good. Add another tower, or change the policy.`
  }
}

/** What one round can end with instead of a session. @since 0.1.0 @category errors */
export const NegotiationError = Schema.Union(FailedNegotiation, NoTowerCandidates)
/** @since 0.1.0 @category errors */
export type NegotiationError = typeof NegotiationError.Type

/**
 * The typed failures inside: of each address that was tried, and of each visit that failed as a whole, in the order in which
 * they happened; an error that has none inside stands for itself. So one match reads both kinds of `negotiate`'s error.
 *
 * @since 0.1.0
 * @category combinators
 */
export const causes = (error: NegotiationError): ReadonlyArray<AttemptFailure | NoTowerCandidates> =>
  error._tag === "FailedNegotiation" ? error.failures.map(({ failure }) => failure) : [error]

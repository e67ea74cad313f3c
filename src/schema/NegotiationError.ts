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
import { ChainHash, Instant, KeyIndex, PublicKey, TowerId } from "./Ids.js"
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
    return `The tower answered with an error (code ${this.code}).`
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

/** Each reason as the end of a sentence about the tower. @since 0.1.0 @category errors */
export const permanentReasons: Record<PermanentReason, string> = {
  RejectBlobType: "it does not take this blob type",
  RejectMaxUpdates: "it does not take this number of updates",
  RejectRewardRate: "it does not take this reward rate",
  RejectSweepFeeRate: "it does not take this sweep fee rate",
  PermanentFailure: "it answered that it never will",
  WrongChain: "it watches another chain",
  UnknownRequiredFeature: "it requires features that we do not know"
}

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
    const { featureCount = 0, features = [], reason, theirChain } = this
    const why =
      reason === "WrongChain" && theirChain !== undefined
        ? `it watches ${Chain.nameOf(theirChain)}`
        : reason === "UnknownRequiredFeature"
          ? `it requires features that we do not know (${Excerpt.printFeatures(features, featureCount)})`
          : permanentReasons[reason]
    return `The tower will not give a session for this policy: ${why}.`
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
    // Many of these sentences name the address themselves.
    const place = ({ address, failure }: FailedAttempt) =>
      address === undefined || failure.message.includes(address) ? "" : `@${address}`
    const lines = this.failures.map((failed) => `${failed.tower}${place(failed)}: ${failed.failure.message}`)
    return ["No tower gave a session.", ...lines].join("\n  ")
  }
}

/** A tower that is quarantined: why, and when it is asked again. @since 0.1.0 @category errors */
export const LeftOut = Schema.Struct({ towerId: TowerId, tower: PublicKey, reason: PermanentReason, probeAt: Instant })
/** @since 0.1.0 @category errors */
export type LeftOut = typeof LeftOut.Type

/**
 * No tower can be asked: none is known, or all are quarantined. `leftOut` has the first of these, 20 at most.
 *
 * @since 0.1.0
 * @category errors
 */
export class NoTowerCandidates extends Schema.TaggedError<NoTowerCandidates>()("NoTowerCandidates", {
  quarantined: Schema.Int,
  leftOut: Schema.optional(Schema.Array(LeftOut).pipe(Schema.maxItems(20)))
}) {
  override get message() {
    const reasons = this.leftOut?.map(
      ({ probeAt, reason, towerId }) =>
        `tower ${towerId} until ${new Date(probeAt).toISOString()}, since ${permanentReasons[reason]}`
    )
    const why = reasons === undefined ? "" : `: ${reasons.join("; ")}`
    return this.quarantined === 0
      ? "No active tower is known. Add one first."
      : this.quarantined === 1
        ? `The one tower that is known refuses this policy, and is left out for now${why}. Add another one, add it again to ask it at once, or change the policy.`
        : `All ${this.quarantined} towers that are known refuse this policy, and are left out for now${why}. Add another one, add one again to ask it at once, or change the policy.`
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

/**
 * The table of docs/negotiation.md, Rules, as data. There is one code path, and it asks these rules.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import type * as Schedule from "effect/Schedule"
import * as BlobType from "../../schema/BlobType.js"
import * as Chain from "../../schema/Chain.js"
import * as Excerpt from "../../schema/Excerpt.js"
import type { HexBytes, KeyIndex } from "../../schema/Ids.js"
import { HexBytes as Hex } from "../../schema/Ids.js"
import {
  type AttemptFailure,
  PermanentTowerFailure,
  RewardScriptTooLong,
  SessionKeyAlreadyUsed,
  SessionRejected,
  type TowerFailure
} from "../../schema/NegotiationError.js"
import type { Policy } from "../../schema/Policy.js"
import type { Standing } from "../../schema/Standing.js"
import type { TowerAddress } from "../../schema/TowerAddress.js"
import type { DialFailed } from "../../schema/TransportError.js"
import * as Code from "../../schema/wire/Code.js"
import type { CreateSessionReply } from "../../schema/wire/CreateSessionReply.js"
import * as Backoff from "./backoff.js"
import type { Settings } from "./Options.js"
import * as Ranking from "./ranking.js"

/** An accepting reply: the reward script to keep, and how many bytes of one were ignored. @since 0.1.0 @category models */
export interface Acceptance {
  readonly rewardPkScript: HexBytes
  readonly ignoredBytes: number
}

/**
 * What a failed attempt means. `next`: go on with the tower's next address, with another key at the same address, or with
 * another tower. `blames`: the tower, its address too, or none (a failure of our own side).
 *
 * @since 0.1.0
 * @category models
 */
export interface Judgement {
  readonly next: "address" | "key" | "tower"
  readonly blames: "address" | "tower" | "none"
}

/** A visit without a session, as far as a round decides upon it. @since 0.1.0 @category models */
export interface FailedVisit {
  /** Was it a failure of our own side? */
  readonly own: boolean
  /** Was a key index reserved? */
  readonly hadKey: boolean
}

/**
 * What a negotiator does where the reference (dcrlnd v0.7.6) does something else. The rest of the difference is in the
 * settings, and in the ports that a negotiator is given.
 *
 * @since 0.1.0
 * @category models
 */
export interface Rules {
  /** The feature bits of our Init for a blob type. */
  readonly features: (chain: Chain.Chain, blobType: BlobType.BlobType) => ReadonlyArray<number>
  /** A round's candidates, one by one. */
  readonly ranking: Ranking.Ranking
  /**
   * Does a failed visit end the round? Otherwise the next candidate is started at once. By default the second failure of our
   * own side does: one may be about its tower alone (a bad row, a rule of a firewall), two say that others would fail alike.
   * Both towers stand behind the others from then on. So a machine that is off the network puts two towers to rest in a
   * round, not all of them, and each round asks others.
   */
  readonly endsRound: (failed: ReadonlyArray<FailedVisit>) => boolean
  /** The waits of a negotiation. */
  readonly waits: (settings: Settings) => Schedule.Schedule<Duration.Duration>
  /** Is a tower without an address found out before a key index is reserved (docs/negotiation.md, D16)? */
  readonly checksAddressesFirst: boolean
  readonly addresses: (addresses: ReadonlyArray<TowerAddress>, standing: Standing) => ReadonlyArray<TowerAddress>
  readonly readReply: (
    reply: CreateSessionReply,
    policy: Policy,
    keyIndex: KeyIndex
  ) => Either.Either<Acceptance, TowerFailure>
  readonly judge: (failure: AttemptFailure) => Judgement
}

const isRewarded = (policy: Policy) => BlobType.has(policy.blobType, BlobType.flagReward)

const rejected = ({ code, data }: CreateSessionReply) =>
  Either.left(new SessionRejected({ code, ...Excerpt.ofData(data) }))

const permanent = (reason: PermanentTowerFailure["reason"]) => Either.left(new PermanentTowerFailure({ reason }))

/** The one feature bit that we require: towers that take no altruist sessions are of no use. @since 0.1.0 @category models */
export const altruistSessions = 0

/** A reward script longer than this is a failure of the tower (docs/negotiation.md, D14). In bytes. */
const maxRewardScript = 1024

/** Is it this machine that cannot connect? */
const isOwn = ({ reason }: DialFailed): boolean => {
  switch (reason) {
    case "ProxyUnavailable":
    case "NetworkDown":
    case "NotAllowed":
    case "OutOfResources":
      return true
    case "Refused":
    case "Timeout":
    case "Unreachable":
    case "NameNotFound":
    case "NameTimeout":
    case "Proxy":
    case "Other":
      return false
  }
}

/**
 * Ours: what is right in the reference kept, what is wrong repaired.
 *
 * @since 0.1.0
 * @category models
 */
export const defaults: Rules = {
  // Optional (odd) but for the one. A tower that does not know a required bit hangs up, which is no refusal for good, and would be
  // asked again and again; asked with an optional bit it answers that it does not take the blob type.
  features: (chain, blobType) =>
    Chain.clientFeatures(chain, blobType).map((bit) => (bit === altruistSessions ? bit : bit + 1)),
  ranking: Ranking.byStanding,
  endsRound: (failed) => failed.filter((visit) => visit.own).length >= 2,
  waits: Backoff.capped,
  checksAddressesFirst: true,
  addresses: Ranking.orderAddresses,
  readReply: (reply, policy, keyIndex) => {
    const bytes = reply.data.length / 2
    switch (reply.code) {
      case Code.ok:
        if (bytes > maxRewardScript) return Either.left(new RewardScriptTooLong({ bytes }))
        return Either.right(
          isRewarded(policy)
            ? { rewardPkScript: reply.data, ignoredBytes: 0 }
            : { rewardPkScript: Hex.make(""), ignoredBytes: bytes }
        )
      case Code.alreadyExists:
        return Either.left(new SessionKeyAlreadyUsed({ keyIndex, lastApplied: reply.lastApplied }))
      case Code.permanentFailure:
        return permanent("PermanentFailure")
      case Code.rejectMaxUpdates:
        return permanent("RejectMaxUpdates")
      case Code.rejectRewardRate:
        return permanent("RejectRewardRate")
      case Code.rejectSweepFeeRate:
        return permanent("RejectSweepFeeRate")
      case Code.rejectBlobType:
        return permanent("RejectBlobType")
      default:
        return rejected(reply)
    }
  },
  judge: (failure) => {
    switch (failure._tag) {
      case "SessionKeyAlreadyUsed":
        return { next: "key", blames: "tower" }
      case "PermanentTowerFailure":
      case "SessionRejected":
      case "RewardScriptTooLong":
      case "TowerErrorMessage":
      case "NoTowerAddrs":
      case "OnionWithoutProxy":
        return { next: "tower", blames: "tower" }
      case "VisitTimeout":
      case "Overtaken":
        return { next: "tower", blames: "address" }
      case "DialFailed":
        return { next: "address", blames: isOwn(failure) ? "none" : "address" }
      case "HandshakeFailed":
      case "ConnectionEnded":
      case "MessageTimeout":
      case "GarbledFrame":
      case "MalformedMessage":
      case "UnexpectedMessage":
        return { next: "address", blames: "address" }
      case "DatabaseBusy":
      case "DatabaseUnavailable":
      case "CorruptRow":
      case "TowerNotFound":
      case "KeyIndexesExhausted":
      case "ReservationLost":
      case "ClientSessionAlreadyExists":
      case "NoReservedKeyIndex":
      case "IncorrectKeyIndex":
      case "StoreOutcomeUnknown":
      case "KeyRingError":
      case "LeaseExpired":
      case "OwnTimeout":
        return { next: "tower", blames: "none" }
    }
  }
}

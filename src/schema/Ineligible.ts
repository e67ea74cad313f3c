/**
 * States that no tower can punish, and why (docs/protocol.md, Eligibility).
 *
 * @since 0.1.0
 * @module
 */
import * as Schema from "effect/Schema"
import { Amount, encoded, encodedError } from "../internal/json.js"
import { ChannelId } from "./Channel.js"
import { CommitHeight } from "./RevokedState.js"

/**
 * Why a state is not backed up. `ScriptEnforcedLease`, `RewardType`, `NotOnThisChain`, `OtherBlobType`, `SweepScript`: on these terms
 * the channel never can be. `NoToLocal`: the other party has nothing to lose in it, and towers do nothing then. The others are of the amounts.
 *
 * @since 0.1.0
 * @category errors
 */
export const IneligibleReason = Schema.Literal(
  "ScriptEnforcedLease",
  "RewardType",
  "NotOnThisChain",
  "OtherBlobType",
  "SweepScript",
  "NoToLocal",
  "FeeExceedsInputs",
  "CreatesDust"
)
/** @since 0.1.0 @category errors */
export type IneligibleReason = typeof IneligibleReason.Type

/** What a justice transaction would divide, in satoshi or atoms; `dustLimit` is the least that can be swept. @since 0.1.0 @category models */
export class Shares extends Schema.Class<Shares>("Shares")({
  total: Amount,
  fee: Amount,
  dustLimit: Amount
}) {
  /** The encoded side, for `JSON.stringify` and loggers. */
  toJSON(): unknown {
    return encoded(Shares, this)
  }
}

const none = { total: 0n, fee: 0n, dustLimit: 0n }

/**
 * No tower could make a justice transaction of this state, so it is not sent to any. `shares` are there when the reason is of the
 * amounts.
 *
 * @since 0.1.0
 * @category errors
 */
export class Ineligible extends Schema.TaggedError<Ineligible>()("Ineligible", {
  channelId: ChannelId,
  commitHeight: CommitHeight,
  reason: IneligibleReason,
  shares: Schema.optional(Shares)
}) {
  override get message() {
    const { dustLimit, fee, total } = this.shares ?? none
    const why: Record<IneligibleReason, string> = {
      ScriptEnforcedLease: "towers do not know the scripts of lease channels",
      RewardType: "sessions with a reward take no backups; use one of an altruist blob type",
      NotOnThisChain: "the towers of this chain do not know channels of its type",
      OtherBlobType: "sessions of this blob type are for channels of another type",
      SweepScript:
        "towers of this chain cannot sweep to its script; Bitcoin's take P2WPKH, P2WSH and P2TR, Decred's P2PKH",
      NoToLocal: "its transaction has no to_local output of these keys and this delay",
      FeeExceedsInputs: `the fee is ${fee} and its outputs hold ${total}`,
      CreatesDust: `${total - fee} would be left of ${total}, and less than ${dustLimit} is dust`
    }
    return `State ${this.commitHeight} of channel ${this.channelId} cannot be punished by a tower: ${why[this.reason]}.`
  }
  /** The encoded side, for `JSON.stringify` and loggers. */
  override toJSON(): unknown {
    return encodedError(Ineligible, this)
  }
}

/**
 * States that no tower can punish, and why (docs/protocol.md, Eligibility).
 *
 * @since 0.1.0
 * @module
 */
import * as Schema from "effect/Schema"
import { Amount, encoded, encodedError } from "../internal/json.js"
import { taggedUnion } from "../internal/taggedUnion.js"
import { ChannelId } from "./Channel.js"
import { CommitHeight } from "./RevokedState.js"

/** What a justice transaction would divide, in satoshi or atoms; `dustLimit` is the least that can be swept. @since 0.1.0 @category models */
export class Shares extends Schema.Class<Shares>("Shares")({ total: Amount, fee: Amount, dustLimit: Amount }) {
  /** The encoded side, for `JSON.stringify` and loggers. */
  toJSON(): unknown {
    return encoded(Shares, this)
  }
}

/**
 * Why a state is not backed up. `NoToLocal`: the other party has nothing to lose in it, and towers do nothing then. `FeeExceedsInputs` and
 * `CreatesDust` are of the amounts. For the other reasons no state of the channel can be backed up on these terms.
 *
 * @since 0.1.0
 * @category errors
 */
export const IneligibleReason = taggedUnion({
  ScriptEnforcedLease: {},
  RewardType: {},
  NotOnThisChain: {},
  OtherBlobType: {},
  SweepScript: {},
  NoToLocal: {},
  FeeExceedsInputs: { shares: Shares },
  CreatesDust: { shares: Shares }
})
/** @since 0.1.0 @category errors */
export type IneligibleReason = Schema.Schema.Type<typeof IneligibleReason>

/** No tower could make a justice transaction of this state, so it is not sent to any. @since 0.1.0 @category errors */
export class Ineligible extends Schema.TaggedError<Ineligible>()("Ineligible", {
  channelId: ChannelId,
  commitHeight: CommitHeight,
  reason: IneligibleReason
}) {
  override get message() {
    const why = IneligibleReason.$match(this.reason, {
      ScriptEnforcedLease: () => "towers do not know the scripts of lease channels",
      RewardType: () => "sessions with a reward take no backups; use one of an altruist blob type",
      NotOnThisChain: () => "the towers of this chain do not know channels of its type",
      OtherBlobType: () => "sessions of this blob type are for channels of another type",
      SweepScript: () =>
        "towers of this chain cannot sweep to its script; Bitcoin's take P2WPKH, P2WSH and P2TR, Decred's P2PKH",
      NoToLocal: () => "its transaction has no to_local output of these keys and this delay",
      FeeExceedsInputs: ({ shares: { fee, total } }) => `the fee is ${fee} and its outputs hold ${total}`,
      CreatesDust: ({ shares: { dustLimit, fee, total } }) =>
        `${total - fee} would be left of ${total}, and less than ${dustLimit} is dust`
    })
    return `State ${this.commitHeight} of channel ${this.channelId} cannot be punished by a tower: ${why}.`
  }
  /** The encoded side, for `JSON.stringify` and loggers. */
  override toJSON(): unknown {
    return encodedError(Ineligible, this)
  }
}

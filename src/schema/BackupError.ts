/**
 * Why a channel or a state is not taken, or a copy cannot be waited for (docs/backups.md).
 *
 * @since 0.1.0
 * @module
 */
import * as Schema from "effect/Schema"
import { ChannelId } from "./Channel.js"
import { SessionId } from "./Ids.js"
import { CommitHeight } from "./RevokedState.js"

const state = { channelId: ChannelId, commitHeight: CommitHeight }

/** No channel with this id is registered. @since 0.1.0 @category errors */
export class ChannelNotRegistered extends Schema.TaggedError<ChannelNotRegistered>()("ChannelNotRegistered", {
  channelId: ChannelId
}) {
  override get message() {
    return `Channel ${this.channelId} is not registered. Register it before its states are handed in.`
  }
}

/** The channel is registered with another type or sweep script; what is registered stays. @since 0.1.0 @category errors */
export class ChannelMismatch extends Schema.TaggedError<ChannelMismatch>()("ChannelMismatch", {
  channelId: ChannelId,
  field: Schema.Literal("type", "sweepPkScript")
}) {
  override get message() {
    const what = this.field === "type" ? "type" : "sweep script"
    return `Channel ${this.channelId} is registered with another ${what}. A channel that changes gets another id.`
  }
}

/** The channel was closed; it takes no more states. @since 0.1.0 @category errors */
export class ChannelClosed extends Schema.TaggedError<ChannelClosed>()("ChannelClosed", { channelId: ChannelId }) {
  override get message() {
    return `Channel ${this.channelId} was closed and takes no more states. A new channel needs an id of its own.`
  }
}

/** Another transaction was handed in under this height, and its copies are not all made. @since 0.1.0 @category errors */
export class OtherTransaction extends Schema.TaggedError<OtherTransaction>()("OtherTransaction", state) {
  override get message() {
    return `State ${this.commitHeight} of channel ${this.channelId} was handed in with another transaction. A state has one transaction; after a splice the channel has another id.`
  }
}

/** This height was never handed in, so its copies cannot be waited for. @since 0.1.0 @category errors */
export class StateNotHandedIn extends Schema.TaggedError<StateNotHandedIn>()("StateNotHandedIn", state) {
  override get message() {
    return `State ${this.commitHeight} of channel ${this.channelId} was never handed in. Hand it in first.`
  }
}

/** A tower has lost copies of states up to this height, and they are not kept any more. @since 0.1.0 @category errors */
export class CopiesLost extends Schema.TaggedError<CopiesLost>()("CopiesLost", {
  ...state,
  states: Schema.Int
}) {
  override get message() {
    const states = this.states === 1 ? "A copy of 1 state" : `Copies of ${this.states} states`
    return `${states} of channel ${this.channelId} up to ${this.commitHeight} were lost by a tower. Hand the states in again.`
  }
}

/** Another process has become the sender. @since 0.1.0 @category errors */
export class NotSender extends Schema.TaggedError<NotSender>()("NotSender", {}) {
  override get message() {
    return "Another process sends the backups now."
  }
}

/** The session takes no updates: it was given up, or its tower was removed or deactivated. @since 0.1.0 @category errors */
export class SessionEnded extends Schema.TaggedError<SessionEnded>()("SessionEnded", { id: SessionId }) {
  override get message() {
    return `The session ${this.id} takes no more updates.`
  }
}

/** No session with this id is stored. @since 0.1.0 @category errors */
export class SessionNotFound extends Schema.TaggedError<SessionNotFound>()("SessionNotFound", { id: SessionId }) {
  override get message() {
    return `No session ${this.id} is stored.`
  }
}

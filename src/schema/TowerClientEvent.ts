/**
 * Everything that happens in a tower client, typed and numbered. Status, logs and metrics are folds over it
 * (docs/backups.md, Events).
 *
 * @since 0.1.0
 * @module
 */
import * as Schema from "effect/Schema"
import { taggedUnion } from "../internal/taggedUnion.js"
import { ChannelId } from "./Channel.js"
import { DbError } from "./DbError.js"
import { Instant, KeyIndex, PublicKey, SessionId, TowerId } from "./Ids.js"
import { AttemptFailure } from "./NegotiationError.js"
import { PolicyKey } from "./Policy.js"
import { CommitHeight } from "./RevokedState.js"
import { TowerAddress } from "./TowerAddress.js"

/** Which session, and at which tower. @since 0.1.0 @category models */
export const SessionRef = Schema.Struct({
  towerId: TowerId,
  tower: PublicKey,
  session: SessionId,
  keyIndex: KeyIndex
})
/** @since 0.1.0 @category models */
export type SessionRef = typeof SessionRef.Type

const ofSession = SessionRef.fields
const ofState = { channelId: ChannelId, commitHeight: CommitHeight }

/** The tower answered an update, or a question, with this. @since 0.1.0 @category errors */
export class UpdateRefused extends Schema.TaggedError<UpdateRefused>()("UpdateRefused", {
  seqNum: Schema.Int,
  code: Schema.Int
}) {
  override get message() {
    return `The tower answered update ${this.seqNum} with code ${this.code}.`
  }
}

/** The tower said that it applied another update than the one that was due. @since 0.1.0 @category errors */
export class WrongLastApplied extends Schema.TaggedError<WrongLastApplied>()("WrongLastApplied", {
  seqNum: Schema.Int,
  lastApplied: Schema.Int
}) {
  override get message() {
    return `The tower accepted update ${this.seqNum} and says that it applied ${this.lastApplied}.`
  }
}

/** A window was not answered within the time for it. @since 0.1.0 @category errors */
export class WindowTimeout extends Schema.TaggedError<WindowTimeout>()("WindowTimeout", { seqNum: Schema.Int }) {
  override get message() {
    return `The tower did not answer update ${this.seqNum} in time.`
  }
}

/** Why a contact with a tower failed. @since 0.1.0 @category errors */
export const ContactFailure = Schema.Union(AttemptFailure, UpdateRefused, WrongLastApplied, WindowTimeout)
/** @since 0.1.0 @category errors */
export type ContactFailure = typeof ContactFailure.Type

/**
 * Why a session was given up. `Refused`: it refused its first update, or a third one; `Behind`: after a refusal the tower stood
 * elsewhere than right before the refused update; `Ahead`: the tower has more than was ever given out, so that another program
 * has used the key, or the database is an older copy.
 *
 * @since 0.1.0
 * @category models
 */
export const TerminalReason = Schema.Literal("Refused", "Behind", "Ahead")
/** @since 0.1.0 @category models */
export type TerminalReason = typeof TerminalReason.Type

/**
 * What happened.
 *
 * @since 0.1.0
 * @category models
 */
export const Happening = taggedUnion({
  /** This process sends from now on. */
  SendingStarted: {},
  /** Another process sends, or the database cannot say who does. */
  SendingStopped: {},
  StateKept: { ...ofState, policyKey: PolicyKey },
  StateIneligible: ofState,
  ContactStarted: { ...ofSession, policyKey: PolicyKey },
  /** The tower's Init was right: the session takes updates, or the question where it stands. */
  Connected: { ...ofSession, address: TowerAddress },
  /** The tower has said up to which update it has applied. */
  Asked: { ...ofSession, lastApplied: Schema.Int },
  /** Numbers were given to states, durably; they are sent now. */
  WindowBound: { ...ofSession, first: Schema.Int, last: Schema.Int },
  /** The tower has confirmed updates, and that is stored. */
  Acked: { ...ofSession, first: Schema.Int, last: Schema.Int },
  /** A state has one copy more; told after `Acked`. */
  CopyMade: { ...ofState, towerId: TowerId, session: SessionId, seqNum: Schema.Int },
  /** The contact has nothing to send, and stays open for a while. */
  Lingering: ofSession,
  ContactEnded: ofSession,
  /** A contact failed; the session rests. */
  ContactFailed: { ...ofSession, failure: ContactFailure, restsUntil: Instant },
  /** The tower still has an older connection with this key: no failure, and tried again soon. */
  KeyBusy: { ...ofSession, restsUntil: Instant },
  SessionExhausted: ofSession,
  SessionTerminal: { ...ofSession, reason: TerminalReason, reopened: Schema.Int },
  /** The tower forgot what it had confirmed: `reopened` states are open again, `lost` ones are to be handed in again. */
  SessionLost: { ...ofSession, lastApplied: Schema.Int, reopened: Schema.Int, lost: Schema.Int },
  /** No session at hand takes the states of this policy, or fewer unused ones are at hand than are kept; these towers are asked for one. */
  SessionWanted: { policyKey: PolicyKey, towers: Schema.Array(TowerId) },
  /** All states of this policy are served again, or wait for the sessions at hand. */
  SessionUnwanted: { policyKey: PolicyKey },
  SessionTaken: { ...ofSession, policyKey: PolicyKey },
  /** A contact with the tower failed, or it has cost a session: it is asked for no new one until then. */
  TowerRests: { towerId: TowerId, until: Instant },
  /** A write or a question to the database failed; it is tried again at that instant. */
  DatabaseFailed: { failure: DbError, until: Instant },
  /** A defect has ended the sender. */
  Stopped: { cause: Schema.Defect }
})
/** @since 0.1.0 @category models */
export type Happening = typeof Happening.Type

/** A happening with its number, counted from 1 without gaps, and its instant. @since 0.1.0 @category models */
export const TowerClientEvent = Schema.Struct({ number: Schema.Int, at: Instant, happening: Happening })
/** @since 0.1.0 @category models */
export type TowerClientEvent = typeof TowerClientEvent.Type

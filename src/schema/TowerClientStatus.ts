/**
 * What a tower client is doing, and why a state has no copy yet.
 *
 * @since 0.1.0
 * @module
 */
import * as Schema from "effect/Schema"
import { taggedUnion } from "../internal/taggedUnion.js"
import { DbError } from "./DbError.js"
import { Instant, Route, SessionId, TowerId } from "./Ids.js"
import { PolicyKey } from "./Policy.js"
import { ContactFailure, SessionRef } from "./TowerClientEvent.js"

/** What a session does: dials, asks or sends; has nothing to send; or rests after a failure, until when. @since 0.1.0 @category models */
export const SessionActivity = taggedUnion({
  Connecting: {},
  Sending: {},
  Idle: {},
  Resting: { until: Instant, failure: Schema.optional(ContactFailure) }
})
/** @since 0.1.0 @category models */
export type SessionActivity = Schema.Schema.Type<typeof SessionActivity>

/** @since 0.1.0 @category models */
export const SessionStatus = Schema.Struct({
  ...SessionRef.fields,
  policyKey: PolicyKey,
  since: Instant,
  activity: SessionActivity
})
/** @since 0.1.0 @category models */
export type SessionStatus = typeof SessionStatus.Type

/** Policies for which a new session is asked for, and of which towers. @since 0.1.0 @category models */
export const WantedSession = Schema.Struct({ policyKey: PolicyKey, since: Instant, towers: Schema.Array(TowerId) })
/** @since 0.1.0 @category models */
export type WantedSession = typeof WantedSession.Type

/** A database that failed is asked again at that instant. @since 0.1.0 @category models */
export const DatabaseFailure = Schema.Struct({ failure: DbError, until: Instant })
/** @since 0.1.0 @category models */
export type DatabaseFailure = typeof DatabaseFailure.Type

/** A tower that is asked for no new session until then. @since 0.1.0 @category models */
export const RestingTower = Schema.Struct({ towerId: TowerId, until: Instant })
/** @since 0.1.0 @category models */
export type RestingTower = typeof RestingTower.Type

/**
 * `role`: this process sends, another one does, or a defect has ended the sender. `sessions` are those that do something, or
 * rest after a failure. A rest can be over, of sessions and of `restingTowers`, and a `databaseFailure` too: their `until` says so. A
 * session whose rest is over is tried again once something is to be sent with it.
 *
 * @since 0.1.0
 * @category models
 */
export const TowerClientStatus = Schema.Struct({
  role: Schema.Literal("sender", "waiting", "stopped"),
  sessions: Schema.Array(SessionStatus),
  wanted: Schema.Array(WantedSession),
  restingTowers: Schema.Array(RestingTower),
  databaseFailure: Schema.optional(DatabaseFailure)
})
/** @since 0.1.0 @category models */
export type TowerClientStatus = typeof TowerClientStatus.Type

/**
 * Why states have not all their copies yet, and until when where an end is known.
 *
 * @since 0.1.0
 * @category models
 */
export const WaitReason = taggedUnion({
  /** Sessions at these towers connect for them, or send them. */
  OnTheirWay: { towers: Schema.Array(TowerId) },
  /** These towers are asked for a session. After a round without one it is asked again at that instant. */
  SessionAsked: { towers: Schema.Array(TowerId), since: Instant, until: Schema.optional(Instant) },
  /** The sessions for them rest after a failure, the first one until then. */
  SessionsRest: { towers: Schema.Array(TowerId), until: Instant, failure: Schema.optional(ContactFailure) },
  /** These towers have failed, and are asked for no new session, the first one until then. */
  TowersRest: { towers: Schema.Array(TowerId), until: Instant },
  /**
   * There is no tower that has no copy yet and can be asked: more towers are needed. Also said for the moment between the storing
   * of a state and the sender's look at it.
   */
  NoTower: {},
  /** They were made for a policy that the client does not have any more: they wait for a stored session of that policy. */
  OtherPolicy: {},
  /**
   * Beside one of the last two, where sessions of the other route have bound states of this policy. Their towers may have them, so
   * these towers are not given them on this route: they could tell that both are the same client. The sessions go on when a client of
   * their route sends; a session that is given up leaves its states to every tower.
   */
  OtherRoute: { route: Route, towers: Schema.Array(TowerId), sessions: Schema.Array(SessionId) },
  /** The database failed, and is asked again at that instant. */
  DatabaseFails: { failure: DbError, until: Instant },
  /** Another process sends them; it knows why. */
  OtherSender: {},
  /** A defect has ended the sender. */
  SenderStopped: {}
})
/** @since 0.1.0 @category models */
export type WaitReason = Schema.Schema.Type<typeof WaitReason>

/**
 * States of one channel and policy that miss copies, and why. `TowersRest`, `NoTower`, `OtherPolicy` and `OtherRoute` are said where
 * nothing else is the reason.
 *
 * @since 0.1.0
 * @category models
 */
export const WaitingStates = Schema.Struct({
  policyKey: PolicyKey,
  states: Schema.NonNegativeInt,
  reasons: Schema.NonEmptyArray(WaitReason)
})
/** @since 0.1.0 @category models */
export type WaitingStates = typeof WaitingStates.Type

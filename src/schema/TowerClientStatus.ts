/**
 * What a tower client is doing, and why a state has no copy yet.
 *
 * @since 0.1.0
 * @module
 */
import * as Schema from "effect/Schema"
import { taggedUnion } from "../internal/taggedUnion.js"
import { Instant, TowerId } from "./Ids.js"
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
export const SessionStatus = Schema.Struct({ ...SessionRef.fields, since: Instant, activity: SessionActivity })
/** @since 0.1.0 @category models */
export type SessionStatus = typeof SessionStatus.Type

/** Policies for which a new session is asked for, and of which towers. @since 0.1.0 @category models */
export const WantedSession = Schema.Struct({ policyKey: PolicyKey, since: Instant, towers: Schema.Array(TowerId) })
/** @since 0.1.0 @category models */
export type WantedSession = typeof WantedSession.Type

/**
 * `role`: this process sends, another one does, or a defect has ended the sender. `sessions` are those that do something, or
 * rest after a failure.
 *
 * @since 0.1.0
 * @category models
 */
export const TowerClientStatus = Schema.Struct({
  role: Schema.Literal("sender", "waiting", "stopped"),
  sessions: Schema.Array(SessionStatus),
  wanted: Schema.Array(WantedSession)
})
/** @since 0.1.0 @category models */
export type TowerClientStatus = typeof TowerClientStatus.Type

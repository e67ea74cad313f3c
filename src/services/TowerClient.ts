/**
 * The port that the sessions are for: revoked states of channels are handed in, and get copies at as many towers as asked for, also
 * when the client, a tower or the machine crashes in between (docs/backups.md).
 *
 * ```ts
 * import { Effect } from "effect"
 * import { type Channel, type RevokedState, TowerClient } from "effect-watchtower"
 *
 * // A node that wants no state ahead of its towers: revokes only when the state before has its copies.
 * export const backUp = (channel: Channel.Channel, state: RevokedState.RevokedState, sign: RevokedState.Sign) =>
 *   Effect.gen(function* () {
 *     const client = yield* TowerClient.TowerClient
 *     yield* client.registerChannel(channel)
 *     yield* client.backupState(state, sign)
 *     yield* client.awaitBackup(state.channelId, state.commitHeight)
 *   })
 * ```
 *
 * @since 0.1.0
 * @module
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type {
  ChannelClosed,
  ChannelMismatch,
  ChannelNotRegistered,
  CopiesLost,
  OtherTransaction,
  SessionNotFound,
  StateNotHandedIn
} from "../schema/BackupError.js"
import type { Channel, ChannelId } from "../schema/Channel.js"
import type { DbError, TowerNotFound } from "../schema/DbError.js"
import type { Instant, PublicKey, SessionId } from "../schema/Ids.js"
import type { Ineligible } from "../schema/Ineligible.js"
import type { Policy } from "../schema/Policy.js"
import type { Readiness } from "../schema/Readiness.js"
import type {
  CommitHeight,
  InvalidRevokedState,
  RevokedState,
  Sign,
  SignError,
  SignRequest
} from "../schema/RevokedState.js"
import type { Standing } from "../schema/Standing.js"
import type { ChannelSummary, Ended } from "../schema/StoredBackup.js"
import type { Tower } from "../schema/Tower.js"
import type { TowerClientEvent } from "../schema/TowerClientEvent.js"
import type { TowerClientStatus, WaitingStates } from "../schema/TowerClientStatus.js"
import type { BackupDb } from "./BackupDb.js"
import type { SessionNegotiator } from "./SessionNegotiator.js"

/**
 * The tower client (lnd v0.21.2 `watchtower/wtclient/client.go`).
 *
 * @since 0.1.0
 * @category services
 */
export class TowerClient extends Context.Tag("effect-watchtower/TowerClient")<TowerClient, TowerClient.Service>() {}

/** @since 0.1.0 */
export declare namespace TowerClient {
  /** A negotiator that is watched; what it is asked for is the tower client's. `spare`: how many unused sessions are kept. */
  interface Negotiator extends Pick<SessionNegotiator.Service, "status" | "statusChanges" | "events"> {
    readonly policy: Policy
    readonly spare: number
    /** Whether it would ask this tower now. */
    readonly readinessOf: (tower: Tower, standing: Standing, now: Instant) => Readiness
  }

  /** What is handed in, and what has become of it. Every call works in every process that has the database. */
  interface Service {
    /** Registers a channel, durably; the same again does nothing. Lease channels are refused by name. */
    readonly registerChannel: (
      channel: Channel
    ) => Effect.Effect<void, DbError | ChannelMismatch | ChannelClosed | Ineligible>
    /**
     * When it succeeds, the backup is durable and gets its copies. Everything is checked before: what no tower can punish is
     * recorded and fails with `Ineligible`. A repetition does nothing while the copies are made or on their way; a state of which
     * a copy was lost is taken again.
     */
    readonly backupState: (
      state: RevokedState,
      sign: Sign
    ) => Effect.Effect<
      void,
      DbError | ChannelNotRegistered | ChannelClosed | OtherTransaction | Ineligible | InvalidRevokedState | SignError
    >
    /**
     * What `backupState` would ask a signer, to_local first: for a signer that cannot be called, whose signatures are brought by a
     * later `backupState`. It keeps nothing, but what no tower can punish is recorded here too.
     */
    readonly signRequests: (
      state: RevokedState
    ) => Effect.Effect<
      ReadonlyArray<SignRequest>,
      DbError | ChannelNotRegistered | ChannelClosed | Ineligible | InvalidRevokedState
    >
    /**
     * Comes back when all states handed in up to this height have their copies or are ineligible; heights that were left out do
     * not hold it. Fails when this height was never handed in, or copies up to it were lost.
     */
    readonly awaitBackup: (
      channelId: ChannelId,
      commitHeight: CommitHeight
    ) => Effect.Effect<void, DbError | StateNotHandedIn | CopiesLost>
    /** No revoked state of the channel can confirm any more: it takes no new states, and those that are kept are sent as before. */
    readonly closeChannel: (channelId: ChannelId) => Effect.Effect<void, DbError | ChannelNotRegistered>
    /** A page of the channels, by ascending id. */
    readonly channels: (page?: BackupDb.Page<ChannelId>) => Effect.Effect<ReadonlyArray<ChannelSummary>, DbError>
    /** One channel. */
    readonly channel: (channelId: ChannelId) => Effect.Effect<ChannelSummary, DbError | ChannelNotRegistered>
    /**
     * Why states of the channel have not all their copies yet, and until when: one entry for each policy of which some miss
     * copies, none where nothing is missing.
     */
    readonly waiting: (
      channelId: ChannelId
    ) => Effect.Effect<ReadonlyArray<WaitingStates>, DbError | ChannelNotRegistered>
    /**
     * No more sessions and updates for this tower until it is added again; what it has not confirmed is open for others. It
     * stays known (lncli `wtclient deactivate`).
     */
    readonly deactivateTower: (publicKey: PublicKey) => Effect.Effect<void, DbError | TowerNotFound>
    /** Gives a session up: no more updates there, and what is not confirmed is open for others. */
    readonly terminateSession: (id: SessionId) => Effect.Effect<Ended, DbError | SessionNotFound>
    /** What it is doing, and why a state has no copy yet. */
    readonly status: Effect.Effect<TowerClientStatus>
    /** The status now and after each change. Subscribed when the effect returns, until the scope closes. */
    readonly statusChanges: Effect.Effect<Stream.Stream<TowerClientStatus>, never, Scope.Scope>
    /** Everything that happens from now on, numbered. Subscribed when the effect returns; a slow reader loses the oldest of 4,096. */
    readonly events: Effect.Effect<Stream.Stream<TowerClientEvent>, never, Scope.Scope>
    /** The negotiators that get its sessions, one for each policy. */
    readonly negotiators: ReadonlyArray<Negotiator>
  }
}

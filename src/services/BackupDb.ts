/**
 * The port to the durable state of backups: channels, revoked states in our care, and what each tower has of them
 * (docs/database.md, Backups).
 *
 * ```ts
 * import { Effect } from "effect"
 * import { BackupDb } from "effect-watchtower"
 *
 * // Do all channels have all copies?
 * export const isComplete = Effect.gen(function* () {
 *   const db = yield* BackupDb.BackupDb
 *   const backlog = yield* db.backlog
 *   return backlog.length === 0
 * })
 * ```
 *
 * @since 0.1.0
 * @module
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type {
  ChannelClosed,
  ChannelMismatch,
  ChannelNotRegistered,
  NotSender,
  OtherTransaction,
  SessionEnded,
  SessionNotFound
} from "../schema/BackupError.js"
import type { Channel, ChannelId } from "../schema/Channel.js"
import type { SessionEnd } from "../schema/ClientSession.js"
import type { DbError } from "../schema/DbError.js"
import type { Instant, KeyIndex, Route, SessionId, TowerId } from "../schema/Ids.js"
import type { PolicyKey } from "../schema/Policy.js"
import type { CommitHeight } from "../schema/RevokedState.js"
import type {
  Backlog,
  BackupId,
  BoundUpdate,
  ChannelSummary,
  Ended,
  LoadedState,
  NewBackup,
  Progress,
  RegisteredChannel,
  SenderToken,
  SendingSession,
  StateRecord,
  TowerNeed
} from "../schema/StoredBackup.js"

/**
 * The database of backups: the one of `ClientDb`, over the same connection, since a number is bound to a stored session.
 * Every write is durable when its effect succeeds, and is bounded by the adapter's `storeTimeout`. Methods with a token are
 * for the process that sends; they fail with `NotSender` when another one has the lease.
 *
 * A tower *holds* a state when a session of it that is not lost has it acked, or an active session of it that is not stalled
 * has it bound. A session is stalled when its tower is removed or deactivated, when it is of another route than the sender, which
 * does not use its key, or when it has failed since `stalledSince` or longer.
 *
 * @since 0.1.0
 * @category services
 */
export class BackupDb extends Context.Tag("effect-watchtower/BackupDb")<BackupDb, BackupDb.Service>() {}

/** @since 0.1.0 */
export declare namespace BackupDb {
  /** What a session is to do next. */
  interface WindowRequest {
    /** All numbers up to this one were confirmed. */
    readonly acked: number
    /** Where nothing is bound then, this many states are bound at most. 0 binds nothing. */
    readonly limit: number
    /** States up to this one are not looked at: the caller knows that the tower needs none of them. */
    readonly after?: BackupId | undefined
    /** The sender's: sessions of another one are stalled. */
    readonly route: Route
    /** Sessions that have failed since this instant or longer are stalled. */
    readonly stalledSince: Instant
  }

  /** Which towers are asked about. */
  interface NeedQuery {
    readonly policyKey: PolicyKey
    /** The sender's: sessions of another one are stalled. */
    readonly route: Route
    /** Towers whose sessions take states now: what one of them can take is no reason to look for another. */
    readonly serving: ReadonlyArray<TowerId>
    /** The towers asked about, each with the state up to which it needs none. */
    readonly towers: ReadonlyArray<{ readonly towerId: TowerId; readonly after?: BackupId | undefined }>
    readonly stalledSince: Instant
  }

  /** A page of a list: what comes after a key, and how much of it at most (default 100). */
  interface Page<Key> {
    readonly after?: Key | undefined
    readonly limit?: number | undefined
  }

  /** What a database of backups can do. */
  interface Service {
    /** Registers a channel; the same data again does nothing. */
    readonly registerChannel: (channel: Channel) => Effect.Effect<void, DbError | ChannelMismatch | ChannelClosed>
    /** The channel takes no more states from now on; those that are kept are sent as before. */
    readonly closeChannel: (id: ChannelId) => Effect.Effect<void, DbError | ChannelNotRegistered>
    /** A channel, and whether it was closed. */
    readonly loadChannel: (id: ChannelId) => Effect.Effect<RegisteredChannel, DbError | ChannelNotRegistered>
    /** Channels and what has become of their states, by ascending id. */
    readonly listChannels: (page?: Page<ChannelId>) => Effect.Effect<ReadonlyArray<ChannelSummary>, DbError>
    /** What has become of a channel's states. */
    readonly summarize: (id: ChannelId) => Effect.Effect<ChannelSummary, DbError | ChannelNotRegistered>
    /** What is known of a state; of a channel that is not registered it is unknown. */
    readonly findState: (id: ChannelId, height: CommitHeight) => Effect.Effect<StateRecord, DbError>
    /** A channel as `loadChannel` answers it, with what is known of one of its states, in one read. */
    readonly loadState: (
      id: ChannelId,
      height: CommitHeight
    ) => Effect.Effect<LoadedState, DbError | ChannelNotRegistered>
    /**
     * Stores a backup. While it is kept, or all its copies are made, a repetition does nothing, and another transaction fails
     * where this can be seen. A state that is ineligible, or of which a copy was lost, is taken again; copies that it has count.
     */
    readonly addBackup: (
      backup: NewBackup
    ) => Effect.Effect<void, DbError | ChannelNotRegistered | ChannelClosed | OtherTransaction>
    /** Records that no tower can punish this state, unless it is kept or has its copies. */
    readonly addIneligible: (
      id: ChannelId,
      height: CommitHeight
    ) => Effect.Effect<void, DbError | ChannelNotRegistered | ChannelClosed>
    /** How far the states of a channel up to a height are; nothing was handed in of one that is not registered. */
    readonly progress: (id: ChannelId, height: CommitHeight) => Effect.Effect<Progress, DbError>

    /** Takes the lease of the sender, of 30 s, if no other process has it. Answers whether this process has it. */
    readonly takeSenderLease: (token: SenderToken) => Effect.Effect<boolean, DbError>
    /**
     * Renews the lease, also one that has run out and that nobody has taken. Answers false when another process has taken it since, even
     * if that has given it back: what this one knows of the sessions is not true any more.
     */
    readonly renewSenderLease: (token: SenderToken) => Effect.Effect<boolean, DbError>
    /** Gives the lease back, if this process has it. */
    readonly dropSenderLease: (token: SenderToken) => Effect.Effect<void, DbError>

    /**
     * How many sessions were given up or lost, ever: while it does not change, no process has ended one. Towers that are removed are not
     * seen by it.
     */
    readonly endedSessions: Effect.Effect<number, DbError>
    /** How many states of each policy are kept; policies of which none is kept are absent. */
    readonly backlog: Effect.Effect<ReadonlyArray<Backlog>, DbError>
    /** How many states of a channel miss copies, for each policy; policies of which none does are absent. */
    readonly missing: (id: ChannelId) => Effect.Effect<ReadonlyArray<Backlog>, DbError>
    /** Sessions in use that have free numbers or bound ones, of this route, by ascending key index. */
    readonly listSending: (route: Route, page?: Page<KeyIndex>) => Effect.Effect<ReadonlyArray<SendingSession>, DbError>
    /**
     * Sessions of this route that a tower has confirmed updates of, by ascending key index: all but lost ones, also inactive, terminal
     * and exhausted ones.
     */
    readonly listAcked: (
      towerId: TowerId,
      route: Route,
      page?: Page<KeyIndex>
    ) => Effect.Effect<ReadonlyArray<SendingSession>, DbError>
    /**
     * Which of these towers could take a state that fewer than its `copies` other towers hold, that the tower itself has not
     * bound and does not hold, and that no serving tower could take. Answers for each, in their order, the oldest such state, if
     * there is one, and the state up to which it needs none: the `after` of the next query, until a session ends or stalls or a tower
     * is removed. With serving towers that is not looked for, and the `after` of this query is answered.
     */
    readonly towerNeeds: (query: NeedQuery) => Effect.Effect<ReadonlyArray<TowerNeed>, DbError>
    /**
     * Stores what was confirmed; a state whose copies are all made, and that nothing binds, is not kept any more. Then, where
     * nothing is bound, binds the oldest states that the session's tower could take. Answers all that is bound now, in the
     * order of their numbers: also when an earlier run of the same request was stored.
     */
    readonly nextWindow: (
      token: SenderToken,
      session: KeyIndex,
      request: WindowRequest
    ) => Effect.Effect<ReadonlyArray<BoundUpdate>, DbError | NotSender | SessionEnded>
    /**
     * Ends a session. What it has bound is open for other towers. Where it is lost, what it has acked counts no more: a state
     * that is kept is open again, the others are lost. Answers zeros for a session that had ended, also when an earlier run of
     * the same request ended it.
     */
    readonly endSession: (
      token: SenderToken,
      session: KeyIndex,
      end: SessionEnd
    ) => Effect.Effect<Ended, DbError | NotSender>
    /** A contact failed: remembers the first instant while something is bound. */
    readonly noteFailure: (
      token: SenderToken,
      session: KeyIndex,
      now: Instant
    ) => Effect.Effect<void, DbError | NotSender>
    /** The tower refused an update. Answers how many it has refused. */
    readonly noteRefusal: (token: SenderToken, session: KeyIndex) => Effect.Effect<number, DbError | NotSender>

    /** Gives a session up: no more updates there, and what is not confirmed is open for others. Any process may do this. */
    readonly terminateSession: (id: SessionId) => Effect.Effect<Ended, DbError | SessionNotFound>
  }
}

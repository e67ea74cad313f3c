/**
 * Backups as a client keeps them: which states it was handed, and what each tower has of them (docs/backups.md).
 *
 * @since 0.1.0
 * @module
 */
import * as Schema from "effect/Schema"
import { taggedUnion } from "../internal/taggedUnion.js"
import { Channel, ChannelId } from "./Channel.js"
import { ClientSession } from "./ClientSession.js"
import { HexBytes, Hint, Instant, Route, TowerId } from "./Ids.js"
import { PolicyKey } from "./Policy.js"
import { CommitHeight } from "./RevokedState.js"

/** The number of a backup in the order in which they were handed in; positive, never reused. @since 0.1.0 @category ids */
export const BackupId = Schema.Int.pipe(Schema.positive(), Schema.brand("BackupId"))
/** @since 0.1.0 @category ids */
export type BackupId = typeof BackupId.Type

/** The token of the process that sends; a process that lost the lease has another one than the database. @since 0.1.0 @category ids */
export const SenderToken = Schema.NonEmptyString.pipe(Schema.brand("SenderToken"))
/** @since 0.1.0 @category ids */
export type SenderToken = typeof SenderToken.Type

/** The lease of the sender, in milliseconds: longer than a tower keeps a silent connection (15 s). @since 0.1.0 @category models */
export const senderLeaseMs = 30_000

/** A number of copies: each is at another tower. @since 0.1.0 @category models */
export const Copies = Schema.Int.pipe(Schema.between(1, 0xff))

/** A finished backup, to be stored: it gets `copies` copies, in sessions of this policy. @since 0.1.0 @category models */
export class NewBackup extends Schema.Class<NewBackup>("NewBackup")({
  channelId: ChannelId,
  commitHeight: CommitHeight,
  policyKey: PolicyKey,
  hint: Hint,
  encryptedBlob: HexBytes,
  copies: Copies
}) {}

/** A backup that a session has given a number, and that its tower has not confirmed. @since 0.1.0 @category models */
export class BoundUpdate extends Schema.Class<BoundUpdate>("BoundUpdate")({
  seqNum: Schema.Int.pipe(Schema.between(1, 0xffff)),
  backupId: BackupId,
  channelId: ChannelId,
  commitHeight: CommitHeight,
  hint: Hint,
  encryptedBlob: HexBytes
}) {}

/** A channel, and whether it was closed: then no more states of it are taken. @since 0.1.0 @category models */
export const RegisteredChannel = Schema.Struct({ channel: Channel, isClosed: Schema.Boolean })
/** @since 0.1.0 @category models */
export type RegisteredChannel = typeof RegisteredChannel.Type

/**
 * How many states of a channel were handed in, and what has become of them: each is counted once, in `handedIn` and in one
 * of the other four. `lost` are states of which a tower has lost a copy when they were no longer kept here.
 *
 * @since 0.1.0
 * @category models
 */
export const ChannelSummary = Schema.Struct({
  ...RegisteredChannel.fields,
  handedIn: Schema.NonNegativeInt,
  complete: Schema.NonNegativeInt,
  missing: Schema.NonNegativeInt,
  ineligible: Schema.NonNegativeInt,
  lost: Schema.NonNegativeInt
})
/** @since 0.1.0 @category models */
export type ChannelSummary = typeof ChannelSummary.Type

/**
 * What is known of a state: never handed in; no tower can punish it; kept here until its copies are made and no session has
 * it bound; all copies made; or a copy was lost after that.
 *
 * @since 0.1.0
 * @category models
 */
export const StateRecord = taggedUnion({
  Unknown: {},
  Ineligible: {},
  Kept: { hint: Hint },
  Complete: {},
  Lost: {}
})
/** @since 0.1.0 @category models */
export type StateRecord = Schema.Schema.Type<typeof StateRecord>

/** A channel, and what is known of one of its states. @since 0.1.0 @category models */
export const LoadedState = Schema.Struct({ ...RegisteredChannel.fields, record: StateRecord })
/** @since 0.1.0 @category models */
export type LoadedState = typeof LoadedState.Type

/** How far the states of a channel up to a height are: was this height handed in, and how many miss copies or have lost one. @since 0.1.0 @category models */
export const Progress = Schema.Struct({
  isHandedIn: Schema.Boolean,
  missing: Schema.NonNegativeInt,
  lost: Schema.NonNegativeInt
})
/** @since 0.1.0 @category models */
export type Progress = typeof Progress.Type

/**
 * A session as the sender sees it: numbers after `session.towerLastApplied` up to `session.seqNum` are bound and not
 * confirmed. `failingSince` is the first failed contact since something is bound, by the wall clock. `refusals` counts
 * updates that the tower refused.
 *
 * @since 0.1.0
 * @category models
 */
export const SendingSession = Schema.Struct({
  session: ClientSession,
  route: Route,
  failingSince: Schema.optional(Instant),
  refusals: Schema.NonNegativeInt
})
/** @since 0.1.0 @category models */
export type SendingSession = typeof SendingSession.Type

/**
 * What ending a session did: how many states that are still kept it does not hold any more, and how many states of which it
 * had a copy are lost. A session that had ended before answers zeros.
 *
 * @since 0.1.0
 * @category models
 */
export const Ended = Schema.Struct({ reopened: Schema.NonNegativeInt, lost: Schema.NonNegativeInt })
/** @since 0.1.0 @category models */
export type Ended = typeof Ended.Type

/** How many states of one policy are kept, or miss copies. @since 0.1.0 @category models */
export const Backlog = Schema.Struct({ policyKey: PolicyKey, states: Schema.NonNegativeInt })
/** @since 0.1.0 @category models */
export type Backlog = typeof Backlog.Type

/**
 * What a tower is needed for: the oldest backup that it could take and that no tower at hand takes, if there is one, and the backup
 * up to which it needs none, as far as that is known.
 *
 * @since 0.1.0
 * @category models
 */
export const TowerNeed = Schema.Struct({
  towerId: TowerId,
  first: Schema.optional(BackupId),
  after: Schema.optional(BackupId)
})
/** @since 0.1.0 @category models */
export type TowerNeed = typeof TowerNeed.Type

/**
 * A channel of the database in memory: what is known of its states, and how many there are of each kind.
 *
 * @since 0.1.0
 */
import * as Ranges from "../../internal/ranges.js"
import type { Channel } from "../../schema/Channel.js"
import type { CommitHeight } from "../../schema/RevokedState.js"
import { type BackupId, type ChannelSummary, type NewBackup, StateRecord } from "../../schema/StoredBackup.js"
import type { SessionRow } from "./memoryTables.js"

/** A backup that is kept: `updates` says which sessions have bound it or acked it. @since 0.1.0 @category models */
export interface Kept {
  readonly id: BackupId
  readonly backup: NewBackup
  readonly updates: Map<SessionRow, { readonly isAcked: boolean }>
}

/** @since 0.1.0 @category models */
export interface ChannelRow {
  readonly channel: Channel
  isClosed: boolean
  readonly kept: Map<CommitHeight, Kept>
  /** States that are not kept any more, by the session that has acked them. */
  readonly acked: Map<SessionRow, Ranges.Ranges>
  ineligible: Ranges.Ranges
}

/** The range of one height. @since 0.1.0 @category constructors */
export const only = (height: CommitHeight): Ranges.Range => ({ first: height, last: height })

/** Have as many towers acked it as it needs copies? @since 0.1.0 @category combinators */
export const isComplete = ({ backup, updates }: Kept): boolean =>
  updates.size >= backup.copies &&
  new Set([...updates].flatMap(([row, { isAcked }]) => (isAcked ? [row.session.towerId] : []))).size >= backup.copies

/** What is known of a state. @since 0.1.0 @category combinators */
export const recordOf = (channel: ChannelRow | undefined, height: CommitHeight): StateRecord => {
  if (channel === undefined) return StateRecord.Unknown()
  const found = channel.kept.get(height)
  if (found !== undefined) return StateRecord.Kept({ hint: found.backup.hint })
  const acked = [...channel.acked].filter(([, ranges]) => Ranges.has(ranges, height))
  if (acked.some(([row]) => row.session.status === "lost")) return StateRecord.Lost()
  if (acked.length > 0) return StateRecord.Complete()
  return Ranges.has(channel.ineligible, height) ? StateRecord.Ineligible() : StateRecord.Unknown()
}

/**
 * The states that miss copies. One with all copies is kept while a session has it bound: its bytes may have to be sent again.
 *
 * @since 0.1.0
 * @category combinators
 */
export const missingRanges = (channel: ChannelRow): Ranges.Ranges =>
  Ranges.union([...channel.kept].flatMap(([height, one]) => (isComplete(one) ? [] : [only(height)])))

/** The states of which a copy was lost. @since 0.1.0 @category combinators */
export const lostRanges = (channel: ChannelRow): Ranges.Ranges =>
  Ranges.union([...channel.acked].flatMap(([row, ranges]) => (row.session.status === "lost" ? ranges : [])))

/** What has become of the states. @since 0.1.0 @category combinators */
export const summaryOf = (channel: ChannelRow): ChannelSummary => {
  const acked = Ranges.union([...channel.acked.values()].flat())
  const ineligible = Ranges.count(channel.ineligible)
  const lost = Ranges.count(lostRanges(channel))
  const missing = Ranges.count(missingRanges(channel))
  const handedIn = channel.kept.size + Ranges.count(acked) + ineligible
  return {
    channel: channel.channel,
    isClosed: channel.isClosed,
    handedIn,
    complete: handedIn - missing - ineligible - lost,
    missing,
    ineligible,
    lost
  }
}

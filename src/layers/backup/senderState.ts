/**
 * What the sender knows, and changes in one fiber: the sessions in use, the towers, up to which state each tower needs none, and when
 * each policy is to be looked at.
 *
 * @since 0.1.0
 */
import type { KeyIndex, TowerId } from "../../schema/Ids.js"
import type * as Policy from "../../schema/Policy.js"
import type { BackupId } from "../../schema/StoredBackup.js"
import type { Tower } from "../../schema/Tower.js"
import type { Entry } from "./entry.js"

/**
 * States that are kept one after another wait that long for each other, in milliseconds: a look and a window for each would cost more
 * than the states. One that comes alone does not wait.
 *
 * @since 0.1.0
 * @category models
 */
export const gatherMs = 25

/** @since 0.1.0 @category models */
export interface SenderState {
  readonly entries: ReadonlyMap<KeyIndex, Entry>
  readonly towers: ReadonlyMap<TowerId, Tower>
  readonly setTowers: (towers: ReadonlyArray<Tower>) => void
  /** Notes a session; its policy is looked at soon. */
  readonly put: (entry: Entry) => void
  /** Notes a session that goes on as before: its policy is looked at when it would be anyway. */
  readonly note: (entry: Entry) => void
  readonly drop: (entry: Entry) => void
  /** The sessions that take states of this policy. */
  readonly ofPolicy: (policyKey: Policy.PolicyKey) => ReadonlyArray<Entry>
  /** Up to which state of the policy the tower needs none. */
  readonly cursor: (policyKey: Policy.PolicyKey, towerId: TowerId) => BackupId | undefined
  readonly setCursor: (policyKey: Policy.PolicyKey, towerId: TowerId, upTo: BackupId) => void
  /** States that were passed over may be open again: all cursors are forgotten, and all policies looked at. */
  readonly reopen: () => void
  /** How often that was done. What was asked of the database before the last time is no reason for a cursor. */
  readonly reopened: () => number
  /** Looks at a policy at that instant, by monotonic time; at once if none is given. */
  readonly lookAt: (policyKey: Policy.PolicyKey, at?: number) => void
  /** Notes that a state of the policy was kept now, and looks at the policy soon: once for all that are kept within `gatherMs`. */
  readonly keep: (policyKey: Policy.PolicyKey, now: number) => void
  /** Counts the events after which a state of the policy may be open that no session has been told of. */
  readonly news: (policyKey: Policy.PolicyKey) => number
  /** How many states of the policy were kept in this process since it sends. */
  readonly kept: (policyKey: Policy.PolicyKey) => number
  readonly lookAtAll: () => void
  /** The policies that it is time to look at. */
  readonly due: (now: number) => ReadonlyArray<Policy.PolicyKey>
  /** When it is time for the next one. */
  readonly nextLook: () => number
}

/** Knows no session, and these policies. @since 0.1.0 @category constructors */
export const make = (policies: Iterable<Policy.PolicyKey>): SenderState => {
  const entries = new Map<KeyIndex, Entry>()
  const towers = new Map<TowerId, Tower>()
  const cursors = new Map<Policy.PolicyKey, Map<TowerId, BackupId>>()
  /** How many states were kept, and when they were last a reason to look. */
  const keptStates = new Map<Policy.PolicyKey, { readonly count: number; readonly lookAt: number }>()
  const agenda = new Map<Policy.PolicyKey, number>([...policies].map((policyKey) => [policyKey, 0]))
  const lookAt = (policyKey: Policy.PolicyKey, at = 0) => void agenda.set(policyKey, at)
  /** Of all policies; beside them, each state that is kept is one of its own policy. */
  let commonNews = 0
  let reopened = 0
  const kept = (policyKey: Policy.PolicyKey) => keptStates.get(policyKey)?.count ?? 0
  const lookAtAll = () => {
    commonNews += 1
    for (const policyKey of agenda.keys()) lookAt(policyKey)
  }
  return {
    entries,
    towers,
    setTowers: (found) => {
      towers.clear()
      for (const tower of found) towers.set(tower.id, tower)
    },
    put: (entry) => {
      entries.set(entry.session.keyIndex, entry)
      lookAt(entry.policyKey)
    },
    note: (entry) => void entries.set(entry.session.keyIndex, entry),
    drop: (entry) => {
      entries.delete(entry.session.keyIndex)
      lookAt(entry.policyKey)
    },
    ofPolicy: (policyKey) => [...entries.values()].filter((entry) => entry.policyKey === policyKey && !entry.asksOnly),
    cursor: (policyKey, towerId) => cursors.get(policyKey)?.get(towerId),
    setCursor: (policyKey, towerId, upTo) => {
      const ofPolicy = cursors.get(policyKey) ?? new Map<TowerId, BackupId>()
      cursors.set(policyKey, ofPolicy.set(towerId, upTo))
    },
    reopen: () => {
      cursors.clear()
      reopened += 1
      lookAtAll()
    },
    reopened: () => reopened,
    lookAt,
    keep: (policyKey, now) => {
      const before = keptStates.get(policyKey) ?? { count: 0, lookAt: Number.NEGATIVE_INFINITY }
      const at = Math.max(now, before.lookAt + gatherMs)
      const isSooner = at < (agenda.get(policyKey) ?? Number.POSITIVE_INFINITY)
      if (isSooner) lookAt(policyKey, at)
      keptStates.set(policyKey, { count: before.count + 1, lookAt: isSooner ? at : before.lookAt })
    },
    news: (policyKey) => commonNews + kept(policyKey),
    kept,
    lookAtAll,
    due: (now) => [...agenda].flatMap(([policyKey, at]) => (at <= now ? policyKey : [])),
    nextLook: () => Math.min(...agenda.values())
  }
}

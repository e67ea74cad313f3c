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

/** @since 0.1.0 @category models */
export interface SenderState {
  readonly entries: ReadonlyMap<KeyIndex, Entry>
  readonly towers: ReadonlyMap<TowerId, Tower>
  readonly setTowers: (towers: ReadonlyArray<Tower>) => void
  /** Notes a session; its policy is looked at soon. */
  readonly put: (entry: Entry) => void
  readonly drop: (entry: Entry) => void
  /** The sessions that take states of this policy. */
  readonly ofPolicy: (policyKey: Policy.PolicyKey) => ReadonlyArray<Entry>
  /** Up to which state of the policy the tower needs none. */
  readonly cursor: (policyKey: Policy.PolicyKey, towerId: TowerId) => BackupId | undefined
  readonly setCursor: (policyKey: Policy.PolicyKey, towerId: TowerId, upTo: BackupId) => void
  /** States that were passed over may be open again: all cursors are forgotten, and all policies looked at. */
  readonly reopen: () => void
  /** Looks at a policy at that instant, by monotonic time; at once if none is given. */
  readonly lookAt: (policyKey: Policy.PolicyKey, at?: number) => void
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
  const cursors = new Map<string, BackupId>()
  const agenda = new Map<Policy.PolicyKey, number>([...policies].map((policyKey) => [policyKey, 0]))
  const cursorKey = (policyKey: Policy.PolicyKey, towerId: TowerId) => `${policyKey}/${towerId}`
  const lookAt = (policyKey: Policy.PolicyKey, at = 0) => void agenda.set(policyKey, at)
  const lookAtAll = () => {
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
    drop: (entry) => {
      entries.delete(entry.session.keyIndex)
      lookAt(entry.policyKey)
    },
    ofPolicy: (policyKey) => [...entries.values()].filter((entry) => entry.policyKey === policyKey && !entry.asksOnly),
    cursor: (policyKey, towerId) => cursors.get(cursorKey(policyKey, towerId)),
    setCursor: (policyKey, towerId, upTo) => void cursors.set(cursorKey(policyKey, towerId), upTo),
    reopen: () => {
      cursors.clear()
      lookAtAll()
    },
    lookAt,
    lookAtAll,
    due: (now) => [...agenda].flatMap(([policyKey, at]) => (at <= now ? policyKey : [])),
    nextLook: () => Math.min(...agenda.values())
  }
}

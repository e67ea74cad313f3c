/**
 * The status as a fold over the events (docs/backups.md, Events).
 *
 * @since 0.1.0
 */
import type { Instant, KeyIndex } from "../../schema/Ids.js"
import type { Happening, SessionRef } from "../../schema/TowerClientEvent.js"
import { SessionActivity, type SessionStatus, type TowerClientStatus } from "../../schema/TowerClientStatus.js"
import type { Numbered } from "../support/eventLog.js"

/** @since 0.1.0 @category models */
export interface Fold {
  readonly status: TowerClientStatus
}

/** Before anything happened. @since 0.1.0 @category constructors */
export const initial: Fold = { status: { role: "waiting", sessions: [], wanted: [], restingTowers: [] } }

const others = ({ sessions }: TowerClientStatus, keyIndex: KeyIndex): ReadonlyArray<SessionStatus> =>
  sessions.filter((session) => session.keyIndex !== keyIndex)

/** The fold after an event; the same status where the event does not change it. @since 0.1.0 @category combinators */
export const after = (fold: Fold, { at, happening }: Numbered<Happening>): Fold => {
  const { status } = fold
  const doing = (
    { keyIndex, session, tower, towerId }: SessionRef,
    since: Instant,
    activity: SessionActivity,
    policyKey = status.sessions.find((one) => one.keyIndex === keyIndex)?.policyKey
  ): Fold =>
    policyKey === undefined
      ? fold
      : {
          status: {
            ...status,
            sessions: [...others(status, keyIndex), { towerId, tower, session, keyIndex, policyKey, since, activity }]
          }
        }
  const without = (keyIndex: KeyIndex): Fold => ({ status: { ...status, sessions: others(status, keyIndex) } })
  switch (happening._tag) {
    case "SendingStarted":
      return { status: { ...status, role: "sender" } }
    case "SendingStopped":
      return { status: { ...initial.status, databaseFailure: status.databaseFailure } }
    case "Stopped":
      return { status: { ...initial.status, role: "stopped" } }
    case "ContactStarted":
      return doing(happening, at, SessionActivity.Connecting(), happening.policyKey)
    case "WindowBound":
      return doing(happening, at, SessionActivity.Sending())
    case "Lingering":
      return doing(happening, at, SessionActivity.Idle())
    case "ContactFailed": {
      const { failure, restsUntil } = happening
      return doing(happening, at, SessionActivity.Resting({ until: restsUntil, failure }))
    }
    case "KeyBusy":
      return doing(happening, at, SessionActivity.Resting({ until: happening.restsUntil, failure: undefined }))
    case "SessionExhausted": {
      // Its tower has taken all updates: nothing counts against it any more.
      const { status } = without(happening.keyIndex)
      const restingTowers = status.restingTowers.filter(({ towerId }) => towerId !== happening.towerId)
      return { status: { ...status, restingTowers } }
    }
    case "ContactEnded":
    case "SessionTerminal":
    case "SessionLost":
      return without(happening.keyIndex)
    case "SessionWanted": {
      const { policyKey, towers } = happening
      const known = status.wanted.find((one) => one.policyKey === policyKey)
      const rest = status.wanted.filter((one) => one !== known)
      return { status: { ...status, wanted: [...rest, { policyKey, since: known?.since ?? at, towers }] } }
    }
    case "SessionUnwanted":
      return {
        status: { ...status, wanted: status.wanted.filter(({ policyKey }) => policyKey !== happening.policyKey) }
      }
    case "TowerRests": {
      const { towerId, until } = happening
      const rest = status.restingTowers.filter((tower) => tower.towerId !== towerId && tower.until > at)
      return { status: { ...status, restingTowers: [...rest, { towerId, until }] } }
    }
    case "DatabaseFailed": {
      const { failure, until } = happening
      return { status: { ...status, databaseFailure: { failure, until } } }
    }
    case "StateKept":
    case "StateIneligible":
    case "Connected":
    case "Asked":
    case "Acked":
    case "CopyMade":
    case "SessionTaken":
      return fold
  }
}

/**
 * Why states of a policy have not all their copies yet, from what the status says (docs/backups.md, Waiting for copies).
 *
 * @since 0.1.0
 */
import * as Array from "effect/Array"
import type { Instant } from "../../schema/Ids.js"
import type { NegotiatorStatus } from "../../schema/NegotiatorStatus.js"
import type { PolicyKey } from "../../schema/Policy.js"
import { type SessionStatus, type TowerClientStatus, WaitReason } from "../../schema/TowerClientStatus.js"

/** When the negotiator asks again, while it waits. */
const asksAgain = ({ state }: NegotiatorStatus): Instant | undefined =>
  state._tag === "BackingOff" || state._tag === "WaitingForCandidates" ? state.until : undefined

const towersOf = (sessions: ReadonlyArray<{ readonly towerId: SessionStatus["towerId"] }>) =>
  Array.dedupe(sessions.map(({ towerId }) => towerId))

/** One reason at least. Without a negotiator the client does not have the policy any more. @since 0.1.0 @category constructors */
export const reasonsOf = (
  { databaseFailure, restingTowers, role, sessions, wanted }: TowerClientStatus,
  policyKey: PolicyKey,
  negotiator: NegotiatorStatus | undefined,
  now: Instant
): Array.NonEmptyReadonlyArray<WaitReason> => {
  if (role === "stopped") return [WaitReason.SenderStopped()]
  const reasons: Array<WaitReason> = []
  if (databaseFailure !== undefined && databaseFailure.until > now) {
    reasons.push(WaitReason.DatabaseFails(databaseFailure))
  }
  if (role === "waiting") return Array.isNonEmptyArray(reasons) ? reasons : [WaitReason.OtherSender()]
  const ours = sessions.filter((session) => session.policyKey === policyKey)
  const busy = ours.filter(({ activity: { _tag } }) => _tag === "Connecting" || _tag === "Sending")
  if (busy.length > 0) reasons.push(WaitReason.OnTheirWay({ towers: towersOf(busy) }))
  const asked = wanted.find((one) => one.policyKey === policyKey)
  if (asked !== undefined) {
    const { since, towers } = asked
    reasons.push(WaitReason.SessionAsked({ towers, since, until: negotiator && asksAgain(negotiator) }))
  }
  const resting = ours.flatMap(({ activity, towerId }) =>
    activity._tag === "Resting" && activity.until > now ? [{ towerId, ...activity }] : []
  )
  const [first] = resting.toSorted((one, other) => one.until - other.until)
  if (first !== undefined) {
    const { failure, until } = first
    reasons.push(WaitReason.SessionsRest({ towers: towersOf(resting), until, failure }))
  }
  if (Array.isNonEmptyArray(reasons)) return reasons
  if (negotiator === undefined) return [WaitReason.OtherPolicy()]
  const failed = restingTowers.filter(({ until }) => until > now)
  return failed.length === 0
    ? [WaitReason.NoTower()]
    : [WaitReason.TowersRest({ towers: towersOf(failed), until: Math.min(...failed.map(({ until }) => until)) })]
}

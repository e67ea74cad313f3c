/**
 * Why states of a policy have not all their copies yet, from what the status says (docs/backups.md, Waiting for copies).
 *
 * @since 0.1.0
 */
import * as Array from "effect/Array"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { ChannelId } from "../../schema/Channel.js"
import type { ClientSession } from "../../schema/ClientSession.js"
import type { Instant, KeyIndex } from "../../schema/Ids.js"
import type { NegotiatorStatus } from "../../schema/NegotiatorStatus.js"
import * as Policy from "../../schema/Policy.js"
import type { SendingSession } from "../../schema/StoredBackup.js"
import { type SessionStatus, type TowerClientStatus, WaitReason } from "../../schema/TowerClientStatus.js"
import type { Environment } from "./environment.js"
import type { Sources } from "./policyLook.js"

/** When the negotiator asks again, while it waits. */
const asksAgain = ({ state }: NegotiatorStatus): Instant | undefined =>
  state._tag === "BackingOff" || state._tag === "WaitingForCandidates" ? state.until : undefined

const towersOf = (sessions: ReadonlyArray<{ readonly towerId: SessionStatus["towerId"] }>) =>
  Array.dedupe(sessions.map(({ towerId }) => towerId))

/** One reason at least. Without a negotiator the client does not have the policy any more. @since 0.1.0 @category constructors */
export const reasonsOf = (
  { databaseFailure, restingTowers, role, sessions, wanted }: TowerClientStatus,
  policyKey: Policy.PolicyKey,
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

/** The states of a channel that miss copies, by policy, and the reasons. @since 0.1.0 @category constructors */
export const waiting = (env: Environment, sources: Sources, channelId: ChannelId) =>
  Effect.gen(function* () {
    const { db, events } = env
    yield* db.loadChannel(channelId)
    const missing = yield* db.missing(channelId)
    const now = yield* Clock.currentTimeMillis
    // One that is removed can be added again, and rests then; until then it is not waited for.
    const listed = (yield* env.towers.list).map(({ id }) => id)
    const restingTowers = events.status().restingTowers.filter(({ towerId }) => listed.includes(towerId))
    return yield* Effect.forEach(missing, ({ policyKey, states }) =>
      Effect.gen(function* () {
        const source = sources.get(policyKey)
        const negotiator = source === undefined ? undefined : yield* source.negotiator.status
        const reasons = reasonsOf({ ...events.status(), restingTowers }, policyKey, negotiator, now)
        const [{ _tag }] = reasons
        const left = _tag === "NoTower" || _tag === "OtherPolicy" ? yield* leftOnOtherRoute(env, policyKey) : []
        return { policyKey, states, reasons: Array.appendAll(reasons, left) }
      })
    )
  })

/** Says it if sessions of the route that this client does not use have bound states of a policy. */
const leftOnOtherRoute = ({ db, transport }: Environment, policyKey: Policy.PolicyKey) =>
  Effect.gen(function* () {
    const route = transport.route === "clear" ? "tor" : "clear"
    const found: Array<ClientSession> = []
    for (let after: KeyIndex | undefined; ; ) {
      const page: ReadonlyArray<SendingSession> = yield* db.listSending(route, { after, limit: 500 })
      if (page.length === 0) break
      after = page.at(-1)?.session.keyIndex
      for (const { session } of page) {
        if (session.seqNum > session.towerLastApplied && Policy.keyOf(session.policy) === policyKey) found.push(session)
      }
    }
    const towers = Array.dedupe(found.map(({ towerId }) => towerId))
    return found.length === 0 ? [] : [WaitReason.OtherRoute({ route, towers, sessions: found.map(({ id }) => id) })]
  })

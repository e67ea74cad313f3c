/**
 * dcrlnd v0.7.6 to the step, defects included (docs/negotiation.md, The reference's negotiator): our negotiator under other
 * rules, with other settings, and with ports that behave as the reference's.
 */
import { Duration, Effect, Either, Option, pipe, Schedule } from "effect"
import type { Settings } from "../../../src/layers/negotiator/Options.js"
import type { Rules } from "../../../src/layers/negotiator/Rules.js"
import type { Ranking } from "../../../src/layers/negotiator/ranking.js"
import { publicKeyOf } from "../../../src/layers/testing/FixedKeyRing.js"
import * as BlobType from "../../../src/schema/BlobType.js"
import * as Chain from "../../../src/schema/Chain.js"
import * as Excerpt from "../../../src/schema/Excerpt.js"
import { TowerId } from "../../../src/schema/Ids.js"
import { PermanentTowerFailure, SessionRejected } from "../../../src/schema/NegotiationError.js"
import type { NegotiatorEvent } from "../../../src/schema/NegotiatorEvent.js"
import type { Policy } from "../../../src/schema/Policy.js"
import { Tower } from "../../../src/schema/Tower.js"
import * as Code from "../../../src/schema/wire/Code.js"
import type { CreateSessionReply } from "../../../src/schema/wire/CreateSessionReply.js"
import type { SessionNegotiator } from "../../../src/services/SessionNegotiator.js"
import type { TowerCandidates } from "../../../src/services/TowerCandidates.js"
import type * as ScriptedTowerCandidates from "./ScriptedTowerCandidates.js"

/** Its first wait is min even above max (docs/negotiation.md, D20). */
export const waits = ({ maxBackoff, minBackoff }: Pick<Settings, "maxBackoff" | "minBackoff">) =>
  pipe(
    Schedule.exponential(minBackoff),
    Schedule.modifyDelay((uncapped, delay) =>
      Duration.toMillis(uncapped) <= minBackoff ? delay : Duration.min(delay, maxBackoff)
    )
  )

/** Its walk over the list, which goes on from round to round and starts over when it is exhausted. */
const byCursor =
  (candidates: ScriptedTowerCandidates.ScriptedTowerCandidates): Ranking =>
  () =>
    Effect.map(
      candidates.cursor,
      (cursor) => () => Effect.tap(cursor.next, (tower) => (Option.isNone(tower) ? cursor.reset : Effect.void))
    )

const isRewarded = (policy: Policy) => BlobType.has(policy.blobType, BlobType.flagReward)

const rejected = ({ code, data }: CreateSessionReply) =>
  Either.left(new SessionRejected({ code, ...Excerpt.ofData(data) }))

export const features: Rules["features"] = Chain.clientFeatures

export const rules = (candidates: ScriptedTowerCandidates.ScriptedTowerCandidates): Rules => ({
  features,
  ranking: byCursor(candidates),
  endsRound: (failed) => failed.at(-1)?.hadKey === true,
  waits,
  checksAddressesFirst: false,
  addresses: (addresses) => addresses,
  readReply: (reply, policy) => {
    switch (reply.code) {
      case Code.ok:
      case Code.alreadyExists:
        return Either.right({ rewardPkScript: reply.data, ignoredBytes: 0 })
      case Code.rejectRewardRate:
        return isRewarded(policy)
          ? rejected(reply)
          : Either.left(new PermanentTowerFailure({ reason: "RejectRewardRate" }))
      default:
        return rejected(reply)
    }
  },
  judge: () => ({ next: "address", blames: "address" })
})

/** A visit has no time limit, no other tower is asked beside a slow one, and requests are limited as `limited` says. */
export const settings = (ours: Settings): Settings => ({
  ...ours,
  visitTimeout: Number.POSITIVE_INFINITY,
  hedgeDelay: Number.POSITIVE_INFINITY,
  maxPending: Number.POSITIVE_INFINITY
})

/**
 * Its negotiator learns of the list only by walking over it: no addition ends a wait, no removal a visit, and with
 * no tower to ask it backs off. So the list is always the same: all towers that there ever are, with all their addresses, and
 * one more, which is never asked.
 */
export const unchanging = (service: TowerCandidates.Service, towers: ReadonlyArray<Tower>): TowerCandidates.Service => {
  const all = new Map<TowerId, Tower>()
  for (const tower of towers) {
    const addresses = new Set([...(all.get(tower.id)?.addresses ?? []), ...tower.addresses])
    all.set(tower.id, new Tower({ ...tower, addresses: [...addresses] }))
  }
  const noTower = new Tower({ id: TowerId.make(1_000_000), publicKey: publicKeyOf(2_000_000), addresses: [] })
  const list = [...all.values(), noTower]
  return { ...service, list: Effect.succeed(list) }
}

/**
 * It counts requests without limit, but for its goroutine being busy: before it has started, and while a session waits for
 * its consumer, at most one more is kept. `listen` is called with all events.
 */
export const limited = () => {
  let hasStarted = false
  let pending = 0
  /** How many requests there were when it became busy, if it is. */
  let whenBusy: number | undefined = 0
  const listen = ({ happening }: NegotiatorEvent) => {
    if (happening._tag === "Demand") {
      pending = happening.pending
      if (happening.undelivered > 0) whenBusy ??= pending
      else if (hasStarted) whenBusy = undefined
    }
    if (!hasStarted && (happening._tag === "Idle" || happening._tag === "RoundStarted")) {
      hasStarted = true
      whenBusy = undefined
    }
  }
  const limit = (negotiator: SessionNegotiator.Service): SessionNegotiator.Service => ({
    ...negotiator,
    requestSession: Effect.suspend(() =>
      whenBusy !== undefined && pending > whenBusy ? Effect.void : negotiator.requestSession
    )
  })
  return { listen, limit }
}

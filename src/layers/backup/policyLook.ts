/**
 * A look at the states of one policy: is there one that no session takes that is connected, and what is to be done about it
 * (docs/backups.md, Which session next).
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as FiberMap from "effect/FiberMap"
import type { ClientSession } from "../../schema/ClientSession.js"
import type { DbError } from "../../schema/DbError.js"
import type { TowerId } from "../../schema/Ids.js"
import type * as Policy from "../../schema/Policy.js"
import type { Tower } from "../../schema/Tower.js"
import { Happening } from "../../schema/TowerClientEvent.js"
import type { SessionNegotiator } from "../../services/SessionNegotiator.js"
import * as Monotonic from "../negotiator/monotonic.js"
import * as Choice from "./choice.js"
import * as Entry from "./entry.js"
import type { Environment } from "./environment.js"
import type { Penalties } from "./penalties.js"
import type { SenderState } from "./senderState.js"
import type { WantedTowers } from "./wantedTowers.js"

/** How sessions of a policy are got. @since 0.1.0 @category models */
export interface Source {
  readonly negotiator: SessionNegotiator.Service
  readonly wanted: WantedTowers
  /** How many unused sessions are kept. */
  readonly spare: number
}

/** @since 0.1.0 @category models */
export type Sources = ReadonlyMap<Policy.PolicyKey, Source>

/** What a look works with. @since 0.1.0 @category models */
export interface Looking {
  readonly env: Environment
  readonly sources: Sources
  readonly state: SenderState
  readonly penalties: Penalties
  /** Requests for new sessions that are under way. */
  readonly requests: FiberMap.FiberMap<Policy.PolicyKey, void>
  readonly hunts: Map<Policy.PolicyKey, Choice.Hunt>
  readonly contact: (entry: Entry.Entry, now: number) => Effect.Effect<unknown>
  readonly onSession: (policyKey: Policy.PolicyKey, session: ClientSession) => void
}

/** Looks at a policy. Answers when to look again at the latest. @since 0.1.0 @category constructors */
export const look = (looking: Looking, policyKey: Policy.PolicyKey): Effect.Effect<number, DbError> =>
  Effect.gen(function* () {
    const { env, state } = looking
    const { silence } = env.settings
    const now = Monotonic.nowBy(env.clock)
    const wakes = yield* wakeIdle(looking, policyKey, now)
    const sessions = state.ofPolicy(policyKey)
    const serving = new Set(
      sessions.filter((entry) => Entry.isServing(entry, now, silence)).map(({ session }) => session.towerId)
    )
    const others = [...state.towers.keys()].filter((towerId) => !serving.has(towerId))
    const able = yield* neededOf(looking, policyKey, [...serving], others)
    // A tower that stops answering does not serve any more.
    const silent = sessions.flatMap(({ contact }) =>
      contact?.phase === "sending" && contact.since + silence > now ? contact.since + silence : []
    )
    return Math.min(wakes, yield* hunt(looking, policyKey, sessions, able, now), ...silent)
  })

const noTower: ReadonlySet<TowerId> = new Set()

/** Which of these towers could take a state that no serving tower could take. */
const neededOf = (
  { env: { clock, db, settings, transport }, state }: Looking,
  policyKey: Policy.PolicyKey,
  serving: ReadonlyArray<TowerId>,
  asked: ReadonlyArray<TowerId>
): Effect.Effect<ReadonlySet<TowerId>, DbError> =>
  Effect.suspend(() => {
    if (asked.length === 0) return Effect.succeed(noTower)
    const stalledSince = clock.unsafeCurrentTimeMillis() - settings.moveAfter
    const towers = asked.map((towerId) => ({ towerId, after: state.cursor(policyKey, towerId) }))
    return Effect.map(db.towerNeeds({ policyKey, route: transport.route, serving, towers, stalledSince }), (needs) => {
      for (const { after, towerId } of needs) if (after !== undefined) state.setCursor(policyKey, towerId, after)
      return new Set(needs.flatMap(({ first, towerId }) => (first === undefined ? [] : towerId)))
    })
  })

/**
 * Tells an idle session that there is a state for it. One after another: with what the first takes, the second may have nothing to do.
 * Answers when to try again at the latest.
 */
const wakeIdle = (looking: Looking, policyKey: Policy.PolicyKey, now: number): Effect.Effect<number, DbError> =>
  Effect.suspend(() => {
    const { state } = looking
    const sessions = state.ofPolicy(policyKey)
    if (sessions.some(({ contact }) => contact?.phase === "binding")) return Effect.succeed(Number.POSITIVE_INFINITY)
    const idle = sessions.flatMap((entry) => {
      const { contact } = entry
      return contact?.phase === "idle"
        ? [{ entry, contact, from: Entry.tellableFrom(contact, state.news(policyKey)) }]
        : []
    })
    const [later, ready] = Arr.partition(idle, ({ from }) => from <= now)
    const towers = [...new Set(ready.map(({ entry }) => entry.session.towerId))]
    return Effect.map(neededOf(looking, policyKey, [], towers), (able) => {
      const first = ready.find(({ entry }) => able.has(entry.session.towerId))
      if (first === undefined) return Math.min(...later.map(({ from }) => from))
      const { contact, entry } = first
      state.put({
        ...entry,
        contact: { ...contact, phase: "binding", since: now, newsWhenTold: state.news(policyKey) }
      })
      contact.work.offer("work")
      return Number.POSITIVE_INFINITY
    })
  })

/** The towers that may be asked for a session that no state waits for: none where enough unused ones are at hand. */
const forSpares = (
  { penalties, state }: Looking,
  { spare }: Source,
  sessions: ReadonlyArray<Entry.Entry>,
  now: number
): ReadonlyArray<Tower> =>
  sessions.filter(({ position }) => position.bound === 0).length >= spare
    ? []
    : [...state.towers.values()].filter(({ id }) => penalties.isFree(id, now))

/** Tries one more session where it is time for that. Answers when to try the next one at the latest. */
const hunt = (
  looking: Looking,
  policyKey: Policy.PolicyKey,
  sessions: ReadonlyArray<Entry.Entry>,
  able: ReadonlySet<TowerId>,
  now: number
): Effect.Effect<number> =>
  Effect.gen(function* () {
    const { contact, env, hunts, onSession, penalties, requests, sources, state } = looking
    const source = sources.get(policyKey)
    const atHand = new Set(
      sessions.flatMap((entry) => (Entry.hasFree(entry) && entry.last !== "bad" ? entry.session.towerId : []))
    )
    const askable =
      source === undefined
        ? []
        : [...state.towers.values()].filter(({ id }) => able.has(id) && !atHand.has(id) && penalties.isFree(id, now))
    // States that wait come first: a session that comes for them is one of their towers'.
    const asked = askable.length > 0 || source === undefined ? askable : forSpares(looking, source, sessions, now)
    if (source !== undefined && (yield* source.wanted.want(asked))) {
      const towers = asked.map(({ id }) => id)
      env.events.emit(
        asked.length > 0 ? Happening.SessionWanted({ policyKey, towers }) : Happening.SessionUnwanted({ policyKey })
      )
    }
    // A request that is withdrawn leaves its session to the next one, if a tower gives one all the same.
    if (asked.length === 0 && FiberMap.unsafeHas(requests, policyKey)) yield* FiberMap.remove(requests, policyKey)
    const request = (from: Source) =>
      FiberMap.run(
        requests,
        policyKey,
        Effect.map(from.negotiator.nextSession, (session) => onSession(policyKey, session)),
        { onlyIfMissing: true }
      )
    // Spares are asked for at once; a state first waits for the sessions at hand.
    if (asked.length > 0 && askable.length === 0 && source !== undefined) yield* request(source)
    if (able.size === 0) {
      hunts.delete(policyKey)
      return (source?.spare ?? 0) > 0 ? penalties.nextEnd(now) : Number.POSITIVE_INFINITY
    }
    const before = hunts.get(policyKey) ?? Choice.noHunt
    // What is asked for as a spare delays no session that is at hand.
    const isRequested = askable.length > 0 && FiberMap.unsafeHas(requests, policyKey)
    const { settings } = env
    const { again, next } = Choice.choose({ sessions, able, askable, isRequested, hunt: before, now, settings })
    if (next !== undefined) hunts.set(policyKey, { lastStart: now, started: before.started + 1 })
    if (next === "request" && source !== undefined) {
      yield* request(source)
    } else if (next !== undefined && next !== "request") yield* contact(next, now)
    return Math.min(again, penalties.nextEnd(now))
  })

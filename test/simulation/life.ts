/** One life of the negotiator in a simulated world, from a start to a stop, with all who use it and who disturb it. */
import { Clock, Duration, Effect, type Scope } from "effect"
import { makeWithRules } from "../../src/layers/negotiator/makeWithRules.js"
import type { Settings } from "../../src/layers/negotiator/Options.js"
import type { Rules } from "../../src/layers/negotiator/Rules.js"
import * as RoundRobinTowerCandidates from "../../src/layers/RoundRobinTowerCandidates.js"
import type { VirtualTime } from "../../src/layers/testing/VirtualTime.js"
import { TowerCandidates } from "../../src/services/TowerCandidates.js"
import type { Chance } from "./chance.js"
import type { Checks } from "./checks.js"
import type { FaultyDb } from "./faultyDb.js"
import { day, hour, minute } from "./times.js"
import type { Towers } from "./towers.js"

/** What a life needs to know of its world. */
export interface World {
  readonly rules: Rules
  readonly settings: Settings
  readonly time: VirtualTime
  readonly chance: Chance
  readonly towers: Towers
  readonly db: FaultyDb
  readonly checks: Checks
  /** Time that never jumps, in milliseconds. */
  readonly monotonic: () => number
  /** When something of ours was last out of order. */
  readonly disturbedAt: () => number
  readonly disturbed: () => void
  readonly jumped: () => void
  /** A request of that instant has its session. */
  readonly served: (since: number) => void
  /** Keys of sessions are looked at. */
  readonly checkKeys: () => void
}

/** With its oldest request unserved for so long, and good towers to ask, a negotiator hangs. */
const patience = 20 * minute

/** Those who want sessions: one a minute, all in all, and some do not wait for it. */
const users = (world: World) =>
  Effect.gen(function* () {
    const { chance, checks, db, monotonic, rules, served, settings, towers } = world
    const candidates = yield* RoundRobinTowerCandidates.make({ pollInterval: Duration.infinity })
    const negotiator = yield* makeWithRules(rules, settings, {
      listen: (event) => {
        checks.listen(event)
        world.checkKeys()
        if (event.happening._tag !== "SessionStored") return
        const tower = towers.get(event.happening.session.towerId)
        if (tower !== undefined) tower.sessions += 1
      }
    }).pipe(Effect.provideService(TowerCandidates, candidates))

    let asked: number | undefined
    const request = Effect.suspend(() => {
      asked ??= monotonic()
      return negotiator.requestSession
    })
    const takeForEver = Effect.forever(
      Effect.map(negotiator.takeSession, () => {
        if (asked !== undefined) served(asked)
        asked = undefined
      })
    )
    const waits = () => (chance.oneIn(3) ? chance.between(1, 5_000) : hour)
    const next = Effect.suspend(() => {
      const since = monotonic()
      const patient = Effect.map(negotiator.nextSession, () => served(since))
      return Effect.timeoutOption(patient, waits())
    })
    const negotiate = Effect.suspend(() => {
      checks.negotiating(1)
      return Effect.map(negotiator.negotiate, (session) => checks.negotiated(session.id)).pipe(
        Effect.raceFirst(Effect.delay(Effect.sync(checks.closing), waits())),
        Effect.ignore,
        Effect.ensuring(Effect.sync(() => checks.negotiating(-1)))
      )
    })
    const watch = Effect.gen(function* () {
      checks.status(yield* negotiator.status, asked !== undefined, yield* Clock.currentTimeMillis)
      const since = Math.max(asked ?? monotonic(), world.disturbedAt())
      if (monotonic() - since > patience && !db.outage && [...towers.good()].length > 0) {
        checks.violate("liveness", `a request waits since ${since}`)
        asked = undefined
      }
    })
    return { candidates, negotiator, takeForEver, request, next, negotiate, watch }
  })

/** Towers and addresses come and go. */
const meddle = ({ chance, towers }: World, candidates: TowerCandidates.Service) =>
  Effect.suspend((): Effect.Effect<unknown, unknown> => {
    const tower = towers.all[chance.between(0, towers.all.length - 1)]
    if (tower === undefined || tower.isSteady) return Effect.void
    const { addresses, publicKey } = tower
    const [newest] = addresses
    const oldest = addresses.at(-1)
    if (newest === undefined || oldest === undefined) return Effect.void
    const list = (listed: boolean) => () => {
      tower.listed = listed
    }
    if (!tower.listed) return Effect.map(candidates.add(publicKey, newest), list(true))
    switch (chance.pick("remove", "add again", "remove address")) {
      case "remove":
        return Effect.map(candidates.remove(publicKey), list(false))
      case "remove address":
        return candidates.remove(publicKey, oldest)
      case "add again":
        return candidates.add(publicKey, oldest)
    }
  })

const jump = ({ chance, jumped, time }: World) =>
  Effect.sync(() => {
    time.jump(chance.between(-2 * hour, 2 * hour))
    jumped()
  })

const outage = ({ chance, db }: World) =>
  Effect.suspend(() => {
    db.outage = true
    return Effect.ensuring(
      Effect.sleep(chance.between(1, 20) * minute),
      Effect.sync(() => {
        db.outage = false
      })
    )
  })

/** Lives for so long, or until a guarantee is violated. Ends with its scope open. */
export const live = (world: World, lifetime: number, eachMinute: () => void) =>
  Effect.gen(function* () {
    const { chance, checks, monotonic } = world
    const fork = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<unknown, never, Scope.Scope> =>
      Effect.forkScoped(effect)
    const nowAndThen = (average: number, action: Effect.Effect<unknown, unknown>) =>
      fork(Effect.forever(Effect.suspend(() => Effect.delay(Effect.ignore(action), chance.gap(average)))))

    const { candidates, negotiate, negotiator, next, request, takeForEver, watch } = yield* users(world)
    yield* fork(takeForEver)
    yield* nowAndThen(2 * minute, request)
    yield* nowAndThen(2.5 * minute, next)
    yield* nowAndThen(15 * minute, negotiate)
    yield* nowAndThen(20 * minute, meddle(world, candidates))
    yield* nowAndThen(day / 3, jump(world))
    yield* nowAndThen(day / 2, outage(world))
    yield* fork(Effect.forever(Effect.delay(watch, minute)))

    const end = monotonic() + lifetime
    while (monotonic() < end && checks.violations.length === 0) {
      yield* Effect.sleep(Math.min(minute, end - monotonic()))
      eachMinute()
    }
    checks.end((yield* negotiator.status).undelivered)
    checks.closing()
  })

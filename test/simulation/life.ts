/** One life of the negotiator in a simulated world, from a start to a stop, with all that use it and disturb it. */
import { Duration, Effect, type Scope } from "effect"
import { makeWithRules } from "../../src/layers/negotiator/makeWithRules.js"
import type { Settings } from "../../src/layers/negotiator/Options.js"
import type { Rules } from "../../src/layers/negotiator/Rules.js"
import * as Status from "../../src/layers/negotiator/status.js"
import * as RoundRobinTowerCandidates from "../../src/layers/RoundRobinTowerCandidates.js"
import type { VirtualTime } from "../../src/layers/testing/VirtualTime.js"
import type { PublicKey, SessionId } from "../../src/schema/Ids.js"
import type { TowerAddress } from "../../src/schema/TowerAddress.js"
import { TowerCandidates } from "../../src/services/TowerCandidates.js"
import { all } from "../guarantees/guarantee.js"
import type { Context, Guarantee, Method } from "../guarantees/negotiator/context.js"
import * as Guarantees from "../guarantees/negotiator/guarantees.js"
import { day, hour, minute } from "../layers/negotiator/world.js"
import type { Chance } from "./chance.js"
import type { Faults } from "./faults.js"
import type { Towers } from "./towers.js"

/** What a life needs to know of its world. */
export interface World {
  readonly rules: Rules
  /** Those of the negotiator; the guarantees are checked with those of the context. */
  readonly settings: Settings
  readonly time: VirtualTime
  readonly chance: Chance
  readonly towers: Towers
  readonly faults: Faults
  /** What the guarantees may know of the world, but for what belongs to a life. */
  readonly context: Omit<Context, "additions" | "callers" | "failedBefore" | "status">
  /** The guarantees of the whole world. */
  readonly lasting: Guarantee
  readonly isViolated: () => boolean
  /** When something of ours was last out of order, by the monotonic clock. */
  readonly disturbedAt: () => number
  readonly onClockSet: () => void
  /** A request of that instant has its session. */
  readonly onServed: (since: number) => void
}

/** With its oldest request unserved for that long, and good towers to ask, a negotiator hangs. */
const patience = 20 * minute

/**
 * Lives for `lifetime` milliseconds, or until a guarantee is violated. Ends with its scope open, and returns its guarantees;
 * `begin` is called with them at its start. `failedBefore`: the towers that have failed according to the database.
 */
export const live = (
  world: World,
  failedBefore: ReadonlyArray<PublicKey>,
  lifetime: number,
  begin: (guarantees: Required<Guarantee>) => void,
  eachMinute: () => void
) =>
  Effect.gen(function* () {
    const { chance, context, disturbedAt, faults, isViolated, lasting, onServed, rules, settings, towers } = world
    const { now, transport } = context
    const additions: Array<PublicKey> = []
    const received: Array<{ readonly id: SessionId; readonly byNegotiate: boolean }> = []
    const interrupted: Array<{ readonly at: number; readonly method: Method }> = []
    let asked: number | undefined
    let negotiating = 0
    // Until the negotiator is built.
    let status = () => Status.initial.status

    const earlier = transport.violations().length
    const guarantees = Guarantees.make({
      ...context,
      transport: { open: transport.open, violations: () => transport.violations().slice(earlier) },
      status: () => status(),
      additions,
      failedBefore,
      callers: {
        received,
        interrupted,
        isRequested: () => asked !== undefined,
        waitsSince: () =>
          asked === undefined || faults.outage || towers.good().next().done
            ? undefined
            : Math.max(asked, disturbedAt()),
        patience: () => patience,
        mayBeLost: () => (negotiating > 0 || status().state._tag === "Negotiating" ? 1 : 0)
      }
    })
    begin(guarantees)
    const candidates = yield* RoundRobinTowerCandidates.make({ pollInterval: Duration.infinity })
    const negotiator = yield* makeWithRules(rules, settings, { listen: all([guarantees, lasting]).onEvent }).pipe(
      Effect.provideService(TowerCandidates, candidates)
    )
    status = () => Effect.runSync(negotiator.status)

    const interruption = (method: Method) => Effect.sync(() => void interrupted.push({ at: now(), method }))
    const waits = () => (chance.oneIn(3) ? chance.between(1, 5_000) : hour)
    const request = Effect.suspend(() => {
      asked ??= now()
      return negotiator.requestSession
    })
    const takeForEver = Effect.forever(
      Effect.map(negotiator.takeSession, ({ id }) => {
        received.push({ id, byNegotiate: false })
        if (asked !== undefined) onServed(asked)
        asked = undefined
      })
    ).pipe(Effect.onInterrupt(() => interruption("take")))
    const next = Effect.suspend(() => {
      const since = now()
      return Effect.map(negotiator.nextSession, ({ id }) => {
        received.push({ id, byNegotiate: false })
        onServed(since)
      }).pipe(
        Effect.onInterrupt(() => interruption("next")),
        Effect.timeoutOption(waits())
      )
    })
    const negotiate = Effect.suspend(() => {
      negotiating += 1
      return Effect.map(negotiator.negotiate, ({ id }) => void received.push({ id, byNegotiate: true })).pipe(
        Effect.raceFirst(Effect.delay(interruption("negotiate"), waits())),
        Effect.ignore,
        Effect.ensuring(Effect.sync(() => void --negotiating))
      )
    })

    const fork = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<unknown, never, Scope.Scope> =>
      Effect.forkScoped(effect)
    const nowAndThen = (average: number, action: Effect.Effect<unknown, unknown>) =>
      fork(Effect.forever(Effect.suspend(() => Effect.delay(Effect.ignore(action), chance.gap(average)))))
    yield* fork(takeForEver)
    yield* nowAndThen(2 * minute, request)
    yield* nowAndThen(2.5 * minute, next)
    yield* nowAndThen(15 * minute, negotiate)
    yield* nowAndThen(20 * minute, changeTowers(world, candidates, additions))
    yield* nowAndThen(day / 3, setClock(world))
    yield* nowAndThen(day / 2, outage(world))

    const end = now() + lifetime
    while (now() < end && !isViolated()) {
      yield* Effect.sleep(Math.min(minute, end - now()))
      eachMinute()
    }
    guarantees.onClose()
    return guarantees
  })

/** Towers and addresses come and go. */
const changeTowers = ({ chance, towers }: World, candidates: TowerCandidates.Service, additions: Array<PublicKey>) =>
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
    const add = (address: TowerAddress) => {
      additions.push(publicKey)
      return candidates.add(publicKey, address)
    }
    if (!tower.listed) return Effect.map(add(newest), list(true))
    switch (chance.pick("remove", "add again", "remove address")) {
      case "remove":
        return Effect.map(candidates.remove(publicKey), list(false))
      case "remove address":
        return candidates.remove(publicKey, oldest)
      case "add again":
        return add(oldest)
    }
  })

const setClock = ({ chance, onClockSet, time }: World) =>
  Effect.sync(() => {
    time.jump(chance.between(-2 * hour, 2 * hour))
    onClockSet()
  })

const outage = ({ chance, faults }: World) =>
  Effect.suspend(() => {
    faults.outage = true
    return Effect.ensuring(
      Effect.sleep(chance.between(1, 20) * minute),
      Effect.sync(() => {
        faults.outage = false
      })
    )
  })

/**
 * A simulated world: the real negotiator with its default rules, over towers in memory of which half are faulty, a database
 * that fails, clocks that are set, callers that give up, and restarts, all by a seed. The guarantees (`test/guarantees`) are
 * watched all the time.
 */
import { Effect, type Exit, Layer } from "effect"
import { decode, type Options as NegotiatorOptions, type Settings } from "../../src/layers/negotiator/Options.js"
import * as Rules from "../../src/layers/negotiator/Rules.js"
import * as FixedKeyRing from "../../src/layers/testing/FixedKeyRing.js"
import * as MemoryClientDb from "../../src/layers/testing/MemoryClientDb.js"
import * as ScriptedTowerTransport from "../../src/layers/testing/ScriptedTowerTransport.js"
import * as VirtualTime from "../../src/layers/testing/VirtualTime.js"
import * as Chain from "../../src/schema/Chain.js"
import { KeyIndex } from "../../src/schema/Ids.js"
import type { NegotiatorEvent } from "../../src/schema/NegotiatorEvent.js"
import * as Policy from "../../src/schema/Policy.js"
import { ClientDb } from "../../src/services/ClientDb.js"
import { KeyRing } from "../../src/services/KeyRing.js"
import { TowerTransport } from "../../src/services/TowerTransport.js"
import { all, type Violation, violations } from "../guarantees/guarantee.js"
import { LivingFibers } from "../guarantees/livingFibers.js"
import type { Guarantee } from "../guarantees/negotiator/context.js"
import * as Cost from "../guarantees/negotiator/cost.js"
import * as Database from "../guarantees/negotiator/database.js"
import * as Keys from "../guarantees/negotiator/keys.js"
import * as Pace from "../guarantees/negotiator/pace.js"
import * as Faulty from "../layers/negotiator/faults.js"
import { day } from "../layers/negotiator/world.js"
import * as Chance from "./chance.js"
import * as Faults from "./faults.js"
import { live, type World } from "./life.js"
import * as Towers from "./towers.js"

export interface Options {
  readonly seed: number
  readonly towers: number
  readonly days: number
  /** One in this number of operations of a fiber yields. */
  readonly yieldEvery?: number | undefined
  /** Other rules, other settings than the guarantees know of, or another database, to see that a guarantee notices. */
  readonly settings?: Partial<Settings> | undefined
  readonly rules?: Rules.Rules | undefined
  readonly db?: ((db: ClientDb.Service) => ClientDb.Service) | undefined
  /** Called after each virtual day. */
  readonly onDay?: ((day: number, summary: Summary) => void) | undefined
}

export interface Summary {
  readonly rounds: number
  readonly visits: number
  readonly sessions: number
  /** To takers. */
  readonly delivered: number
  /** The most visits in an hour of a tower that gave no session since. */
  readonly worstHour: number
  /** Dials, as the towers saw them. */
  readonly dials: number
  readonly lives: number
  /** From a request to its session, in milliseconds, where nothing of ours was out of order in between or shortly before. */
  readonly worstDelay: number
  readonly meanDelay: number
  /** Sessions of good towers that are always listed: the fewest and the most. */
  readonly spread: readonly [least: number, most: number]
  readonly violations: ReadonlyArray<Violation>
}

/** An ordinary morning. */
const startAt = Date.UTC(2026, 0, 1, 8)

const chain = Chain.bitcoinMainnet

const negotiatorOptions: NegotiatorOptions = {
  chain,
  policy: Policy.defaults(chain),
  firstKeyIndex: KeyIndex.make(1),
  maxPending: 3
}

const settings = decode(negotiatorOptions)

/** The monotonic clock, in milliseconds. */
const monotonic = ({ clock }: VirtualTime.VirtualTime) => Number(clock.unsafeCurrentTimeNanos() / 1_000n) / 1_000

/** Runs a world to its end, or until a guarantee is violated. */
export const simulate = (options: Options): Exit.Exit<Summary, unknown> => {
  let life: Guarantee = {}
  const time = VirtualTime.make({
    startAt,
    seed: options.seed,
    yieldEvery: options.yieldEvery,
    onPass: (millis) => life.onPass?.(monotonic(time) + millis)
  })
  const begin = (guarantees: Guarantee) => {
    life = guarantees
  }
  return time.run(world(options, time, begin))
}

const world = (options: Options, time: VirtualTime.VirtualTime, begin: Parameters<typeof live>[3]) =>
  Effect.gen(function* () {
    const chance = Chance.make(options.seed)
    const now = () => monotonic(time)
    const { found, violate } = violations(now)
    let disturbedAt = Number.NEGATIVE_INFINITY
    let clockSetAt = Number.NEGATIVE_INFINITY
    const disturbed = () => {
      disturbedAt = now()
    }

    const memory = yield* MemoryClientDb.make()
    const towers = yield* Towers.make(memory, options.seed, options.towers)
    const records = Database.records()
    const calls = Database.calls(now)
    const faults = Faults.make(chance, disturbed)
    const db = Faulty.db(records.wrap(memory), faults.next)
    const living = new LivingFibers()

    const cost = Cost.make(
      { now, settings, violate },
      // 17 by the rests of a tower that never gives a session, and those of rounds that find no better one.
      { visits: 20, addressesOf: (key) => towers.get(key)?.addresses.length ?? 0 }
    )
    const steady = towers.all.filter((tower) => tower.isSteady).map(({ publicKey }) => publicKey)
    const fairness = Pace.fairness(violate, steady)
    const heldSessions = Keys.heldSessions(violate, records, (key) => towers.get(key)?.id)
    const counts = new Map<string, number>()
    const count = ({ happening: { _tag } }: NegotiatorEvent) => void counts.set(_tag, 1 + (counts.get(_tag) ?? 0))
    const lasting = all([{ onEvent: count }, cost, fairness, heldSessions])

    const transport = ScriptedTowerTransport.make((dial) => heldSessions.remembering(dial.tower, towers.script(dial)), {
      remember: 0
    })
    const ports = Layer.mergeAll(
      Layer.succeed(ClientDb, calls.wrap(options.db?.(db) ?? db)),
      Layer.succeed(KeyRing, Faulty.keyRing(FixedKeyRing.makeFake, faults.next)),
      Layer.succeed(TowerTransport, transport.service)
    )

    const delays = { worst: 0, sum: 0, count: 0 }
    const self: World = {
      rules: options.rules ?? Rules.defaults,
      settings: { ...settings, ...options.settings },
      time,
      chance,
      towers,
      faults,
      context: {
        settings,
        now,
        wall: time.now,
        clockSetAt: () => clockSetAt,
        yields: options.yieldEvery !== undefined,
        violate,
        candidates: towers.good,
        transport,
        records,
        calls,
        slowestCall: Faults.slowest,
        timers: time.timers,
        fibers: () => living.all.size
      },
      lasting,
      isViolated: () => found.length > 0,
      disturbedAt: () => disturbedAt,
      onClockSet: () => {
        clockSetAt = now()
        disturbed()
      },
      onServed: (since) => {
        if (since <= disturbedAt + settings.maxBackoff) return
        const delay = now() - since
        delays.worst = Math.max(delays.worst, delay)
        delays.sum += delay
        delays.count += 1
      }
    }

    const began = now()
    const length = options.days * day
    let daysTold = 0
    let lives = 0
    const summary = (): Summary => ({
      rounds: counts.get("RoundStarted") ?? 0,
      visits: counts.get("VisitStarted") ?? 0,
      sessions: counts.get("SessionStored") ?? 0,
      delivered: counts.get("SessionDelivered") ?? 0,
      worstHour: cost.worst(),
      dials: transport.count(),
      lives,
      worstDelay: delays.worst,
      meanDelay: delays.count === 0 ? 0 : delays.sum / delays.count,
      spread: fairness.spread(),
      violations: found
    })
    const tellDays = () => {
      while (daysTold < Math.floor((now() - began) / day)) {
        daysTold += 1
        options.onDay?.(daysTold, summary())
      }
    }

    while (now() - began < length && found.length === 0) {
      lives += 1
      disturbed()
      const standings = yield* memory.loadStandings(settings.policy.blobType, settings.policyKey)
      const failed = towers.all.filter(({ id }) => (standings.get(id)?.failedVisits ?? 0) > 0)
      const failedBefore = failed.map(({ publicKey }) => publicKey)
      const lifetime = Math.min(chance.gap(day), length - (now() - began))
      // When the database is away at the start, the layer fails, and its owner tries again.
      const guarantees = yield* Effect.scoped(live(self, failedBefore, lifetime, begin, tellDays)).pipe(
        Effect.provide(ports),
        Effect.supervised(living),
        Effect.retry({ times: 100 })
      )
      guarantees.onClosed()
      guarantees.onEnd()
    }
    lasting.onEnd()
    return summary()
  })

/**
 * A simulated world: the real negotiator with its default rules, over towers in memory of which half are faulty, a database
 * that fails, clocks that jump, callers that give up, and restarts. All by a seed; the guarantees are checked as things
 * happen (`checks.ts`), those about the end of a life at its end.
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
import { KeyRingError } from "../../src/schema/KeyRingError.js"
import * as Policy from "../../src/schema/Policy.js"
import { ClientDb } from "../../src/services/ClientDb.js"
import { KeyRing } from "../../src/services/KeyRing.js"
import { TowerTransport } from "../../src/services/TowerTransport.js"
import * as Chance from "./chance.js"
import * as Checks from "./checks.js"
import * as FaultyDb from "./faultyDb.js"
import { live, type World } from "./life.js"
import { day, minute } from "./times.js"
import * as Towers from "./towers.js"

export interface Options {
  readonly seed: number
  readonly towers: number
  readonly days: number
  /** One in this number of operations of a fiber yields. */
  readonly yieldEvery?: number | undefined
  /** Other rules, other settings than the checks know of, or another database, to see that a check notices. */
  readonly settings?: Partial<Settings> | undefined
  readonly rules?: Rules.Rules | undefined
  readonly db?: ((db: ClientDb.Service) => ClientDb.Service) | undefined
  /** Told after each virtual day. */
  readonly onDay?: ((day: number, summary: Summary) => void) | undefined
}

export interface Summary extends Checks.Counts {
  /** Dials, as the towers saw them. */
  readonly dials: number
  readonly lives: number
  /** From a request to its session, in milliseconds, where nothing of ours was out of order in between or shortly before. */
  readonly worstDelay: number
  readonly meanDelay: number
  /** Sessions of good towers that are always listed: the fewest and the most. */
  readonly spread: readonly [least: number, most: number]
  readonly violations: ReadonlyArray<Checks.Violation>
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

/** Runs a world to its end, or until a guarantee is violated. */
export const simulate = (options: Options): Exit.Exit<Summary, unknown> => {
  const time = VirtualTime.make({ startAt, seed: options.seed, yieldEvery: options.yieldEvery })
  return time.run(world(options, time))
}

/** A signer that fails now and then, or takes two minutes. */
const faultyKeyRing = (chance: Chance.Chance, onFault: () => void): KeyRing.Service => ({
  ...FixedKeyRing.makeFake,
  deriveKey: (locator) =>
    Effect.suspend(() => {
      if (!chance.oneIn(1_000)) return FixedKeyRing.makeFake.deriveKey(locator)
      onFault()
      return Effect.fail(new KeyRingError({ operation: "deriveKey", detail: "simulated" }))
    }),
  ecdh: (locator, point) =>
    Effect.suspend(() => {
      if (!chance.oneIn(5_000)) return FixedKeyRing.makeFake.ecdh(locator, point)
      onFault()
      return Effect.delay(FixedKeyRing.makeFake.ecdh(locator, point), 2 * minute)
    })
})

const world = (options: Options, time: VirtualTime.VirtualTime) =>
  Effect.gen(function* () {
    const chance = Chance.make(options.seed)
    const monotonic = () => Number(time.clock.unsafeCurrentTimeNanos() / 1_000n) / 1_000
    let disturbedAt = Number.NEGATIVE_INFINITY
    let jumpedAt = Number.NEGATIVE_INFINITY
    const disturbed = () => {
      disturbedAt = monotonic()
    }

    const memory = yield* MemoryClientDb.make()
    const towers = yield* Towers.make(memory, options.seed, options.towers)
    const db = FaultyDb.make(memory, chance, disturbed)
    const transport = ScriptedTowerTransport.make(towers.script, { remember: 0 })
    const checks = Checks.make(settings, {
      monotonic,
      isStored: (id) => db.stored.has(id),
      goodTowers: towers.good,
      addressesOf: (id) => towers.get(id)?.addresses.length ?? 0
    })
    const ports = Layer.mergeAll(
      Layer.succeed(ClientDb, options.db?.(db.service) ?? db.service),
      Layer.succeed(KeyRing, faultyKeyRing(chance, disturbed)),
      Layer.succeed(TowerTransport, transport.service)
    )

    let seen = 0
    const checkKeys = () => {
      for (const { at, dial, rule } of transport.violations().slice(seen)) {
        seen += 1
        // The database frees a key by the wall clock.
        if (rule === "a shown key rests" && monotonic() - jumpedAt < 3_000) continue
        checks.violate(rule === "one tower for a key" ? "G2" : "G3", `${rule}: ${dial.publicKey} at ${at}`)
      }
    }

    const delays = { worst: 0, sum: 0, count: 0 }
    const self: World = {
      rules: options.rules ?? Rules.defaults,
      settings: { ...settings, ...options.settings },
      time,
      chance,
      towers,
      db,
      checks,
      monotonic,
      disturbedAt: () => disturbedAt,
      disturbed,
      jumped: () => {
        jumpedAt = monotonic()
        disturbed()
        checks.jumped()
      },
      served: (since) => {
        if (since <= disturbedAt + settings.maxBackoff) return
        const delay = monotonic() - since
        delays.worst = Math.max(delays.worst, delay)
        delays.sum += delay
        delays.count += 1
      },
      checkKeys
    }

    const began = monotonic()
    const length = options.days * day
    let daysTold = 0
    let lives = 0
    const summary = (): Summary => {
      const sessions = towers.all.filter((tower) => tower.isSteady).map((tower) => tower.sessions)
      return {
        ...checks.counts,
        dials: transport.count(),
        lives,
        worstDelay: delays.worst,
        meanDelay: delays.count === 0 ? 0 : delays.sum / delays.count,
        spread: [Math.min(...sessions), Math.max(...sessions)],
        violations: checks.violations
      }
    }
    const tellDays = () => {
      while (daysTold < Math.floor((monotonic() - began) / day)) options.onDay?.(++daysTold, summary())
    }

    while (monotonic() - began < length && checks.violations.length === 0) {
      lives += 1
      disturbed()
      const failed = yield* memory.loadStandings(settings.policy.blobType, settings.policyKey)
      checks.begin([...failed].flatMap(([tower, standing]) => (standing.failedVisits > 0 ? [tower] : [])))
      let closing = monotonic()
      const life = live(self, Math.min(chance.gap(day), length - (monotonic() - began)), tellDays).pipe(
        Effect.tap(() => {
          closing = monotonic()
        }),
        Effect.scoped,
        Effect.provide(ports)
      )
      // When the database is away at the start, the layer fails, and its owner tries again.
      yield* Effect.retry(life, { times: 100 })
      checkEnd(checks, time, transport, monotonic() - closing)
    }
    checkTowers(checks, towers, db)
    checkSpread(checks, summary())
    return summary()
  })

/** G3 and G4 (docs/negotiation.md): closing takes no longer than a store in progress and the write that frees a reservation, and leaves nothing. */
const checkEnd = (
  checks: Checks.Checks,
  time: VirtualTime.VirtualTime,
  transport: ScriptedTowerTransport.ScriptedTowerTransport,
  took: number
) => {
  const [open, timers] = [transport.open().length, time.timers()]
  if (took > 2 * FaultyDb.slowest) checks.violate("G4", `closing took ${took} ms`)
  if (open > 0) checks.violate("G3", `${open} connections are open`)
  if (timers > 0) checks.violate("G4", `${timers} timers are left`)
}

/** G2 (docs/negotiation.md): a tower holds no session that we do not have, but for those whose keys are reserved for it. */
const checkTowers = (checks: Checks.Checks, towers: Towers.Towers, db: FaultyDb.FaultyDb) => {
  const stored = new Set<string>(db.stored.keys())
  for (const tower of towers.all) {
    for (const key of tower.accepted) {
      if (stored.has(key) || db.reserved(tower.id).has(key)) continue
      checks.violate("G2", `tower ${tower.id} holds a session with ${key}, which is neither stored nor reserved`)
    }
  }
}

/** G6 (docs/negotiation.md): towers that give a session within one hedge delay give about equally many. */
const checkSpread = (checks: Checks.Checks, { spread: [least, most] }: Summary) => {
  if (most - least > 10 + 0.2 * most) checks.violate("G6", `good towers have given from ${least} to ${most} sessions`)
}

/**
 * A simulated world: the real negotiator with its default rules, over towers in memory of which half are faulty, a database
 * that fails, clocks that jump, callers that give up, and restarts. All by a seed; the guarantees are checked as things
 * happen (`checks.ts`), those about the end of a life at its end.
 */
import { Clock, Duration, Effect, type Exit, Layer, type Scope } from "effect"
import { makeWithRules } from "../../src/layers/negotiator/makeWithRules.js"
import type { Options as NegotiatorOptions } from "../../src/layers/negotiator/Options.js"
import { decode } from "../../src/layers/negotiator/Options.js"
import * as Rules from "../../src/layers/negotiator/Rules.js"
import * as RoundRobinTowerCandidates from "../../src/layers/RoundRobinTowerCandidates.js"
import * as FixedKeyRing from "../../src/layers/testing/FixedKeyRing.js"
import * as MemoryClientDb from "../../src/layers/testing/MemoryClientDb.js"
import * as ScriptedTowerTransport from "../../src/layers/testing/ScriptedTowerTransport.js"
import * as TowerScript from "../../src/layers/testing/TowerScript.js"
import * as VirtualTime from "../../src/layers/testing/VirtualTime.js"
import * as Chain from "../../src/schema/Chain.js"
import type { ClientSession } from "../../src/schema/ClientSession.js"
import { KeyIndex, type PublicKey, type TowerId } from "../../src/schema/Ids.js"
import { KeyRingError } from "../../src/schema/KeyRingError.js"
import * as Policy from "../../src/schema/Policy.js"
import { TowerAddress } from "../../src/schema/TowerAddress.js"
import * as Code from "../../src/schema/wire/Code.js"
import { ClientDb } from "../../src/services/ClientDb.js"
import { familyTowerId, KeyRing } from "../../src/services/KeyRing.js"
import { TowerCandidates } from "../../src/services/TowerCandidates.js"
import { TowerTransport } from "../../src/services/TowerTransport.js"
import * as Chance from "./chance.js"
import * as Characters from "./characters.js"
import * as Checks from "./checks.js"
import * as FaultyDb from "./faultyDb.js"

export interface Options {
  readonly seed: number
  readonly towers: number
  readonly days: number
  /** One operation of a fiber in so many yields. */
  readonly yieldEvery?: number | undefined
  /** Other rules, or another database, to see that a check notices. */
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
  /** Sessions of good towers that stay: the fewest and the most. */
  readonly spread: readonly [least: number, most: number]
  readonly violations: ReadonlyArray<Checks.Violation>
}

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

/** An ordinary morning. */
const startAt = Date.UTC(2026, 0, 1, 8)

/** With its oldest request unserved for so long, and good towers to ask, a negotiator hangs. */
const patience = 20 * minute

interface SimulatedTower {
  readonly publicKey: PublicKey
  readonly isGood: boolean
  /** Nobody removes it or an address of it. */
  readonly isSteady: boolean
  readonly character: Characters.Character
  readonly addresses: Array<TowerAddress>
  /** Its newest address is dead. */
  readonly deadAddress: TowerAddress | undefined
  id: TowerId | undefined
  listed: boolean
  sessions: number
  /** Keys with which it has accepted a session, and that are not in our database. */
  readonly accepted: Set<PublicKey>
}

const makeTower = (seed: number, index: number): SimulatedTower => {
  const chance = Chance.make(seed, index)
  const isGood = index % 2 === 0
  const faulty = [...Object.values(Characters.hostile), ...Object.values(Characters.moody)]
  const character = isGood ? Characters.good : (faulty[chance.between(0, faulty.length - 1)] ?? Characters.good)
  const address = (n: number) => TowerAddress.make(`10.${index >> 8}.${index & 0xff}.${n}:9911`)
  const addresses = Array.from({ length: chance.between(1, 3) }, (_, n) => address(n + 1))
  return {
    publicKey: FixedKeyRing.fakeKeyOf({ family: familyTowerId, index: index + 1 }),
    isGood,
    isSteady: index % 4 === 0,
    character: character(chance),
    addresses,
    deadAddress: isGood && addresses.length > 1 && chance.oneIn(5) ? addresses[0] : undefined,
    id: undefined,
    listed: false,
    sessions: 0,
    accepted: new Set()
  }
}

/** Runs a world to its end. */
export const simulate = (options: Options): Exit.Exit<Summary, unknown> => {
  const { days, seed } = options
  const time = VirtualTime.make({ startAt, seed, yieldEvery: options.yieldEvery })
  return time.run(world(options, time, Chance.make(seed), days * day))
}

const world = (options: Options, time: VirtualTime.VirtualTime, chance: Chance.Chance, length: number) =>
  Effect.gen(function* () {
    const chain = Chain.bitcoinMainnet
    const negotiatorOptions: NegotiatorOptions = {
      chain,
      policy: Policy.defaults(chain),
      firstKeyIndex: KeyIndex.make(1),
      maxPending: 3
    }
    const settings = decode(negotiatorOptions)
    const towers = Array.from({ length: options.towers }, (_, index) => makeTower(options.seed, index))
    const byKey = new Map(towers.map((tower) => [tower.publicKey, tower]))
    const byId = new Map<TowerId, SimulatedTower>()
    const monotonic = () => Number(time.clock.unsafeCurrentTimeNanos() / 1_000n) / 1_000

    /** When something of ours was last out of order. */
    let disturbedAt = Number.NEGATIVE_INFINITY
    const disturbed = () => {
      disturbedAt = monotonic()
    }

    const memory = yield* MemoryClientDb.make()
    const db = FaultyDb.make(memory, chance, disturbed)
    for (const tower of towers) {
      for (const address of tower.addresses.toReversed()) {
        tower.id = (yield* memory.createTower(tower.publicKey, address)).id
      }
      tower.listed = true
      if (tower.id !== undefined) byId.set(tower.id, tower)
    }

    const goodTowers = function* () {
      for (const tower of towers) if (tower.isGood && tower.listed && tower.id !== undefined) yield tower.id
    }
    const checks = Checks.make(settings, {
      monotonic,
      isStored: (id) => db.stored.has(id),
      goodTowers,
      addressesOf: (id) => byId.get(id)?.addresses.length ?? 0
    })

    const scriptOf = (dial: TowerScript.Dial): TowerScript.Script => {
      const tower = byKey.get(dial.tower)
      if (tower === undefined || dial.address === tower.deadAddress) return TowerScript.failsAt("dial")
      const script = tower.character(dial)
      return {
        ...script,
        reply: (request, open) => {
          const reply = (script.reply ?? TowerScript.goodReply)(request, open)
          if (reply.code === Code.ok) tower.accepted.add(open.publicKey)
          // A lie, since no update was ever sent: the key is ended, and what the tower held with it with it.
          if (reply.code === Code.alreadyExists) tower.accepted.delete(open.publicKey)
          return reply
        }
      }
    }
    const transport = ScriptedTowerTransport.make(scriptOf, { remember: 0 })

    let jumpedAt = Number.NEGATIVE_INFINITY
    let seenViolations = 0
    const checkKeys = () => {
      for (const { at, dial, rule } of transport.violations().slice(seenViolations)) {
        seenViolations += 1
        // The database frees a key by the wall clock.
        if (rule === "a shown key rests" && monotonic() - jumpedAt < 3_000) continue
        checks.violate(rule === "one tower for a key" ? "G2" : "G3", `${rule}: ${dial.publicKey} at ${at}`)
      }
    }

    const keyRing: KeyRing.Service = {
      ...FixedKeyRing.makeFake,
      deriveKey: (locator) =>
        Effect.suspend(() => {
          if (!chance.oneIn(1_000)) return FixedKeyRing.makeFake.deriveKey(locator)
          disturbed()
          return Effect.fail(new KeyRingError({ operation: "deriveKey", detail: "simulated" }))
        }),
      ecdh: (locator, point) =>
        Effect.suspend(() => {
          if (!chance.oneIn(5_000)) return FixedKeyRing.makeFake.ecdh(locator, point)
          disturbed()
          return Effect.delay(FixedKeyRing.makeFake.ecdh(locator, point), 2 * minute)
        })
    }

    const delays = { worst: 0, sum: 0, count: 0 }
    const served = (since: number) => {
      if (since <= disturbedAt + settings.maxBackoff) return
      const delay = monotonic() - since
      delays.worst = Math.max(delays.worst, delay)
      delays.sum += delay
      delays.count += 1
    }

    const began = monotonic()
    let daysTold = 0
    let lives = 0
    const summary = (): Summary => {
      const steady = towers.filter((tower) => tower.isSteady).map((tower) => tower.sessions)
      return {
        ...checks.counts,
        dials: transport.count(),
        lives,
        worstDelay: delays.worst,
        meanDelay: delays.count === 0 ? 0 : delays.sum / delays.count,
        spread: steady.length === 0 ? [0, 0] : [Math.min(...steady), Math.max(...steady)],
        violations: checks.violations
      }
    }

    /** One life of the negotiator, from a start to a stop. */
    const live = (lifetime: number) =>
      Effect.gen(function* () {
        let asked: number | undefined
        const fork = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<unknown, never, Scope.Scope> =>
          Effect.forkScoped(effect)
        const forEver = (average: number, action: Effect.Effect<unknown>) =>
          fork(Effect.forever(Effect.suspend(() => Effect.delay(action, chance.gap(average)))))

        const failed = yield* memory.loadStandings(settings.policy.blobType, settings.policyKey)
        checks.begin([...failed].flatMap(([tower, standing]) => (standing.failedVisits > 0 ? [tower] : [])))
        const candidates = yield* RoundRobinTowerCandidates.make({ pollInterval: Duration.infinity })
        const negotiator = yield* makeWithRules(options.rules ?? Rules.defaults, negotiatorOptions, (event) => {
          checks.listen(event)
          checkKeys()
          if (event.happening._tag !== "SessionStored") return
          const { towerId } = event.happening.session
          const tower = byId.get(towerId)
          if (tower !== undefined) tower.sessions += 1
        }).pipe(Effect.provideService(TowerCandidates, candidates))

        const taken = (_: ClientSession) => {
          if (asked !== undefined) served(asked)
          asked = undefined
        }
        const request = Effect.andThen(
          Effect.sync(() => {
            asked ??= monotonic()
          }),
          negotiator.requestSession
        )
        const takeForEver = Effect.forever(Effect.map(negotiator.takeSession, taken))
        const next = Effect.suspend(() => {
          const since = monotonic()
          const patient = Effect.map(negotiator.nextSession, () => served(since))
          return Effect.timeoutOption(patient, chance.oneIn(3) ? chance.between(1, 5_000) : hour)
        })
        const negotiate = Effect.suspend(() => {
          checks.negotiating(1)
          const patience = chance.oneIn(3) ? chance.between(1, 5_000) : hour
          return Effect.map(negotiator.negotiate, (session) => checks.negotiated(session.id)).pipe(
            Effect.raceFirst(Effect.delay(Effect.sync(checks.closing), patience)),
            Effect.ignore,
            Effect.ensuring(Effect.sync(() => checks.negotiating(-1)))
          )
        })
        const watch = Effect.gen(function* () {
          checks.status(yield* negotiator.status, asked !== undefined, yield* Clock.currentTimeMillis)
          const since = Math.max(asked ?? monotonic(), disturbedAt)
          if (monotonic() - since > patience && [...goodTowers()].length > 0) {
            checks.violate("liveness", `a request waits since ${since}`)
            asked = undefined
          }
        })

        const meddle = Effect.suspend(() => {
          const tower = towers[chance.between(0, towers.length - 1)]
          const [address] = tower?.addresses ?? []
          if (tower === undefined || address === undefined || tower.isSteady) return Effect.void
          if (!tower.listed) {
            return Effect.map(candidates.add(tower.publicKey, address), () => {
              tower.listed = true
            })
          }
          switch (chance.pick("remove", "add again", "remove address", "add address")) {
            case "remove":
              return Effect.map(candidates.remove(tower.publicKey), () => {
                tower.listed = false
              })
            case "remove address":
              return Effect.ignore(candidates.remove(tower.publicKey, tower.addresses.at(-1)))
            default:
              return candidates.add(tower.publicKey, tower.addresses.at(-1) ?? address)
          }
        }).pipe(Effect.ignore)

        const jump = Effect.sync(() => {
          time.jump(chance.between(-2 * hour, 2 * hour))
          jumpedAt = monotonic()
          disturbed()
          checks.jumped()
        })
        const outage = Effect.gen(function* () {
          db.outage = true
          yield* Effect.sleep(chance.between(1, 20) * minute)
          db.outage = false
        }).pipe(
          Effect.ensuring(
            Effect.sync(() => {
              db.outage = false
              disturbed()
            })
          )
        )

        yield* fork(takeForEver)
        yield* forEver(2 * minute, request)
        yield* forEver(2.5 * minute, next)
        yield* forEver(15 * minute, negotiate)
        yield* fork(Effect.forever(Effect.delay(watch, minute)))
        yield* forEver(20 * minute, meddle)
        yield* forEver(8 * hour, jump)
        yield* forEver(12 * hour, outage)
        const end = monotonic() + lifetime
        while (monotonic() < end && checks.violations.length === 0) {
          yield* Effect.sleep(Math.min(minute, end - monotonic()))
          for (; daysTold < Math.floor((monotonic() - began) / day); daysTold++)
            options.onDay?.(daysTold + 1, summary())
        }
        checks.end((yield* negotiator.status).undelivered)
        checks.closing()
      })

    const ports = Layer.mergeAll(
      Layer.succeed(ClientDb, options.db?.(db.service) ?? db.service),
      Layer.succeed(KeyRing, keyRing),
      Layer.succeed(TowerTransport, transport.service)
    )

    while (monotonic() - began < length && checks.violations.length === 0) {
      lives += 1
      disturbed()
      const lifetime = Math.min(chance.gap(day), length - (monotonic() - began))
      let closing = monotonic()
      const life = live(lifetime).pipe(
        Effect.ensuring(
          Effect.sync(() => {
            closing = monotonic()
          })
        ),
        Effect.scoped,
        Effect.provide(ports)
      )
      // Where the database is away at the start, the layer fails, and whoever runs it tries again.
      yield* Effect.retry(life, { times: 100 })
      const took = monotonic() - closing
      // Fibers that were interrupted but not waited for have their turn.
      yield* Effect.sleep(1)
      if (took > FaultyDb.slowest) checks.violate("G4", `closing took ${took} ms`)
      if (transport.open().length > 0) checks.violate("G3", `${transport.open().length} connections are open`)
      if (time.timers() > 0) checks.violate("G4", `${time.timers()} timers are left`)
    }

    for (const tower of towers) {
      const reserved = tower.id === undefined ? new Set() : db.reserved(tower.id)
      const stored = new Set<string>(db.stored.keys())
      for (const key of tower.accepted) {
        if (stored.has(key) || reserved.has(key)) continue
        checks.violate("G2", `tower ${tower.id} holds a session with ${key}, which is neither stored nor reserved`)
      }
    }
    return summary()
  })

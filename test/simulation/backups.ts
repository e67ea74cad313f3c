/**
 * A simulated month of a tower client: channels that hand in states, towers of which half are faulty, a database that fails,
 * and restarts, all by a seed. The guarantees of docs/backups.md are watched with each event, and all states are counted at the
 * towers in the end.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import { DatabaseBusy, DatabaseUnavailable } from "../../src/schema/DbError.js"
import * as Policy from "../../src/schema/Policy.js"
import type { BackupDb } from "../../src/services/BackupDb.js"
import * as Guarantees from "../guarantees/backups.js"
import type { Violate, Violation } from "../guarantees/guarantee.js"
import { around } from "../layers/backup/worlds/around.js"
import { become, forgetLast, isLiar, type Kind, kinds } from "../layers/backup/worlds/kinds.js"
import type { TowerModel } from "../layers/backup/worlds/tower.js"
import { bytesOf, channelId, hour, minute, type Process, run, type World } from "../layers/backup/worlds/world.js"
import * as Faulty from "../layers/negotiator/faults.js"
import { day, regtest } from "../layers/negotiator/world.js"
import * as Chance from "./chance.js"
import * as Faults from "./faults.js"

export interface Options {
  readonly seed: number
  readonly towers: number
  readonly channels: number
  readonly states: number
  readonly days: number
  readonly copies: number
  /** Called after each virtual day. */
  readonly onDay?: ((day: number, soFar: Pick<Summary, "accepted" | "copies">) => void) | undefined
  /** Puts a defect into the database, to see that a guarantee notices. */
  readonly backupDb?: ((db: BackupDb.Service) => BackupDb.Service) | undefined
}

export interface Summary {
  readonly accepted: number
  /** Handed in while the database failed, and again later. */
  readonly notAccepted: number
  readonly copies: number
  /** States of which a tower was found to have lost its copy. */
  readonly lost: number
  readonly sessions: number
  readonly connections: number
  /** The most connections in an hour to a tower that took no update since. */
  readonly worstHour: number
  readonly restarts: number
  /** From a state to its last copy, in milliseconds, where the database and the process were in order all the while. */
  readonly meanDelay: number
  readonly worstDelay: number
  readonly violations: ReadonlyArray<Violation>
}

const faultyKinds: ReadonlyArray<Kind> = Object.keys(kinds).filter((name): name is Kind => name in kinds)

/** States that a channel hands in one after another, on average. */
const burst = 25

/** Calls that fail, before or after they had their effect, and calls that take time. */
const faulty = (db: BackupDb.Service, chance: Chance.Chance, faults: Faults.Faults) =>
  around(db, (operation, call) =>
    Effect.suspend(() => {
      const fault = faults.next(operation)
      const inTime = <A, E>(effect: Effect.Effect<A, E>) => (fault?.takes ? Effect.delay(effect, fault.takes) : effect)
      if (fault === undefined || fault.outcome === "well") return inTime(call)
      const failure = Effect.fail(new DatabaseUnavailable({ operation, detail: "broken on purpose" }))
      return inTime(chance.oneIn(2) ? Effect.zipRight(Effect.ignore(call), failure) : failure)
    })
  )

/** A start has no other failure: it is the defect of a world. */
const isOfDatabase = (cause: Cause.Cause<never>): boolean => {
  const defect = Cause.squash(cause)
  return defect instanceof DatabaseBusy || defect instanceof DatabaseUnavailable
}

/** One thing after another, each when it is due. */
const month = (
  world: World,
  { channels, days, onDay, states }: Options,
  chance: Chance.Chance,
  faults: Faults.Faults,
  watcher: ReturnType<typeof Guarantees.watch>
): Effect.Effect<Summary> =>
  Effect.gen(function* () {
    const isFaulty = (at: number) => at % 2 === 1
    const bad = world.towers.filter((_, at) => isFaulty(at))
    /** They have forgotten something, or have lied. */
    const unreliable = new Set<TowerModel>()
    const pick = (): TowerModel | undefined => bad[chance.between(0, bad.length - 1)]
    const counts = { accepted: 0, notAccepted: 0, restarts: 0 }
    const heights = new Map<number, number>()
    /** A start fails where the database does; the process's owner starts it again. */
    const start = Effect.suspend(() => {
      faults.outage = false
      return world.start
    }).pipe(Effect.sandbox, Effect.retry({ times: 20, while: isOfDatabase }), Effect.orDie)
    let process: Process = yield* start

    const acts: Record<string, { readonly every: number; readonly act: Effect.Effect<unknown> }> = {
      handIn: {
        every: (days * day * burst) / states,
        act: Effect.gen(function* () {
          const channel = chance.between(1, channels)
          for (let left = chance.between(1, 2 * burst - 1); left > 0; left -= 1) {
            const height = (heights.get(channel) ?? 0) + 1
            const handed = yield* Effect.exit(process.hand(height, channel))
            if (handed._tag === "Success") heights.set(channel, height)
            counts[handed._tag === "Success" ? "accepted" : "notAccepted"] += 1
            yield* Effect.sleep(chance.between(0, 500))
          }
        })
      },
      change: {
        every: (6 * hour) / Math.max(1, bad.length),
        act: Effect.sync(() => {
          const model = pick()
          const name = faultyKinds[chance.between(0, faultyKinds.length - 1)]
          if (model === undefined || name === undefined) return
          become(model, name)
          if (isLiar(name)) unreliable.add(model)
        })
      },
      forget: {
        every: day,
        act: Effect.sync(() => {
          const model = pick()
          if (model === undefined) return
          unreliable.add(model)
          if (chance.oneIn(2)) model.sessions = HashMap.empty()
          else forgetLast(model)
        })
      },
      outage: {
        every: 8 * hour,
        act: Effect.sync(() => {
          faults.outage = true
        })
      },
      outageEnds: {
        every: 3 * minute,
        act: Effect.sync(() => {
          faults.outage = false
        })
      },
      restart: {
        every: 12 * hour,
        act: Effect.gen(function* () {
          yield* process.close
          yield* Effect.sleep(chance.gap(10 * minute))
          process = yield* start
          counts.restarts += 1
          watcher.disturb(yield* Clock.currentTimeMillis)
        })
      }
    }

    const began = yield* Clock.currentTimeMillis
    const ends = began + days * day
    const due = new Map(Object.entries(acts).map(([name, { every }]) => [name, began + chance.gap(every)]))
    let daysTold = 0
    while (watcher.found.length === 0) {
      const [name, at] = [...due].reduce((first, other) => (other[1] < first[1] ? other : first))
      if (at >= ends) break
      yield* Effect.sleep(Math.max(0, at - (yield* Clock.currentTimeMillis)))
      const one = acts[name]
      if (one === undefined) break
      yield* one.act
      due.set(name, at + chance.gap(one.every))
      while (daysTold < Math.floor((at - began) / day)) {
        daysTold += 1
        onDay?.(daysTold, { ...counts, ...watcher.counts })
      }
    }

    faults.outage = false
    for (const model of bad) become(model, "good")
    const stored = yield* settled(process, heights, watcher.violate)
    checkTowers(world, watcher, unreliable)
    yield* process.close
    const { delays } = watcher
    return {
      ...counts,
      ...watcher.counts,
      lost: stored.lost,
      connections: world.towers.reduce((sum, { connections }) => sum + connections, 0),
      meanDelay: delays.count === 0 ? 0 : delays.sum / delays.count,
      worstDelay: delays.worst,
      violations: watcher.found
    }
  })

/** Waits until no state is missing a copy, and checks that each state that was accepted is counted. */
const settled = (process: Process, heights: ReadonlyMap<number, number>, violate: Violate) =>
  Effect.gen(function* () {
    const sums = { missing: 0, lost: 0 }
    for (let hours = 0; hours < 6; hours += 1) {
      Object.assign(sums, { missing: 0, lost: 0 })
      for (const [channel, height] of heights) {
        const { handedIn, lost, missing } = yield* Effect.retry(process.client.channel(channelId(channel)), {
          times: 20
        })
        sums.missing += missing
        sums.lost += lost
        // One more where the answer to the last one was lost: it is handed in again under the same height.
        if (handedIn !== height && handedIn !== height + 1)
          violate("B1", `channel ${channel} has ${handedIn} states, and ${height} were accepted`)
      }
      if (sums.missing === 0) return sums
      yield* Effect.sleep(hour)
    }
    violate("B1", `${sums.missing} states have not all their copies, six hours after every tower was good again`)
    return sums
  }).pipe(Effect.orDie)

/** B2 and B4: towers that were always honest have what they confirmed, and never had a reason to refuse. B8: no key is known to two. */
const checkTowers = (
  world: World,
  { confirmed, violate }: ReturnType<typeof Guarantees.watch>,
  unreliable: ReadonlySet<TowerModel>
): void => {
  const shownTo = new Map<string, number>()
  for (const [at, model] of world.towers.entries()) {
    const blobs = new Map<string, string>()
    HashMap.forEach(model.sessions, ({ updates }, key) => {
      if (shownTo.has(key)) violate("B8", `key ${key} is known to towers ${shownTo.get(key)} and ${at + 1}`)
      shownTo.set(key, at + 1)
      HashMap.forEach(updates, ({ encryptedBlob }, hint) => blobs.set(hint, encryptedBlob))
    })
    if (unreliable.has(model)) continue
    if (model.refusals.length > 0)
      violate("B4", `tower ${at + 1} had a reason to refuse ${model.refusals.length} times`)
    for (const [channel, height] of confirmed.get(at + 1) ?? []) {
      const { encryptedBlob, hint } = bytesOf(height, Number.parseInt(channel, 16))
      if (blobs.get(hint) !== encryptedBlob)
        violate("B2", `tower ${at + 1} has no state ${height} of channel ${channel}`)
    }
  }
}

/** Runs a month, and then waits until every state has its copies. */
export const simulate = (options: Options): Summary => {
  const chance = Chance.make(options.seed)
  const watcher = Guarantees.watch(options.copies)
  let now = () => 0
  const faults = Faults.make(chance, () => watcher.disturb(now()))
  return run(
    {
      towers: Array.from({ length: options.towers }, () => ({ latency: chance.between(5, 250) })),
      options: {
        copies: options.copies,
        policies: [Policy.defaults(regtest)],
        pollInterval: Number.POSITIVE_INFINITY,
        renewInterval: "15 seconds"
      },
      time: { seed: options.seed },
      backupDb: (db) => faulty(options.backupDb?.(db) ?? db, chance, faults),
      clientDb: (db) => Faulty.db(db, faults.next),
      onEvent: watcher.onEvent
    },
    (world, time) => {
      now = time.now
      return month(world, options, chance, faults, watcher)
    }
  )
}

/**
 * Random worlds of the tower client: towers of every kind, crashes, a database that fails, and people who add, remove and
 * terminate. Each world comes to rest in the end: then every accepted state has its copies, and honest towers have never had a
 * reason to refuse. `WORLDS` says how many; a failing world shrinks, and its seed and path replay it alone.
 */
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { within } from "../../../../src/layers/concurrency/firstOf.js"
import { DatabaseUnavailable } from "../../../../src/schema/DbError.js"
import { CommitHeight } from "../../../../src/schema/RevokedState.js"
import type { BackupDb } from "../../../../src/services/BackupDb.js"
import { addressOf, towerKey } from "../../negotiator/world.js"
import { become, forgetLast, isLiar, type Kind, kinds } from "./kinds.js"
import type { TowerModel } from "./tower.js"
import { channelId, hour, minute, type Process, run, type World } from "./world.js"

type Step =
  | { readonly do: "hand"; readonly states: number; readonly channel: number }
  | { readonly do: "crash" }
  | { readonly do: "failingDatabase"; readonly calls: number; readonly stores: boolean }
  | { readonly do: "become"; readonly tower: number; readonly kind: Kind }
  | { readonly do: "wipe" | "forgetLast" | "remove" | "add"; readonly tower: number }
  | { readonly do: "terminate"; readonly session: number }
  | { readonly do: "wait" }

interface Plan {
  readonly copies: number
  readonly window: number
  readonly maxUpdates: number
  readonly towers: ReadonlyArray<Kind>
  readonly steps: ReadonlyArray<Step & { readonly after: number }>
  readonly seed: number
}

const kind = fc.constantFrom(...(Object.keys(kinds) as ReadonlyArray<Kind>))
const tower = fc.integer({ min: 0, max: 4 })
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("hand" as const),
      states: fc.integer({ min: 1, max: 40 }),
      channel: fc.integer({ min: 1, max: 3 })
    })
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("crash" as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("failingDatabase" as const),
      calls: fc.integer({ min: 1, max: 6 }),
      stores: fc.boolean()
    })
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("become" as const), tower, kind }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom("wipe" as const, "forgetLast" as const, "remove" as const, "add" as const),
      tower
    })
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("terminate" as const), session: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("wait" as const) }) }
)
const after = fc.oneof(
  fc.integer({ min: 0, max: 300 }),
  fc.integer({ min: 0, max: 5000 }),
  fc.integer({ min: 0, max: 5 * minute })
)
const plans: fc.Arbitrary<Plan> = fc.record({
  copies: fc.constantFrom(1, 1, 2, 3),
  window: fc.constantFrom(1, 2, 5, 32),
  maxUpdates: fc.constantFrom(1, 2, 5, 20, 1024),
  towers: fc.array(kind, { minLength: 1, maxLength: 5 }),
  steps: fc.array(
    fc.tuple(step, after).map(([one, ms]) => ({ ...one, after: ms })),
    { minLength: 1, maxLength: 25 }
  ),
  seed: fc.nat()
})

/** A database whose next calls fail, before or after they were stored. */
const faulty = (db: BackupDb.Service) => {
  let left = 0
  let stores = false
  const failure = new DatabaseUnavailable({ operation: "any", detail: "the world wants it" })
  const wrapped = Object.fromEntries(
    Object.entries(db).map(([name, member]) => [
      name,
      typeof member === "function"
        ? (...args: ReadonlyArray<never>) =>
            Effect.suspend(() => {
              const call = (member as (...args: ReadonlyArray<never>) => Effect.Effect<unknown, unknown>)(...args)
              if (left === 0) return call
              left -= 1
              return stores ? Effect.zipRight(Effect.ignore(call), Effect.fail(failure)) : Effect.fail(failure)
            })
        : member
    ])
  )
  return {
    // The same members with the same types; `fromEntries` does not say so.
    db: wrapped as unknown as BackupDb.Service,
    fail: (calls: number, afterStoring: boolean) => {
      left = calls
      stores = afterStoring
    }
  }
}

const play = (plan: Plan): void => {
  let fail: (calls: number, stores: boolean) => void = () => {}
  run(
    {
      towers: plan.towers.map((name) => kinds[name]()),
      maxUpdates: plan.maxUpdates,
      options: { copies: plan.copies, window: plan.window, pollInterval: Number.POSITIVE_INFINITY },
      time: { seed: plan.seed, yieldEvery: 500 },
      backupDb: (db) => {
        const made = faulty(db)
        fail = made.fail
        return made.db
      }
    },
    (world) =>
      Effect.gen(function* () {
        let process: Process = yield* world.start
        const accepted = new Map<number, number>()
        const forgetful = new Set<TowerModel>()
        const dishonest = new Set<TowerModel>()
        world.towers.forEach((model, at) => {
          if (isLiar(plan.towers[at])) dishonest.add(model)
        })
        const modelOf = (n: number) => world.towers[n % world.towers.length]
        for (const step of plan.steps) {
          yield* Effect.sleep(step.after)
          switch (step.do) {
            case "hand":
              for (let at = 0; at < step.states; at += 1) {
                const height = (accepted.get(step.channel) ?? 0) + 1
                const handed = yield* Effect.exit(process.hand(height, step.channel))
                // What failed is handed in again later, under the same height.
                if (handed._tag === "Success") accepted.set(step.channel, height)
              }
              break
            case "crash":
              yield* process.close
              process = yield* world.start
              break
            case "failingDatabase":
              fail(step.calls, step.stores)
              break
            case "become": {
              const model = modelOf(step.tower)
              if (model !== undefined) become(model, step.kind)
              if (model !== undefined && isLiar(step.kind)) dishonest.add(model)
              break
            }
            case "wipe":
            case "forgetLast": {
              const model = modelOf(step.tower)
              if (model === undefined) break
              forgetful.add(model)
              if (step.do === "wipe") model.sessions = HashMap.empty()
              else forgetLast(model)
              break
            }
            case "remove":
              yield* Effect.ignore(process.candidates.remove(towerKey((step.tower % world.towers.length) + 1)))
              break
            case "add": {
              const n = (step.tower % world.towers.length) + 1
              yield* Effect.ignore(process.candidates.add(towerKey(n), addressOf(n)))
              break
            }
            case "terminate": {
              const sessions = yield* Effect.orDie(world.clientDb.listClientSessions())
              const one = sessions[step.session % Math.max(1, sessions.length)]
              if (one !== undefined) yield* Effect.ignore(process.client.terminateSession(one.id))
              break
            }
            case "wait":
              break
          }
        }
        // At rest: the database works, and enough good towers are there.
        fail(0, false)
        for (const model of world.towers) become(model, "good")
        for (let n = 1; n <= world.towers.length; n += 1)
          yield* Effect.orDie(process.candidates.add(towerKey(n), addressOf(n)))
        yield* settled(world, process, [...accepted.keys()], Math.min(plan.copies, world.towers.length) < plan.copies)
        yield* check(world, process, plan, accepted, forgetful, dishonest)
        yield* process.close
      })
  )
}

/** Waits until nothing is missing, or, with fewer towers than copies, until nothing changes any more. */
const settled = (world: World, process: Process, channels: ReadonlyArray<number>, isShort: boolean) => {
  const missing = Effect.map(
    Effect.forEach(channels, (channel) => Effect.orDie(process.client.channel(channelId(channel)))),
    (summaries) => summaries.reduce((sum, one) => sum + one.missing, 0)
  )
  const wait: Effect.Effect<void> = Effect.flatMap(missing, (left) =>
    left === 0 ? Effect.void : Effect.zipRight(Effect.sleep(minute), wait)
  )
  if (isShort) return Effect.sleep(hour)
  return Effect.orDie(
    within(wait, 3 * hour, () => new Error(`states are missing: ${JSON.stringify(world.events.slice(-8))}`))
  )
}

const check = (
  world: World,
  process: Process,
  plan: Plan,
  accepted: ReadonlyMap<number, number>,
  forgetful: ReadonlySet<TowerModel>,
  dishonest: ReadonlySet<TowerModel>
) =>
  Effect.gen(function* () {
    const towers = world.towers.length
    for (const [channel, last] of accepted) {
      const summary = yield* Effect.orDie(process.client.channel(channelId(channel)))
      expect(summary.handedIn, "B1: each accepted state is kept, complete or listed as lost").toBe(last)
      for (let height = 1; height <= last; height += 1) {
        const record = yield* Effect.orDie(world.db.findState(channelId(channel), CommitHeight.make(height)))
        if (record._tag === "Lost") {
          expect(forgetful.size, "nothing is lost by towers that forget nothing").toBeGreaterThan(0)
          continue
        }
        const holders = world.holders(height, channel)
        // A tower that has forgotten what it had is not known to have lost it until it is asked.
        const maybe = [...forgetful, ...dishonest].length
        expect(holders.length + maybe, `B1, B2: state ${height} of channel ${channel}`).toBeGreaterThanOrEqual(
          Math.min(plan.copies, towers)
        )
      }
    }
    for (const model of world.towers) {
      if (forgetful.has(model) || dishonest.has(model)) continue
      expect(model.refusals, "B4: an honest tower that forgets nothing has no reason to refuse").toEqual([])
    }
    const shownTo = new Map<string, TowerModel>()
    for (const model of world.towers) {
      for (const key of HashMap.keys(model.sessions)) {
        expect(shownTo.get(key), "B8: a key is shown to one tower").toBeUndefined()
        shownTo.set(key, model)
      }
    }
  })

describe("a tower client in random worlds", () => {
  it("gives every accepted state its copies, and honest towers no reason to refuse", async () => {
    const property = fc.asyncProperty(plans, async (plan) => {
      play(plan)
      // Virtual time never waits: without this turn of the event loop the test runner is not heard for minutes.
      await new Promise((resolve) => setImmediate(resolve))
    })
    await fc.assert(property, { numRuns: Number(process.env.WORLDS ?? 20) })
  }, 1_000_000)
})

/**
 * Random worlds of the tower client: towers of every kind, one client or two, that are stopped, killed and paused, a database
 * that fails or is replaced by an older copy, and people who add, remove and terminate. Each world comes to rest in the end: then
 * every accepted state has its copies, and honest towers have never had a reason to refuse. `WORLDS` says how many and `SEED` which; a failing world shrinks, and its seed and path replay it alone.
 */
import { setImmediate } from "node:timers/promises"
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { within } from "../../../../src/layers/concurrency/firstOf.js"
import * as Sessions from "../../../../src/layers/tower/sessions.js"
import type { ChannelId } from "../../../../src/schema/Channel.js"
import { DatabaseUnavailable } from "../../../../src/schema/DbError.js"
import type { HexBytes, Route } from "../../../../src/schema/Ids.js"
import { CommitHeight } from "../../../../src/schema/RevokedState.js"
import type { TowerClientEvent } from "../../../../src/schema/TowerClientEvent.js"
import type { BackupDb } from "../../../../src/services/BackupDb.js"
import type { ClientDb } from "../../../../src/services/ClientDb.js"
import * as Seeded from "../../../seeded.js"
import { addressOf, towerKey } from "../../negotiator/world.js"
import { around } from "./around.js"
import { become, forgetLast, isLiar, type Kind, kinds } from "./kinds.js"
import type { TowerModel } from "./tower.js"
import { channelId, type DatabaseCopy, hour, minute, type Process, run, second, type World } from "./world.js"

type Step =
  | { readonly do: "hand"; readonly states: number; readonly channel: number; readonly process: number }
  | { readonly do: "stop" | "kill"; readonly process: number; readonly route: Route }
  | { readonly do: "pause"; readonly process: number; readonly ms: number }
  | { readonly do: "copyDatabase" | "restoreDatabase" }
  | { readonly do: "failingDatabase"; readonly calls: number; readonly stores: boolean }
  | { readonly do: "become"; readonly tower: number; readonly kind: Kind }
  | { readonly do: "wipe" | "forgetLast" | "remove" | "add"; readonly tower: number }
  | { readonly do: "terminate"; readonly session: number }
  | { readonly do: "wait" }

/** How long the database takes at most before it does what it is asked, and again before it answers. */
interface Slow {
  /** Where only one of its operations is slow: all else can happen while that is under way. */
  readonly operation: keyof BackupDb.Service | keyof ClientDb.Service | undefined
  readonly ms: number
}

/**
 * What happens last: a tower stops taking updates while states are handed in, other towers work again, and the first tower may be removed.
 * The sender looks at all states again when a session ends or stalls, or a tower is added or removed. So a state that it has passed over
 * stays missing only if nothing of that kind happens afterwards.
 */
interface End {
  readonly kind: Kind
  /** How many states are handed in before the others answer and after that, and the milliseconds between them. */
  readonly states: number
  readonly every: number
  readonly isRemoved: boolean
  /** How long after the last state it is removed. */
  readonly after: number
  /** Do only as many others answer as there are copies? */
  readonly isEnough: boolean
}

interface Plan {
  /** How many tower clients are on the database. */
  readonly processes: number
  readonly copies: number
  readonly window: number
  readonly maxUpdates: number
  readonly towers: ReadonlyArray<Kind>
  readonly steps: ReadonlyArray<Step & { readonly after: number }>
  readonly moveAfter: number
  readonly slow: Slow
  readonly end: End
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
      channel: fc.integer({ min: 1, max: 3 }),
      process: fc.nat(1)
    })
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom("stop" as const, "kill" as const),
      process: fc.nat(1),
      route: fc.constantFrom<Route>("clear", "clear", "clear", "tor")
    })
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("pause" as const),
      process: fc.nat(1),
      // Some shorter than the lease, some longer.
      ms: fc.integer({ min: 0, max: 2 * minute })
    })
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom("copyDatabase" as const, "restoreDatabase" as const) })
  },
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
  processes: fc.constantFrom(1, 1, 2),
  copies: fc.constantFrom(1, 1, 2, 3),
  window: fc.constantFrom(1, 2, 5, 32),
  maxUpdates: fc.constantFrom(1, 2, 5, 20, 1024),
  towers: fc.array(kind, { minLength: 1, maxLength: 5 }),
  steps: fc.array(
    fc.tuple(step, after).map(([one, ms]) => ({ ...one, after: ms })),
    { minLength: 1, maxLength: 25 }
  ),
  moveAfter: fc.constantFrom(2 * second, 10 * second, minute),
  slow: fc.oneof(
    { weight: 1, arbitrary: fc.record({ operation: fc.constant(undefined), ms: fc.constantFrom(0, 5, 50, 500) }) },
    {
      weight: 2,
      arbitrary: fc.record({
        operation: fc.constantFrom<Slow["operation"]>(
          ...Array.from({ length: 6 }, () => "nextWindow" as const),
          "towerNeeds",
          "listSending",
          "endSession",
          "noteFailure",
          "addBackup",
          "createClientSession",
          "removeTower"
        ),
        ms: fc.constantFrom(500, 5000, 5000)
      })
    }
  ),
  end: fc.record({
    kind: fc.constantFrom("mute", "hangingUp", "hangingUp", "failing40", "slow"),
    states: fc.integer({ min: 1, max: 6 }),
    every: fc.constantFrom(20, 200, 1000),
    isRemoved: fc.boolean(),
    after: fc.oneof(fc.integer({ min: 0, max: 3 * second }), fc.integer({ min: 0, max: 15 * second })),
    isEnough: fc.constantFrom(true, true, true, false)
  }),
  seed: fc.nat()
})

/** A database that takes its time: what is asked at the same time is done in any order, and an answer tells of what was. */
const slow = ({ seed, slow: { ms, operation } }: Plan) => {
  const random = Seeded.make(seed)
  const wait = Effect.suspend(() => Effect.sleep(random() * ms))
  return <Service extends object>(db: Service): Service =>
    ms === 0
      ? db
      : around(db, (name, call) =>
          operation === undefined || name === operation
            ? Effect.uninterruptible(Effect.zipRight(wait, Effect.zipLeft(call, wait)))
            : call
        )
}

/** A database whose next calls fail, before or after they were stored. */
const faulty = (db: BackupDb.Service) => {
  let left = 0
  let stores = false
  const failure = new DatabaseUnavailable({ operation: "any", detail: "the world wants it" })
  return {
    db: around(db, (_, call) =>
      Effect.suspend(() => {
        if (left === 0) return call
        left -= 1
        return stores ? Effect.zipRight(Effect.ignore(call), Effect.fail(failure)) : Effect.fail(failure)
      })
    ),
    fail: (calls: number, afterStoring: boolean) => {
      left = calls
      stores = afterStoring
    }
  }
}

const stateKey = (id: ChannelId, height: number): string => `${id}/${height}`

/** Compares what counts as confirmed with what the tower has, in the step in which it begins to count. */
const watchCopies = (isTrusted: (model: TowerModel) => boolean) => {
  /** The bytes of each state in the database, as they were bound last. */
  const stored = new Map<string, HexBytes>()
  return {
    db: (db: BackupDb.Service): BackupDb.Service => ({
      ...db,
      nextWindow: (...args) =>
        Effect.tap(db.nextWindow(...args), (updates) =>
          Effect.sync(() => {
            for (const { channelId, commitHeight, encryptedBlob } of updates)
              stored.set(stateKey(channelId, commitHeight), encryptedBlob)
          })
        )
    }),
    check: ({ happening }: TowerClientEvent, towers: ReadonlyArray<TowerModel>) => {
      if (happening._tag !== "CopyMade") return
      const { channelId, commitHeight, seqNum, session, towerId } = happening
      const model = towers[towerId - 1]
      if (model === undefined || !isTrusted(model)) return
      const update = Sessions.updatesOf(model.sessions, session).find((one) => one.seqNum === seqNum)
      expect(update?.encryptedBlob, "B2: what counts as confirmed are the stored bytes").toBe(
        stored.get(stateKey(channelId, commitHeight))
      )
    }
  }
}

const play = (plan: Plan): void => {
  let fail: (calls: number, stores: boolean) => void = () => {}
  const forgetful = new Set<TowerModel>()
  const dishonest = new Set<TowerModel>()
  const copies = watchCopies((model) => !forgetful.has(model) && !dishonest.has(model))
  const events: Array<TowerClientEvent> = []
  let towers: ReadonlyArray<TowerModel> = []
  const slowly = slow(plan)
  const isAlone = plan.processes === 1
  run(
    {
      towers: plan.towers.map((name) => kinds[name]()),
      maxUpdates: plan.maxUpdates,
      options: {
        copies: plan.copies,
        window: plan.window,
        moveAfter: plan.moveAfter,
        pollInterval: isAlone ? Number.POSITIVE_INFINITY : 5 * second
      },
      time: { seed: plan.seed, yieldEvery: 500 },
      backupDb: (db) => {
        const made = faulty(copies.db(slowly(db)))
        fail = made.fail
        return made.db
      },
      clientDb: slowly,
      isRestorable: plan.steps.some((step) => step.do === "restoreDatabase"),
      onEvent: (event) => {
        events.push(event)
        copies.check(event, towers)
      },
      ...(isAlone ? {} : { towersPollInterval: 5 * second })
    },
    (world) =>
      Effect.gen(function* () {
        towers = world.towers
        const startAll = Effect.forEach(Array.from({ length: plan.processes }), () => world.start)
        let processes: Array<Process> = yield* startAll
        let copy: DatabaseCopy = yield* world.copyDatabase
        let isRestored = false
        const accepted = new Map<number, number>()
        world.towers.forEach((model, at) => {
          if (isLiar(plan.towers[at])) dishonest.add(model)
        })
        const modelOf = (n: number) => world.towers[n % world.towers.length]
        const processOf = (n: number): Effect.Effect<Process> => {
          const process = processes[n % processes.length]
          return process === undefined ? Effect.dieMessage("no process") : Effect.succeed(process)
        }
        const handIn = (process: Process, channel: number, states: number, every = 0) =>
          Effect.gen(function* () {
            for (let at = 0; at < states; at += 1) {
              if (at > 0 && every > 0) yield* Effect.sleep(every)
              const height = (accepted.get(channel) ?? 0) + 1
              const handed = yield* Effect.exit(process.hand(height, channel))
              // What failed is handed in again later, under the same height.
              if (handed._tag === "Success") accepted.set(channel, height)
            }
          })
        for (const step of plan.steps) {
          yield* Effect.sleep(step.after)
          switch (step.do) {
            case "hand":
              yield* handIn(yield* processOf(step.process), step.channel, step.states)
              break
            case "stop":
            case "kill": {
              const process = yield* processOf(step.process)
              yield* step.do === "stop" ? process.close : process.kill
              processes = processes.filter((one) => one !== process)
              processes.push(yield* step.route === "tor" ? world.startThroughTor : world.start)
              break
            }
            case "pause":
              yield* (yield* processOf(step.process)).pause(step.ms)
              break
            case "copyDatabase":
              copy = yield* world.copyDatabase
              break
            case "restoreDatabase": {
              yield* Effect.forEach(processes, ({ kill }) => kill)
              yield* world.restoreDatabase(copy)
              isRestored = true
              processes = yield* startAll
              // The node knows what it has handed in, and hands in again what the copy does not know.
              for (const [channel, last] of [...accepted]) {
                const known = yield* handedIn(world, channel)
                if (known === 0) accepted.delete(channel)
                else accepted.set(channel, known)
                yield* handIn(yield* processOf(0), channel, last - known)
              }
              break
            }
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
            case "remove": {
              const { candidates } = yield* processOf(0)
              yield* Effect.ignore(candidates.remove(towerKey((step.tower % world.towers.length) + 1)))
              break
            }
            case "add": {
              const n = (step.tower % world.towers.length) + 1
              const { candidates } = yield* processOf(0)
              yield* Effect.ignore(candidates.add(towerKey(n), addressOf(n)))
              break
            }
            case "terminate": {
              const sessions = yield* Effect.orDie(world.clientDb.listClientSessions())
              const one = sessions[step.session % Math.max(1, sessions.length)]
              const { client } = yield* processOf(0)
              if (one !== undefined) yield* Effect.ignore(client.terminateSession(one.id))
              break
            }
            case "wait":
              break
          }
        }
        // At rest: the database works, and enough good towers are there.
        fail(0, false)
        for (const model of world.towers) become(model, "good")
        const process = yield* processOf(0)
        // As long as processes of both routes take turns, what one has bound stays with it.
        for (const one of processes) if (one.route !== process.route) yield* one.close
        processes = processes.filter(({ route }) => route === process.route)
        for (const n of yield* missingTowers(plan, process)) {
          yield* Effect.orDie(process.candidates.add(towerKey(n), addressOf(n)))
        }
        const comeToRest = Effect.suspend(() =>
          settled(events, process, [...accepted.keys()], world.towers.length < plan.copies)
        )
        yield* giveUpOtherRoute(world, process, plan)
        yield* comeToRest
        const listed = yield* process.candidates.list
        const bad = listed[plan.seed % listed.length]
        if (bad !== undefined && listed.length > plan.copies) {
          const { after, every, isEnough, isRemoved, kind, states } = plan.end
          const change = (id: number, to: Kind) => {
            const model = modelOf(id - 1)
            if (model !== undefined) become(model, to)
          }
          const others = listed.filter((one) => one !== bad)
          for (const { id } of others) change(id, "refusingDials")
          change(bad.id, kind)
          yield* handIn(process, 1, states, every)
          for (const { id } of isEnough ? others.slice(0, plan.copies) : others) change(id, "good")
          yield* handIn(process, 1, states, every)
          yield* Effect.sleep(after)
          if (isRemoved) yield* Effect.orDie(process.candidates.remove(bad.publicKey))
          yield* giveUpOtherRoute(world, process, plan)
          yield* comeToRest
        }
        yield* check(world, process, plan, { accepted, forgetful, dishonest, isRestored })
        yield* Effect.forEach(processes, ({ close }) => close)
      })
  )
}

/**
 * The towers that have to be added, by number, so that all states get their copies. No others are added: each addition makes the sender
 * look at all states again, and find those that it had passed over. A tower that refuses for good is asked again when it is added again.
 */
const missingTowers = ({ copies, steps, towers }: Plan, { candidates }: Process) =>
  Effect.map(candidates.list, (listed) => {
    const kinds = [...towers, ...steps.flatMap((step) => (step.do === "become" ? [step.kind] : []))]
    return listed.length >= copies && !kinds.some(isLiar) ? [] : towers.map((_, at) => at + 1)
  })

/**
 * Where no tower is to spare each of them is needed. One that may have a state by a session of the other route does not get it on this
 * one, until that session is given up.
 */
const giveUpOtherRoute = (world: World, { candidates, client, route }: Process, { copies }: Plan) =>
  Effect.gen(function* () {
    const all = yield* world.db.listSending(route === "clear" ? "tor" : "clear", { limit: 1000 })
    const bound = all.filter(({ session: { seqNum, towerLastApplied } }) => seqNum > towerLastApplied)
    const { length } = yield* candidates.list
    if (length - new Set(bound.map(({ session }) => session.towerId)).size >= copies) return
    for (const { session } of bound) yield* client.terminateSession(session.id)
  }).pipe(Effect.orDie)

/** Up to which height the database knows the states of a channel. */
const handedIn = ({ db }: World, channel: number) =>
  Effect.map(Effect.option(db.summarize(channelId(channel))), (found) =>
    found._tag === "Some" ? found.value.handedIn : 0
  )

/** Waits until nothing is missing, or, with fewer towers than copies, until nothing changes any more. */
const settled = (
  events: ReadonlyArray<TowerClientEvent>,
  process: Process,
  channels: ReadonlyArray<number>,
  isShort: boolean
) => {
  const missing = Effect.map(
    Effect.forEach(channels, (channel) => Effect.orDie(process.client.channel(channelId(channel)))),
    (summaries) => summaries.reduce((sum, one) => sum + one.missing, 0)
  )
  const wait: Effect.Effect<void> = Effect.flatMap(missing, (left) =>
    left === 0 ? Effect.void : Effect.zipRight(Effect.sleep(minute), wait)
  )
  if (isShort) return Effect.sleep(hour)
  return Effect.orDie(
    within(wait, 3 * hour, () => new Error(`states are missing: ${JSON.stringify(events.slice(-8))}`))
  )
}

/** What the end of a world is judged by. */
interface History {
  /** The last state of each channel that was accepted. */
  readonly accepted: ReadonlyMap<number, number>
  readonly forgetful: ReadonlySet<TowerModel>
  readonly dishonest: ReadonlySet<TowerModel>
  /** An older copy of the database was put back. */
  readonly isRestored: boolean
}

const check = (world: World, process: Process, plan: Plan, { accepted, dishonest, forgetful, isRestored }: History) =>
  Effect.gen(function* () {
    const towers = world.towers.length
    for (const [channel, last] of accepted) {
      const summary = yield* Effect.orDie(process.client.channel(channelId(channel)))
      expect(summary.handedIn, "B1: each accepted state is kept, complete or listed as lost").toBeGreaterThanOrEqual(
        last
      )
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
      if (isRestored || forgetful.has(model) || dishonest.has(model)) continue
      expect(model.refusals, "B4: an honest tower that forgets nothing has no reason to refuse").toEqual([])
    }
    for (const { routes } of world.towers) {
      for (const [key, { size }] of routes) expect(size, `B8: the routes on which ${key} was shown`).toBe(1)
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
  it("B1, B2, B4, B8: gives every accepted state its copies, honest towers no reason to refuse, and no key to two towers", async () => {
    const property = fc.asyncProperty(plans, async (plan) => {
      play(plan)
      // Virtual time never waits: without this turn of the event loop the test runner is not heard for minutes.
      await setImmediate()
    })
    await fc.assert(property, { numRuns: Number(process.env.WORLDS ?? 20), seed: Number(process.env.SEED ?? 1) })
  }, 10_000_000)
})

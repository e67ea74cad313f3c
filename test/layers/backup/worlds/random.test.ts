/**
 * Random worlds of the tower client: towers of every kind, that move, forget and change; one client or two, that are stopped, killed and
 * paused, and started again with another route, policy, window or number of copies; a database that fails or is replaced by an older copy;
 * a clock that is set; and people who add, remove, deactivate and terminate, and wait for copies. Each world comes to rest in the end:
 * then every accepted state has its copies, honest towers have never had a reason to refuse, everybody who waits is answered, and the
 * status shows nothing that goes on. `WORLDS` says how many and `SEED` which; a failing world shrinks, and its seed and path replay it
 * alone.
 */
import { setImmediate } from "node:timers/promises"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as HashMap from "effect/HashMap"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { within } from "../../../../src/layers/concurrency/firstOf.js"
import * as Sessions from "../../../../src/layers/tower/sessions.js"
import { DatabaseUnavailable } from "../../../../src/schema/DbError.js"
import type { HexBytes } from "../../../../src/schema/Ids.js"
import { CommitHeight } from "../../../../src/schema/RevokedState.js"
import type { TowerClientEvent } from "../../../../src/schema/TowerClientEvent.js"
import type { BackupDb } from "../../../../src/services/BackupDb.js"
import * as Seeded from "../../../seeded.js"
import { addressOf, towerKey } from "../../negotiator/world.js"
import { around } from "./around.js"
import { become, forgetLast, isLiar, type Kind, kinds } from "./kinds.js"
import { checkCopies, checkRest, stateKey, type Waiter } from "./randomEnd.js"
import { mostCopies, type Plan, plans } from "./randomPlan.js"
import type { TowerModel } from "./tower.js"
import { channelId, type DatabaseCopy, hour, minute, type Process, run, second, type World } from "./world.js"

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
  const options = {
    copies: plan.copies,
    window: plan.window,
    moveAfter: plan.moveAfter,
    pollInterval: isAlone ? Number.POSITIVE_INFINITY : 5 * second
  }
  run(
    {
      towers: plan.towers.map((name) => kinds[name]()),
      maxUpdates: plan.maxUpdates,
      options,
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
    (world, time) =>
      Effect.gen(function* () {
        towers = world.towers
        const startAll = Effect.forEach(Array.from({ length: plan.processes }), () => world.start)
        let processes: Array<Process> = yield* startAll
        let copy: DatabaseCopy = yield* world.copyDatabase
        let isRestored = false
        const accepted = new Map<number, number>()
        /** The fewest copies with which each state was handed in: one that is kept keeps what it was stored with. */
        const wanted = new Map<string, number>()
        let moves = 0
        /** Callers that wait for the copies of what they have handed in; they end with their process. */
        let waiters: Array<Waiter> = []
        const leave = (gone: (process: Process) => boolean) =>
          Effect.gen(function* () {
            yield* Effect.forEach(waiters, ({ fiber, process }) =>
              gone(process) ? Fiber.interrupt(fiber) : Effect.void
            )
            waiters = waiters.filter(({ process }) => !gone(process))
          })
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
              const key = stateKey(channelId(channel), height)
              wanted.set(key, Math.min(process.copies, wanted.get(key) ?? process.copies))
              const handed = yield* Effect.exit(process.hand(height, channel))
              // What failed is handed in again later, under the same height.
              if (handed._tag === "Success") accepted.set(channel, height)
            }
          })
        const handInAndWait = (process: Process, channel: number, states: number) =>
          Effect.gen(function* () {
            yield* handIn(process, channel, states)
            const height = accepted.get(channel)
            if (height === undefined) return []
            const waiting = process.client.awaitBackup(channelId(channel), CommitHeight.make(height))
            return [{ process, fiber: yield* Effect.fork(Effect.exit(waiting)) }]
          })
        for (const step of plan.steps) {
          yield* Effect.sleep(step.after)
          switch (step.do) {
            case "hand":
              waiters.push(...(yield* handInAndWait(yield* processOf(step.process), step.channel, step.states)))
              break
            case "stop":
            case "kill": {
              const process = yield* processOf(step.process)
              yield* step.do === "stop" ? process.close : process.kill
              processes = processes.filter((one) => one !== process)
              yield* leave((one) => one === process)
              const { copies = plan.copies, window = plan.window } = step.other
              const hasOtherFees = isAlone && step.other.hasOtherFees
              const other = { route: step.route, hasOtherFees, options: { ...options, copies, window } }
              processes.push(yield* world.startWith(other))
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
              yield* leave(() => true)
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
            case "deactivate": {
              const { client } = yield* processOf(0)
              yield* Effect.ignore(client.deactivateTower(towerKey((step.tower % world.towers.length) + 1)))
              break
            }
            case "move": {
              const n = (step.tower % world.towers.length) + 1
              const { candidates } = yield* processOf(0)
              const model = modelOf(step.tower)
              if (model === undefined) break
              const [before, now] = [model.address ?? addressOf(n), addressOf(n, ++moves + 1)]
              model.address = now
              if (step.adds) yield* Effect.ignore(candidates.add(towerKey(n), now))
              if (step.removes) yield* Effect.ignore(candidates.remove(towerKey(n), before))
              break
            }
            case "setClock":
              // Not before the first instant.
              time.jump(Math.max(step.ms, -time.now()))
              break
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
        for (const model of world.towers) {
          become(model, "good")
          // It answers at each address that is known of it.
          model.address = undefined
        }
        let process = yield* processOf(0)
        // As long as processes of both routes take turns, what one has bound stays with it.
        for (const one of processes) if (one.route !== process.route) yield* one.close
        processes = processes.filter(({ route }) => route === process.route)
        yield* leave((one) => !processes.includes(one))
        for (const n of yield* missingTowers(plan, process)) {
          yield* Effect.orDie(process.candidates.add(towerKey(n), addressOf(n)))
        }
        const comeToRest = Effect.suspend(() =>
          Effect.zipRight(
            giveUpOtherRoute(world, process, plan),
            settled(world, events, process, [...accepted.keys()], world.towers.length < mostCopies(plan))
          )
        )
        yield* comeToRest
        if ((yield* missing(world, accepted.keys())).some(({ policyKey }) => !process.policies.includes(policyKey))) {
          // What was handed in under another policy waits for a client that has it.
          yield* process.close
          yield* leave(() => true)
          process = yield* world.startWith({ route: process.route, hasOtherFees: !process.hasOtherFees })
          processes = [process]
          yield* comeToRest
        }
        const listed = yield* process.candidates.list
        const bad = listed[plan.seed % listed.length]
        if (bad !== undefined && listed.length > mostCopies(plan)) {
          const { after, every, isEnough, isRemoved, kind, states } = plan.end
          const change = (id: number, to: Kind) => {
            const model = modelOf(id - 1)
            if (model !== undefined) become(model, to)
          }
          const others = listed.filter((one) => one !== bad)
          for (const { id } of others) change(id, "refusingDials")
          change(bad.id, kind)
          yield* handIn(process, 1, states, every)
          for (const { id } of isEnough ? others.slice(0, mostCopies(plan)) : others) change(id, "good")
          yield* handIn(process, 1, states, every)
          yield* Effect.sleep(after)
          if (isRemoved) yield* Effect.orDie(process.candidates.remove(bad.publicKey))
          yield* comeToRest
        }
        for (const model of world.towers) become(model, "good")
        if (world.towers.length >= mostCopies(plan)) yield* checkRest(plan, processes, [...accepted.keys()], waiters)
        yield* checkCopies(world, process, plan, { accepted, wanted, forgetful, dishonest, isRestored })
        yield* Effect.forEach(processes, ({ close }) => close)
      })
  )
}

/**
 * The towers that have to be added, by number, so that all states get their copies. No others are added: each addition makes the sender
 * look at all states again, and find those that it had passed over. A tower that refuses for good is asked again when it is added again.
 */
const missingTowers = (plan: Plan, { candidates }: Process) =>
  Effect.map(candidates.list, (listed) => {
    const { steps, towers } = plan
    const kinds = [...towers, ...steps.flatMap((step) => (step.do === "become" ? [step.kind] : []))]
    return listed.length >= mostCopies(plan) && !kinds.some(isLiar) ? [] : towers.map((_, at) => at + 1)
  })

/**
 * Where no tower is to spare each of them is needed. One that may have a state by a session of the other route does not get it on this
 * one, until that session is given up.
 */
const giveUpOtherRoute = (world: World, { candidates, client, route }: Process, plan: Plan) =>
  Effect.gen(function* () {
    const all = yield* world.db.listSending(route === "clear" ? "tor" : "clear", { limit: 1000 })
    const bound = all.filter(({ session: { seqNum, towerLastApplied } }) => seqNum > towerLastApplied)
    const { length } = yield* candidates.list
    if (length - new Set(bound.map(({ session }) => session.towerId)).size >= mostCopies(plan)) return
    for (const { session } of bound) yield* client.terminateSession(session.id)
  }).pipe(Effect.orDie)

/** Up to which height the database knows the states of a channel. */
const handedIn = ({ db }: World, channel: number) =>
  Effect.map(Effect.option(db.summarize(channelId(channel))), (found) =>
    found._tag === "Some" ? found.value.handedIn : 0
  )

/** How many states miss copies, of each channel and policy. */
const missing = ({ db }: World, channels: Iterable<number>) =>
  Effect.orDie(
    Effect.map(
      Effect.forEach(channels, (channel) => db.missing(channelId(channel))),
      (each) => each.flat()
    )
  )

/** Waits until nothing of its policies is missing, or, with fewer towers than copies, until nothing changes any more. */
const settled = (
  world: World,
  events: ReadonlyArray<TowerClientEvent>,
  { policies }: Process,
  channels: Iterable<number>,
  isShort: boolean
) => {
  const wait: Effect.Effect<void> = Effect.flatMap(missing(world, channels), (left) =>
    left.some(({ policyKey }) => policies.includes(policyKey))
      ? Effect.zipRight(Effect.sleep(minute), wait)
      : Effect.void
  )
  if (isShort) return Effect.sleep(hour)
  return Effect.orDie(
    within(wait, 3 * hour, () => new Error(`states are missing: ${JSON.stringify(events.slice(-8))}`))
  )
}

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

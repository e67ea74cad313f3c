/** What a random world of the tower client is judged by when all has come to rest. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import { expect } from "vitest"
import type { ChannelId } from "../../../../src/schema/Channel.js"
import { CommitHeight } from "../../../../src/schema/RevokedState.js"
import type { Plan } from "./randomPlan.js"
import type { TowerModel } from "./tower.js"
import { channelId, hour, type Process, type World } from "./world.js"

export const stateKey = (id: ChannelId, height: number): string => `${id}/${height}`

/** A caller that waits for the copies of a state. */
export interface Waiter {
  readonly process: Process
  readonly fiber: Fiber.RuntimeFiber<Exit.Exit<void, unknown>>
}

/** What people see of a client that has nothing left to do. */
export const checkRest = (
  plan: Plan,
  processes: ReadonlyArray<Process>,
  channels: ReadonlyArray<number>,
  waiters: ReadonlyArray<Waiter>
) =>
  Effect.gen(function* () {
    // Also what was bound to towers that had failed is sent.
    yield* Effect.sleep(3 * hour)
    // What was to be over at an instant looks longer where the clock was set back meanwhile.
    const isSetBack = plan.steps.some((step) => step.do === "setClock" && step.ms < 0)
    const now = isSetBack ? Number.POSITIVE_INFINITY : yield* Clock.currentTimeMillis
    for (const { fiber } of waiters) {
      expect(Option.isSome(yield* Fiber.poll(fiber)), "who waits for copies that are made is answered").toBe(true)
    }
    const roles: Array<string> = []
    for (const { client } of processes) {
      const { databaseFailure, role, sessions, wanted } = yield* client.status
      roles.push(role)
      // One that failed when it had nothing to send any more is not tried again.
      const busy = sessions.filter(({ activity }) => activity._tag !== "Resting" || activity.until > now)
      expect(busy, "no session has anything to do").toEqual([])
      expect(wanted, "no session is asked for").toEqual([])
      expect((databaseFailure?.until ?? now) <= now, "the database answers").toBe(true)
      for (const channel of channels) {
        // Copies of another policy may be lost while it is not this client's turn to make new ones.
        const waiting = (yield* Effect.orDie(client.waiting(channelId(channel)))).filter(({ reasons: [{ _tag }] }) => {
          return _tag !== "OtherPolicy"
        })
        expect(waiting, "nothing is waited for").toEqual([])
      }
    }
    expect(
      roles.filter((role) => role === "sender"),
      "one process sends"
    ).toHaveLength(1)
  })

/** What the end of a world is judged by. */
export interface History {
  /** The last state of each channel that was accepted. */
  readonly accepted: ReadonlyMap<number, number>
  /** How many copies each state is to have. */
  readonly wanted: ReadonlyMap<string, number>
  readonly forgetful: ReadonlySet<TowerModel>
  readonly dishonest: ReadonlySet<TowerModel>
  /** The database was restored from an older copy. */
  readonly isRestored: boolean
}

export const checkCopies = (
  world: World,
  process: Process,
  plan: Plan,
  { accepted, dishonest, forgetful, isRestored, wanted }: History
) =>
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
          Math.min(wanted.get(stateKey(channelId(channel), height)) ?? plan.copies, towers)
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

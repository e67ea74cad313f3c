/** The events of a negotiator, and the status that is folded over them (docs/negotiation.md, Status and events). */
import { describe, expect, it } from "@effect/vitest"
import { Chunk, Effect, Fiber, Stream } from "effect"
import * as Status from "../../../src/layers/negotiator/status.js"
import * as TowerScript from "../../../src/layers/testing/TowerScript.js"
import type { NegotiatorStatus } from "../../../src/schema/NegotiatorStatus.js"
import { always, good, inTurn, sleepUntil } from "./scenes.js"
import { addressOf, hour, run, second, towerKey, type World, type WorldOptions } from "./world.js"

const dead = always(TowerScript.failsAt("dial"))
const silent = always(TowerScript.silentAt("init"))

describe("status and events", () => {
  /** A lively hour: failures, hedging, quarantine, news, withdrawn requests. */
  const lively: WorldOptions = {
    towers: [
      inTurn(
        TowerScript.silentAt("init"),
        TowerScript.replies(40),
        TowerScript.ok,
        TowerScript.failsAt("dial"),
        TowerScript.ok
      ),
      inTurn(TowerScript.replies(60, 2), TowerScript.ok, TowerScript.replies(64)),
      { ...inTurn(TowerScript.failsAt("reply"), TowerScript.ok), later: true }
    ]
  }
  const live = (world: World) =>
    Effect.gen(function* () {
      yield* Effect.timeoutOption(world.negotiator.nextSession, 300)
      yield* world.negotiator.nextSession
      yield* Effect.sleep(20 * second)
      yield* world.negotiator.nextSession
      yield* world.add(3)
      yield* Effect.ignore(world.negotiator.negotiate)
      for (let i = 0; i < 10; i++) {
        yield* world.negotiator.nextSession
        yield* Effect.sleep(5 * second)
      }
      yield* world.remove(3)
      yield* Effect.timeoutOption(world.negotiator.nextSession, 100 * second)
      yield* Effect.ignore(world.negotiator.negotiate)
    })

  it("events are numbered from 1 without gaps, at instants that never go back", () => {
    run(lively, (world) =>
      Effect.gen(function* () {
        yield* live(world)
        expect(world.events.map(({ number }) => number)).toEqual(world.events.map((_, i) => i + 1))
        expect(world.events.map(({ at }) => at)).toEqual(world.events.map(({ at }) => at).sort((a, b) => a - b))
        expect(world.events.length).toBeGreaterThan(300)
      })
    )
  })

  it("the status is the fold of the events at every moment", () => {
    let world: World | undefined
    let fold = Status.initial
    let compared = 0
    const listen: NonNullable<WorldOptions["listen"]> = (event) => {
      fold = Status.after(fold, event)
      if (world === undefined) return
      expect(Effect.runSync(world.negotiator.status)).toEqual(fold.status)
      compared += 1
    }
    run({ ...lively, listen }, (made) => {
      world = made
      return live(made)
    })
    expect(compared).toBeGreaterThan(300)
  })

  it("the stream of events begins at its subscription and misses nothing; it ends with the negotiator", () => {
    run(lively, (world) =>
      Effect.scoped(
        Effect.gen(function* () {
          yield* world.negotiator.nextSession
          yield* Effect.sleep(1)
          const before = world.events.length
          const reader = yield* Effect.fork(Stream.runCollect(yield* world.negotiator.events))
          yield* live(world)
          yield* world.close
          const read = Chunk.toReadonlyArray(yield* Fiber.join(reader))
          const written = world.events.slice(before)
          expect(read.map(({ number }) => number)).toEqual(written.map(({ number }) => number))
          expect(read.every((event, i) => event === written[i])).toBe(true)
        })
      )
    )
  })

  it("events and statusChanges are subscribed when their effects return: fork, request, and nothing is missed", () => {
    run({ towers: [good()] }, (world) =>
      Effect.scoped(
        Effect.gen(function* () {
          const events = yield* Effect.fork(Stream.runCollect(Stream.take(yield* world.negotiator.events, 2)))
          const statuses = yield* Effect.fork(Stream.runCollect(Stream.take(yield* world.negotiator.statusChanges, 3)))
          yield* world.negotiator.requestSession
          const numbers = Chunk.toReadonlyArray(yield* Fiber.join(events)).map(({ number }) => number)
          const first = world.events.length === 0 ? 1 : numbers[0]
          expect(numbers).toEqual([first, (first ?? 0) + 1])
          expect(world.events.slice((first ?? 1) - 1, first).map(({ happening }) => happening._tag)).toEqual(["Demand"])
          expect(Chunk.toReadonlyArray(yield* Fiber.join(statuses)).map(({ state }) => state._tag)).toEqual([
            "Idle",
            "Idle",
            "Negotiating"
          ])
        })
      )
    )
  })

  it("a reader who does not read loses the oldest events, and the numbers show it", () => {
    run({ towers: [good()] }, (world) =>
      Effect.scoped(
        Effect.gen(function* () {
          const seen: Array<number> = []
          const events = yield* world.negotiator.events
          const reader = yield* events.pipe(
            Stream.rechunk(1),
            Stream.runForEach(({ number }) =>
              Effect.map(Effect.sleep(seen.length === 0 ? hour : 0), () => seen.push(number))
            ),
            Effect.fork
          )
          for (let i = 0; i < 400; i++) yield* world.negotiator.nextSession
          yield* Effect.sleep(1)
          const last = world.events.length
          yield* world.close
          yield* Fiber.join(reader)
          expect(last).toBeGreaterThan(5000)
          expect(seen.at(-1)).toBe(last)
          const gaps = seen.filter((number, i) => i > 0 && number !== (seen[i - 1] ?? 0) + 1)
          expect(gaps).toEqual([last - 4095])
        })
      )
    )
  })

  it("statusChanges begins with the status now and ends with the last one", () => {
    run({ towers: [inTurn(TowerScript.failsAt("dial"), TowerScript.ok)] }, (world) =>
      Effect.scoped(
        Effect.gen(function* () {
          yield* world.negotiator.requestSession
          yield* sleepUntil(second)
          const statuses = yield* world.negotiator.statusChanges
          const reader = yield* Effect.fork(Stream.runCollect(statuses))
          yield* sleepUntil(2 * second)
          yield* world.negotiator.takeSession
          yield* Effect.sleep(second)
          yield* world.close
          const changes: ReadonlyArray<NegotiatorStatus> = Chunk.toReadonlyArray(yield* Fiber.join(reader))
          expect(changes[0]).toMatchObject({ pending: 1, state: { _tag: "BackingOff", until: 10_000 } })
          expect(changes.at(-1)).toEqual({ pending: 0, undelivered: 0, state: { _tag: "Idle" } })
          const tags = changes.map(({ state }) => state._tag)
          expect(tags.filter((tag, i) => tag !== tags[i - 1])).toEqual([
            "BackingOff",
            "Negotiating",
            "Delivering",
            "Idle"
          ])
        })
      )
    )
  })

  it("statusChanges does not repeat an equal status", () => {
    run({ towers: [dead, good(50)] }, (world) =>
      Effect.scoped(
        Effect.gen(function* () {
          const statuses = yield* world.negotiator.statusChanges
          const reader = yield* Effect.fork(Stream.runCollect(statuses))
          for (let i = 0; i < 3; i++) {
            yield* world.negotiator.nextSession
            yield* Effect.exit(world.negotiator.negotiate)
          }
          yield* Effect.sleep(second)
          yield* world.close
          const all = Chunk.toReadonlyArray(yield* Fiber.join(reader)).map((status) => JSON.stringify(status))
          expect(all.length).toBeGreaterThan(20)
          expect(all.filter((status, i) => status === all[i - 1])).toEqual([])
        })
      )
    )
  })

  it("the status tells each visit's step, address, since when, and until when it may last", () => {
    run({ towers: [silent, always({ delays: { dial: 700, reply: 5000 } })] }, (world) =>
      Effect.gen(function* () {
        expect((yield* world.negotiator.status).state).toEqual({ _tag: "Idle" })
        yield* world.negotiator.requestSession
        yield* sleepUntil(1500)
        const first = { towerId: 1, tower: towerKey(1), address: addressOf(1), since: 0, deadline: 90_000 }
        const other = { towerId: 2, tower: towerKey(2), address: addressOf(2), deadline: 91_000 }
        expect((yield* world.negotiator.status).state).toEqual({
          _tag: "Negotiating",
          attempts: [
            { ...first, step: "receivingInit" },
            { ...other, step: "dialling", since: 1000 }
          ]
        })
        yield* sleepUntil(2000)
        expect((yield* world.negotiator.status).state).toMatchObject({
          attempts: [
            { ...first, step: "receivingInit" },
            { ...other, step: "receivingReply", since: 1700 }
          ]
        })
      })
    )
  })
})

/** Requests, and the callers that take sessions (docs/negotiation.md, Requests and takers). */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import * as TowerScript from "../../../src/layers/testing/TowerScript.js"
import type { ClientSession } from "../../../src/schema/ClientSession.js"
import { always, good, now, rounds, scene, sleepUntil, stored } from "./scenes.js"
import { hour, second, those } from "./world.js"

const dead = always(TowerScript.failsAt("dial"))
const silent = always(TowerScript.silentAt("init"))

describe("requestSession", () => {
  for (const [maxPending, count, expected] of [
    [1, 1, 1],
    [1, 5, 1],
    [3, 2, 2],
    [3, 5, 3]
  ] as const) {
    it(`${count} at once with maxPending ${maxPending}: ${expected} sessions`, () => {
      scene({ towers: [good()], options: { maxPending } }, ({ events, negotiator }) =>
        Effect.gen(function* () {
          yield* Effect.replicateEffect(negotiator.requestSession, count)
          expect(yield* negotiator.status).toMatchObject({ pending: expected, undelivered: 0 })
          yield* Effect.fork(Stream.runDrain(negotiator.newSessions))
          yield* Effect.sleep(hour)
          expect(those(events, "SessionDelivered").length).toBe(expected)
          expect(yield* negotiator.status).toEqual({ pending: 0, undelivered: 0, state: { _tag: "Idle" } })
        })
      )
    })
  }

  it("merges while a round goes on and while a session waits; counts again once it is taken", () => {
    scene({ towers: [good(100)] }, ({ negotiator, transport }) =>
      Effect.gen(function* () {
        yield* negotiator.requestSession
        yield* sleepUntil(150)
        yield* negotiator.requestSession
        expect(yield* negotiator.status).toMatchObject({ pending: 1, state: { _tag: "Negotiating" } })
        yield* sleepUntil(second)
        yield* negotiator.requestSession
        expect(yield* negotiator.status).toEqual({ pending: 1, undelivered: 1, state: { _tag: "Delivering" } })
        yield* negotiator.takeSession
        expect(yield* negotiator.status).toMatchObject({ pending: 0, undelivered: 0 })
        yield* Effect.sleep(second)
        expect(transport.count()).toBe(1)
        yield* negotiator.requestSession
        yield* Effect.sleep(second)
        expect(transport.count()).toBe(2)
      })
    )
  })

  it("takes no time and no taker, in every state", () => {
    scene({ towers: [silent] }, ({ negotiator }) =>
      Effect.gen(function* () {
        for (const instant of [0, second, 20 * second]) {
          yield* sleepUntil(instant)
          yield* negotiator.requestSession
          expect(yield* now).toBe(instant)
        }
      })
    )
  })
})

describe("takeSession and newSessions", () => {
  it("are a rendezvous: the next round begins when nothing is undelivered", () => {
    scene({ towers: [good()], options: { maxPending: 3 } }, (world) =>
      Effect.gen(function* () {
        yield* Effect.replicateEffect(world.negotiator.requestSession, 3)
        yield* sleepUntil(5 * second)
        expect(rounds(world)).toEqual([0])
        yield* world.negotiator.takeSession
        yield* sleepUntil(7 * second)
        expect(rounds(world)).toEqual([0, 5 * second])
        yield* world.negotiator.takeSession
        yield* world.negotiator.takeSession
        yield* sleepUntil(9 * second)
        expect(rounds(world)).toEqual([0, 5 * second, 7 * second])
        expect(yield* world.negotiator.status).toMatchObject({ pending: 0, undelivered: 0 })
      })
    )
  })

  it("ask for nothing by themselves", () => {
    scene({ towers: [good()] }, ({ negotiator, transport }) =>
      Effect.gen(function* () {
        const taker = yield* Effect.fork(negotiator.takeSession)
        yield* Effect.sleep(hour)
        expect(transport.count()).toBe(0)
        yield* negotiator.requestSession
        expect(yield* Fiber.join(taker)).toMatchObject({ keyIndex: 1, createdAt: hour })
      })
    )
  })

  it("a stream asks for the next session only when its consumer is done with the last", () => {
    scene({ towers: [good()], options: { maxPending: 9 } }, (world) =>
      Effect.gen(function* () {
        yield* Effect.replicateEffect(world.negotiator.requestSession, 9)
        yield* Effect.fork(Stream.runForEach(world.negotiator.newSessions, () => Effect.sleep(10 * second)))
        yield* sleepUntil(35 * second)
        // The fifth waits for the consumer, who has four.
        expect(stored(world).map(([at]) => at)).toEqual([0, 0, 10_000, 20_000, 30_000])
      })
    )
  })

  it("two subscribers compete: each session goes to one of them", () => {
    scene({ towers: [good()], options: { maxPending: 10 } }, ({ negotiator }) =>
      Effect.gen(function* () {
        yield* Effect.replicateEffect(negotiator.requestSession, 10)
        const collect = Effect.fork(Stream.runCollect(Stream.take(negotiator.newSessions, 5)))
        const [one, two] = [yield* collect, yield* collect]
        const sessions = [...(yield* Fiber.join(one)), ...(yield* Fiber.join(two))]
        expect(new Set(sessions.map(({ id }) => id)).size).toBe(10)
      })
    )
  })
})

describe("the line of takers", () => {
  it("nextSession first, in the order in which they came; then takeSession, in theirs", () => {
    scene({ towers: [good()], options: { maxPending: 2 } }, ({ negotiator }) =>
      Effect.gen(function* () {
        const log: Array<string> = []
        const taker = (name: string, taken: Effect.Effect<ClientSession>) =>
          Effect.fork(Effect.map(taken, ({ keyIndex }) => log.push(`${name}${keyIndex}`)))
        const fibers = [
          yield* taker("take a:", negotiator.takeSession),
          yield* taker("next a:", negotiator.nextSession),
          yield* taker("take b:", negotiator.takeSession),
          yield* taker("next b:", negotiator.nextSession)
        ]
        yield* Effect.replicateEffect(negotiator.requestSession, 2)
        yield* Fiber.joinAll(fibers)
        expect(log).toEqual(["next a:1", "next b:2", "take a:3", "take b:4"])
        expect(yield* negotiator.status).toEqual({ pending: 0, undelivered: 0, state: { _tag: "Idle" } })
      })
    )
  })

  it("a session that waits goes to the first taker that comes, also of takeSession", () => {
    scene({ towers: [good()] }, ({ negotiator, transport }) =>
      Effect.gen(function* () {
        yield* negotiator.requestSession
        yield* Effect.sleep(second)
        expect((yield* negotiator.nextSession).keyIndex).toBe(1)
        // The request is still there: nextSession asked for one of its own and took the one that waited.
        yield* Effect.sleep(second)
        expect(transport.count()).toBe(2)
        expect((yield* negotiator.takeSession).keyIndex).toBe(2)
      })
    )
  })

  it("nextSession is counted beside maxPending, and no more when it is interrupted", () => {
    scene({ towers: [dead] }, ({ negotiator }) =>
      Effect.gen(function* () {
        const pending = Effect.map(negotiator.status, (status) => status.pending)
        const [one, two] = [yield* Effect.fork(negotiator.nextSession), yield* Effect.fork(negotiator.nextSession)]
        yield* negotiator.requestSession
        yield* Effect.sleep(second)
        expect(yield* pending).toBe(3)
        yield* Fiber.interrupt(one)
        expect(yield* pending).toBe(2)
        yield* Fiber.interrupt(two)
        expect(yield* pending).toBe(1)
      })
    )
  })

  it("an interrupted taker does not hold up those behind it", () => {
    scene({ towers: [good(100)] }, ({ negotiator }) =>
      Effect.gen(function* () {
        const one = yield* Effect.fork(negotiator.nextSession)
        const two = yield* Effect.fork(negotiator.nextSession)
        yield* sleepUntil(150)
        yield* Fiber.interrupt(one)
        expect(yield* Fiber.join(two)).toMatchObject({ keyIndex: 1, createdAt: 300 })
      })
    )
  })

  it("a round goes on when its only request is withdrawn; its session waits for the next taker", () => {
    scene({ towers: [good(100)] }, ({ negotiator, transport }) =>
      Effect.gen(function* () {
        const one = yield* Effect.fork(negotiator.nextSession)
        yield* sleepUntil(150)
        yield* Fiber.interrupt(one)
        yield* sleepUntil(second)
        expect(yield* negotiator.status).toEqual({ pending: 0, undelivered: 1, state: { _tag: "Delivering" } })
        expect(yield* negotiator.nextSession).toMatchObject({ createdAt: 300 })
        yield* Effect.sleep(second)
        expect(transport.count()).toBe(1)
      })
    )
  })
})

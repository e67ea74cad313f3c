/**
 * Stopping is closing the scope (docs/negotiation.md, G4): at every step it takes effect at once, but for a write of
 * the database in progress, and leaves nothing behind.
 */
import { describe, expect, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Stream, Supervisor } from "effect"
import * as TowerScript from "../../../src/layers/testing/TowerScript.js"
import * as VirtualTime from "../../../src/layers/testing/VirtualTime.js"
import { TowerId } from "../../../src/schema/Ids.js"
import type { NegotiatorState } from "../../../src/schema/NegotiatorStatus.js"
import * as Policy from "../../../src/schema/Policy.js"
import type { ClientDb } from "../../../src/services/ClientDb.js"
import { always, broken, good, now, sleepUntil, stored } from "./scenes.js"
import { addressOf, hour, make, regtest, second, those, towerKey, type World, type WorldOptions } from "./world.js"

const { blobType } = Policy.defaults(regtest)

/** A tower for which every step takes 100 ms; it hangs up 100 ms after its reply. */
const slow: TowerScript.Script = {
  delays: { dial: 100, actTwo: 100, sendInit: 100, init: 100, sendCreateSession: 100, reply: 100 },
  hangUpAfter: 100
}

/** A database whose named methods take that many milliseconds longer. */
const slowDb =
  (times: { readonly reserve?: number; readonly store?: number; readonly free?: number }) =>
  (db: ClientDb.Service): ClientDb.Service => ({
    ...db,
    nextSessionKeyIndex: (...all) => Effect.delay(db.nextSessionKeyIndex(...all), times.reserve ?? 0),
    createClientSession: (...all) => Effect.delay(db.createClientSession(...all), times.store ?? 0),
    freeSessionKeyIndex: (...all) => Effect.delay(db.freeSessionKeyIndex(...all), times.free ?? 0)
  })

/** A world with its fibers watched; `program` closes it, and after it there must be nothing left. */
const watched = <A>(spec: WorldOptions, program: (world: World) => Effect.Effect<A>): A => {
  const time = VirtualTime.make(spec.time)
  const exit = time.run(
    Effect.gen(function* () {
      const supervisor = yield* Supervisor.track
      const [world, value] = yield* Effect.supervised(
        Effect.gen(function* () {
          const made = yield* make(spec)
          return [made, yield* program(made)] as const
        }),
        supervisor
      )
      expect(world.transport.open()).toEqual([])
      expect(world.transport.violations()).toEqual([])
      // The loser of a race is interrupted in the same instant, but maybe a turn later.
      yield* Effect.sleep(0)
      expect(time.timers()).toBe(0)
      expect(yield* supervisor.value).toEqual([])
      const events = world.events.length
      yield* Effect.sleep(hour)
      expect(world.events.length).toBe(events)
      return value
    })
  )
  if (Exit.isFailure(exit)) throw Cause.squash(exit.cause)
  return exit.value
}

/** What stopping at an instant came to, with takers of each kind waiting. */
const stopAt = (
  spec: WorldOptions,
  at: number,
  program: (world: World) => Effect.Effect<unknown> = (world) => world.negotiator.requestSession
) =>
  watched(spec, (world) =>
    Effect.gen(function* () {
      const { negotiator } = world
      const main = yield* Effect.fork(program(world))
      const next = yield* Effect.fork(negotiator.nextSession)
      const take = yield* Effect.fork(negotiator.takeSession)
      const streams = yield* Effect.fork(
        Effect.all(
          [
            Stream.runDrain(negotiator.newSessions),
            Stream.runDrain(Stream.unwrapScoped(negotiator.events)),
            Stream.runDrain(Stream.unwrapScoped(negotiator.statusChanges))
          ],
          { concurrency: "unbounded" }
        )
      )
      yield* sleepUntil(at)
      const { state } = yield* negotiator.status
      yield* world.close
      const took = (yield* now) - at
      const exits = [yield* Fiber.await(next), yield* Fiber.await(take)]
      expect(exits.map(Exit.isInterrupted)).toEqual([true, true])
      expect(Exit.isSuccess(yield* Fiber.await(streams))).toBe(true)
      yield* Fiber.await(main)
      yield* expectClosed(world)
      expect((yield* now) - at).toBe(took)
      return { world, state, took, sessions: yield* Effect.orDie(world.db.listClientSessions()) }
    })
  )

/** A call after the close is interrupted; a request is no error. */
const expectClosed = ({ negotiator }: World) =>
  Effect.gen(function* () {
    yield* negotiator.requestSession
    for (const call of [negotiator.takeSession, negotiator.nextSession, negotiator.negotiate]) {
      const caller = yield* Effect.fork(call)
      expect(Exit.isInterrupted(yield* Fiber.await(caller))).toBe(true)
    }
    expect(yield* Stream.runCount(negotiator.newSessions)).toBe(0)
    expect(yield* Stream.runCount(Stream.unwrapScoped(negotiator.events))).toBe(0)
  })

/** Which key index tower 1 would be asked with at an instant after the stop. */
const keyAt = (world: World, instant: number) =>
  VirtualTime.make({ startAt: instant }).run(
    Effect.map(world.db.nextSessionKeyIndex(TowerId.make(1), blobType, "clear"), ({ keyIndex }) => keyIndex)
  )

const stepOf = (state: NegotiatorState) =>
  state._tag === "Negotiating" ? state.attempts.map((attempt) => attempt.step).join() : state._tag

describe("stopping in the middle of a visit", () => {
  for (const [step, at, shown] of [
    ["dialling", 50, false],
    ["handshaking", 150, false],
    ["sendingInit", 250, true],
    ["receivingInit", 350, true],
    ["sendingCreateSession", 450, true],
    ["receivingReply", 550, true]
  ] as const) {
    it(`${step}: at once; the reservation is free${shown ? " 2 s later" : ""}`, () => {
      const { sessions, state, took, world } = stopAt({ towers: [always(slow)] }, at)
      expect(stepOf(state)).toBe(step)
      expect(took).toBe(0)
      expect(sessions).toEqual([])
      expect(world.transport.dials()).toEqual([expect.objectContaining({ closedAt: at })])
      expect(world.transport.dials()[0]?.shownAt !== undefined).toBe(shown)
      expect(those(world.events, "VisitInterrupted").map((one) => one.at)).toEqual([at])
      expect(those(world.events, "VisitFailed")).toEqual([])
      if (shown) expect(keyAt(world, at + 1999)).toEqual(Exit.succeed(2))
      expect(keyAt(world, at + (shown ? 2000 : 0))).toEqual(Exit.succeed(1))
    })
  }

  it("reserving: the write is finished, then the key is not even derived; the reservation is free", () => {
    const { sessions, state, took, world } = stopAt({ towers: [good()], db: slowDb({ reserve: 100 }) }, 50)
    expect(stepOf(state)).toBe("reserving")
    expect(took).toBe(50)
    expect(sessions).toEqual([])
    expect(world.transport.count()).toBe(0)
    expect(keyAt(world, 100)).toEqual(Exit.succeed(1))
  })

  it("deriving, and the key ring's ECDH: at once", () => {
    for (const [at, dials] of [
      [50, 0],
      [150, 1]
    ] as const) {
      const { took, world } = stopAt(
        {
          towers: [good()],
          keyRing: (ring) => ({
            ...ring,
            deriveKey: (locator) => Effect.delay(ring.deriveKey(locator), locator.index === 0 ? 0 : 100),
            ecdh: (...all) => Effect.delay(ring.ecdh(...all), 100)
          })
        },
        at
      )
      expect(took).toBe(0)
      expect(world.transport.count()).toBe(dials)
      expect(keyAt(world, at)).toEqual(Exit.succeed(1))
    }
  })

  it("storing: the write is finished; the session is listed and not delivered", () => {
    const { sessions, state, took, world } = stopAt({ towers: [always(slow)], db: slowDb({ store: 100 }) }, 650)
    expect(stepOf(state)).toBe("storing")
    expect(took).toBe(50)
    expect(sessions.map(({ createdAt, keyIndex }) => [createdAt, keyIndex])).toEqual([[600, 1]])
    expect(those(world.events, "SessionStored").map((one) => one.at)).toEqual([700])
    expect(those(world.events, "SessionDelivered")).toEqual([])
    expect(world.transport.dials()[0]?.closedAt).toBe(700)
  })

  it("storing, and the write fails: nothing is listed, the reservation is free", () => {
    const db = (inner: ClientDb.Service): ClientDb.Service => ({
      ...inner,
      createClientSession: () => Effect.delay(Effect.fail(broken), 100)
    })
    const { sessions, took, world } = stopAt({ towers: [always(slow), good()], db }, 650)
    expect(took).toBe(50)
    expect(sessions).toEqual([])
    // No visit is started any more.
    expect(world.transport.count()).toBe(1)
    expect(keyAt(world, 2700)).toEqual(Exit.succeed(1))
  })

  it("hanging up: at once; the session is listed and not delivered", () => {
    const { sessions, state, took, world } = stopAt({ towers: [always(slow)] }, 650)
    expect(stepOf(state)).toBe("hangingUp")
    expect(took).toBe(0)
    expect(sessions.length).toBe(1)
    expect(those(world.events, "SessionDelivered")).toEqual([])
    expect(world.transport.dials()[0]?.closedAt).toBe(650)
  })

  it("waiting for the next address, since the key was shown: at once", () => {
    const addresses = [addressOf(1, 1), addressOf(1, 2)]
    const { took, world } = stopAt({ towers: [{ ...always(TowerScript.silentAt("reply")), addresses }] }, 16 * second)
    expect(took).toBe(0)
    expect(world.transport.dials().map((dial) => dial.closedAt)).toEqual([15 * second])
    expect(keyAt(world, 17 * second - 1)).toEqual(Exit.succeed(2))
    expect(keyAt(world, 17 * second)).toEqual(Exit.succeed(1))
  })

  it("hedging: all visits end at the same time, and so do the writes that free their reservations", () => {
    const towers = Array.from({ length: 4 }, () => always(TowerScript.silentAt("reply")))
    const { took, world } = stopAt({ towers, db: slowDb({ free: 200 }) }, 2500)
    expect(took).toBe(200)
    expect(world.transport.dials().map(({ at, closedAt }) => [at, closedAt])).toEqual([
      [0, 2500],
      [1000, 2500],
      [2000, 2500]
    ])
    expect(those(world.events, "VisitInterrupted").map(({ at }) => at)).toEqual([2700, 2700, 2700])
  })

  it("while one of several stores: the others are closed at once, the session is stored", () => {
    const towers = [always(TowerScript.silentAt("reply")), good(10)]
    const { sessions, took, world } = stopAt({ towers, db: slowDb({ store: 3000 }) }, 2000)
    expect(took).toBe(1000 + 30 + 3000 - 2000)
    expect(sessions.map(({ towerPublicKey }) => towerPublicKey)).toEqual([towerKey(2)])
    expect(world.dialsOf(1)[0]?.closedAt).toBe(2000)
    expect(stored(world)).toEqual([[4030, 2, 2]])
  })

  it("a visit that is freeing its reservation after a failure: that write is finished", () => {
    const { took, world } = stopAt({ towers: [always(TowerScript.replies(40))], db: slowDb({ free: 500 }) }, 100)
    expect(took).toBe(400)
    expect(those(world.events, "VisitFailed").map(({ at }) => at)).toEqual([500])
    expect(keyAt(world, 500)).toEqual(Exit.succeed(1))
  })
})

describe("stopping while nothing is on the wire", () => {
  it("idle: at once", () => {
    watched({ towers: [good()] }, (world) =>
      Effect.gen(function* () {
        yield* sleepUntil(second)
        expect(yield* world.negotiator.status).toEqual({ pending: 0, undelivered: 0, state: { _tag: "Idle" } })
        yield* world.close
        yield* expectClosed(world)
        expect(yield* now).toBe(second)
      })
    )
  })

  it("before its first step", () => {
    watched({ towers: [good()] }, (world) =>
      Effect.gen(function* () {
        yield* world.close
        yield* expectClosed(world)
        expect(world.transport.count()).toBe(0)
      })
    )
  })

  it("waiting for candidates, with and without a probe to come: at once", () => {
    for (const towers of [[], [always(TowerScript.replies(64))]]) {
      const { state, took } = stopAt({ towers }, 5 * second)
      expect(stepOf(state)).toBe("WaitingForCandidates")
      expect(took).toBe(0)
    }
  })

  it("backing off: at once", () => {
    const { state, took } = stopAt({ towers: [always(TowerScript.failsAt("dial"))] }, 5 * second)
    expect(stepOf(state)).toBe("BackingOff")
    expect(took).toBe(0)
  })

  it("delivering, without a taker: at once; the session is listed", () => {
    watched({ towers: [good()] }, (world) =>
      Effect.gen(function* () {
        yield* world.negotiator.requestSession
        yield* sleepUntil(second)
        expect(yield* world.negotiator.status).toEqual({ pending: 1, undelivered: 1, state: { _tag: "Delivering" } })
        yield* world.close
        expect(yield* now).toBe(second)
        expect((yield* Effect.orDie(world.db.listClientSessions())).length).toBe(1)
        expect(those(world.events, "SessionDelivered")).toEqual([])
        yield* expectClosed(world)
      })
    )
  })

  it("closing twice is closing once", () => {
    watched({ towers: [always(TowerScript.silentAt("init"))] }, (world) =>
      Effect.gen(function* () {
        const taker = yield* Effect.fork(world.negotiator.nextSession)
        yield* sleepUntil(second)
        yield* Effect.all([world.close, world.close], { concurrency: 2 })
        yield* world.close
        expect(Exit.isInterrupted(yield* Fiber.await(taker))).toBe(true)
      })
    )
  })
})

describe("stopping inside negotiate", () => {
  for (const at of [50, 150, 250, 350, 450, 550]) {
    it(`after ${at} ms: at once; the caller is interrupted`, () => {
      let exit: Exit.Exit<unknown, unknown> | undefined
      const { took, world } = stopAt({ towers: [always(slow)] }, at, (world) =>
        Effect.map(Effect.exit(world.negotiator.negotiate), (end) => {
          exit = end
        })
      )
      expect(took).toBe(0)
      expect(exit !== undefined && Exit.isInterrupted(exit)).toBe(true)
      expect(world.transport.count()).toBe(1)
    })
  }

  it("while it stores: the write is finished, the session listed, the caller interrupted", () => {
    let exit: Exit.Exit<unknown, unknown> | undefined
    const { sessions, took } = stopAt({ towers: [always(slow)], db: slowDb({ store: 100 }) }, 650, (world) =>
      Effect.map(Effect.exit(world.negotiator.negotiate), (end) => {
        exit = end
      })
    )
    expect(took).toBe(50)
    expect(sessions.length).toBe(1)
    expect(exit !== undefined && Exit.isInterrupted(exit)).toBe(true)
  })

  it("while it waits for a round of the loop, and while the loop waits for its round: both at once", () => {
    for (const first of ["loop", "negotiate"]) {
      let exit: Exit.Exit<unknown, unknown> | undefined
      const negotiate = (world: World) =>
        Effect.map(Effect.exit(world.negotiator.negotiate), (end) => {
          exit = end
        })
      const { took, world } = stopAt({ towers: [always(TowerScript.silentAt("init"))] }, 300, (world) =>
        first === "negotiate" ? negotiate(world) : Effect.delay(negotiate(world), 100)
      )
      expect(took).toBe(0)
      expect(exit !== undefined && Exit.isInterrupted(exit)).toBe(true)
      expect(those(world.events, "RoundStarted").length).toBe(1)
    }
  })
})

describe("after a stop", () => {
  it("at every moment of a visit and under many schedules nothing is left and nothing is shown twice", () => {
    for (let seed = 0; seed < 150; seed++) {
      const { world } = stopAt(
        { towers: [always(slow), always(slow)], db: slowDb({ store: 40, free: 10 }), time: { seed, yieldEvery: 30 } },
        (seed * 37) % 700
      )
      expect(world.transport.count()).toBeLessThanOrEqual(2)
    }
  })

  it("a new negotiator over the same database goes on with the key that was in use", () => {
    // Shown at 200 and closed at 350 without the tower's end: it rests until 2,350.
    for (const [startAt, key] of [
      [400, 2],
      [2349, 2],
      [2350, 1]
    ] as const) {
      const { world } = stopAt({ towers: [always(slow)] }, 350)
      watched({ towers: [good()], db: () => world.db, time: { startAt } }, (next) =>
        Effect.gen(function* () {
          const session = yield* next.negotiator.nextSession
          expect(session.keyIndex).toBe(key)
          expect((yield* Effect.orDie(world.db.listClientSessions())).map(({ id }) => id)).toEqual([session.id])
          yield* next.close
        })
      )
    }
  })
})

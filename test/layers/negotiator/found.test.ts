/** What random worlds found, each as the small world that shows it. */
import { setImmediate } from "node:timers/promises"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Fiber, FiberId } from "effect"
import * as TowerScript from "../../../src/layers/testing/TowerScript.js"
import type { NegotiatorEvent } from "../../../src/schema/NegotiatorEvent.js"
import type { ClientDb } from "../../../src/services/ClientDb.js"
import type { TowerCandidates } from "../../../src/services/TowerCandidates.js"
import { always, broken, good, slowStores } from "./scenes.js"
import { run, second, those, towerKey, type World } from "./world.js"

const stateOf = (world: World) => Effect.map(world.negotiator.status, ({ state }) => state)

describe("found by random worlds", () => {
  it("a round of negotiate over, the status is again what the loop does: idle", () => {
    run({ towers: [good(50)] }, (world) =>
      Effect.gen(function* () {
        yield* Effect.orDie(world.negotiator.negotiate)
        expect(yield* stateOf(world)).toEqual({ _tag: "Idle" })
      })
    )
  })

  it("a round of negotiate over, the status is again what the loop does: back off until the same instant", () => {
    run({ towers: [always(TowerScript.replies(40))] }, (world) =>
      Effect.gen(function* () {
        const fiber = yield* Effect.fork(world.negotiator.nextSession)
        yield* Effect.sleep(second)
        const before = yield* stateOf(world)
        expect(before).toMatchObject({ _tag: "BackingOff", until: 10 * second })
        yield* Effect.exit(world.negotiator.negotiate)
        expect(yield* stateOf(world)).toEqual(before)
        yield* Fiber.interrupt(fiber)
      })
    )
  })

  it("a round of negotiate that is called off is over, and the status says so", () => {
    run({ towers: [always(TowerScript.silentAt("init"))] }, (world) =>
      Effect.gen(function* () {
        const fiber = yield* Effect.fork(world.negotiator.negotiate)
        yield* Effect.sleep(second)
        yield* Fiber.interrupt(fiber)
        expect(those(world.events, "RoundEnded").length).toBe(1)
        expect(yield* stateOf(world)).toEqual({ _tag: "Idle" })
      })
    )
  })

  it("a round of negotiate that is called off in its very first step is over, too", () => {
    let fiber: Fiber.RuntimeFiber<unknown, unknown> | undefined
    const listen = ({ happening }: NegotiatorEvent) => {
      if (happening._tag === "RoundStarted") fiber?.unsafeInterruptAsFork(FiberId.none)
    }
    run({ towers: [good(50)], listen }, (world) =>
      Effect.gen(function* () {
        fiber = yield* Effect.fork(world.negotiator.negotiate)
        yield* Fiber.await(fiber)
        yield* Effect.sleep(second)
        expect(those(world.events, "RoundEnded").length).toBe(1)
        expect(yield* stateOf(world)).toEqual({ _tag: "Idle" })
      })
    )
  })

  it("a session that an interrupted negotiate leaves behind is being delivered while the loop is idle", () => {
    run({ towers: [always({ hangUpAfter: 1500 })] }, (world) =>
      Effect.gen(function* () {
        const fiber = yield* Effect.fork(world.negotiator.negotiate)
        yield* Effect.sleep(100)
        yield* Fiber.interrupt(fiber)
        yield* Effect.sleep(2 * second)
        expect(yield* world.negotiator.status).toEqual({ pending: 0, undelivered: 1, state: { _tag: "Delivering" } })
        yield* world.negotiator.takeSession
        expect(yield* world.negotiator.status).toEqual({ pending: 0, undelivered: 0, state: { _tag: "Idle" } })
      })
    )
  })

  for (const [name, afterwards] of [
    ["was not done", false],
    ["was done, but said to have failed", true]
  ] as const) {
    it(`a used key whose ending ${name} is not shown again`, () => {
      let failing = 1
      const db = (inner: ClientDb.Service): ClientDb.Service => ({
        ...inner,
        freeSessionKeyIndex: (...args) =>
          failing-- > 0
            ? Effect.andThen(afterwards ? inner.freeSessionKeyIndex(...args) : Effect.void, Effect.fail(broken))
            : inner.freeSessionKeyIndex(...args)
      })
      const script = ({ number }: TowerScript.Dial) => (number <= 3 ? TowerScript.replies(60, 7) : TowerScript.ok)
      run({ towers: [{ script }], db }, (world) =>
        Effect.gen(function* () {
          const session = yield* world.negotiator.nextSession
          expect(session.keyIndex).toBe(4)
          expect(those(world.events, "KeyUsed").map(({ keyIndex }) => keyIndex)).toEqual([1, 2, 3])
          // The first visit failed for the tower's sake, and there was no other failure.
          expect(those(world.events, "VisitFailed").map(({ failure }) => failure._tag)).toEqual([
            "SessionKeyAlreadyUsed"
          ])
        })
      )
    })
  }

  it("what is left of one tower's keys is ended or taken again at a visit of that tower only", () => {
    const foreign: Array<unknown> = []
    let failing = 2
    const db = (inner: ClientDb.Service): ClientDb.Service => ({
      ...inner,
      freeSessionKeyIndex: (...args) => (failing-- > 0 ? Effect.fail(broken) : inner.freeSessionKeyIndex(...args)),
      nextSessionKeyIndex: (towerId, blobType, route, options) => {
        const named = [options?.forceNext ?? [], options?.left ?? []].flat()
        foreign.push(...named.filter((reservation) => reservation.towerId !== towerId))
        return inner.nextSessionKeyIndex(towerId, blobType, route, options)
      }
    })
    const script = ({ number }: TowerScript.Dial) => (number <= 3 ? TowerScript.replies(60, 7) : TowerScript.ok)
    const refusing = ({ number }: TowerScript.Dial) => (number === 1 ? TowerScript.replies(40) : TowerScript.ok)
    run({ towers: [{ script }, { script: refusing }], db }, (world) =>
      Effect.gen(function* () {
        for (let i = 0; i < 4; i++) yield* world.negotiator.nextSession
        expect(those(world.events, "WriteFailed").length).toBe(2)
        expect(foreign).toEqual([])
      })
    )
  })

  it("no visit is started when the claim was taken while the next one was picked", () => {
    const candidates = (inner: TowerCandidates.Service): TowerCandidates.Service => ({
      ...inner,
      list: Effect.delay(inner.list, 100)
    })
    // The list is read when the negotiator is built, when the round begins, and for each pick: the first is started at 300
    // and replies at 1,350; the next one is due at 1,300 and picked at 1,400.
    const towers = [always({ delays: { reply: 1050 } }), good(50)]
    run({ towers, candidates, db: slowStores(second) }, (world) =>
      Effect.gen(function* () {
        yield* world.negotiator.nextSession
        expect(those(world.events, "VisitStarted").map(({ at }) => at)).toEqual([300])
      })
    )
  })

  it("a tower that is added while its refusal is written down is not told to be quarantined", () => {
    const db = (inner: ClientDb.Service): ClientDb.Service => ({
      ...inner,
      freeSessionKeyIndex: (...args) => Effect.delay(inner.freeSessionKeyIndex(...args), 3 * second)
    })
    const script = ({ number }: TowerScript.Dial) => (number === 1 ? TowerScript.replies(64) : TowerScript.ok)
    run({ towers: [{ script }], db }, (world) =>
      Effect.gen(function* () {
        const fiber = yield* Effect.fork(world.negotiator.nextSession)
        yield* Effect.sleep(second)
        yield* world.add(1)
        yield* Fiber.join(fiber)
        expect(those(world.events, "VisitFailed").map(({ failure }) => failure._tag)).toEqual(["PermanentTowerFailure"])
        expect(those(world.events, "Quarantined")).toEqual([])
      })
    )
  })

  it("a claim that is given up lets the next one start at once, not when the failed visit has been written down", () => {
    const db = (inner: ClientDb.Service): ClientDb.Service => ({
      ...inner,
      createClientSession: (session, ...rest) =>
        session.towerPublicKey === towerKey(1)
          ? Effect.delay(Effect.fail(broken), 2 * second)
          : inner.createClientSession(session, ...rest),
      freeSessionKeyIndex: (...args) => Effect.delay(inner.freeSessionKeyIndex(...args), 3 * second)
    })
    run({ towers: [good(30), good(30)], db }, (world) =>
      Effect.gen(function* () {
        yield* world.negotiator.nextSession
        expect(those(world.events, "VisitStarted").map(({ at }) => at)).toEqual([0, 2 * second + 90])
      })
    )
  })

  it("a taker that is interrupted at any step before it has its session leaves it to the next", async () => {
    // The interruption comes at one of the many instants between the offer and its delivery, where fibers take turns.
    for (let seed = 0; seed < 600; seed++) {
      if (seed % 50 === 0) await setImmediate()
      let leave: (() => void) | undefined
      const listen = ({ happening }: NegotiatorEvent) => {
        if (happening._tag === "Demand" && happening.undelivered > 0) leave?.()
      }
      run({ towers: [good(20)], time: { seed, yieldEvery: 30 }, listen }, (world) =>
        Effect.gen(function* () {
          const first = yield* Effect.fork(world.negotiator.nextSession)
          // Some turns later, in a fiber of its own.
          yield* Effect.fork(
            Effect.gen(function* () {
              yield* Effect.async<void>((resume) => {
                leave = () => resume(Effect.void)
              })
              for (let i = 0; i < seed % 6; i++) yield* Effect.yieldNow()
              leave = undefined
              const delivered = those(world.events, "SessionDelivered").length
              if (delivered === 0) first.unsafeInterruptAsFork(FiberId.none)
            })
          )
          const exit = yield* Fiber.await(first)
          const taken = Exit.isSuccess(exit) ? [exit.value] : []
          const last = yield* world.negotiator.nextSession
          const ids = [...taken, last].map((session) => session.id)
          expect(those(world.events, "SessionDelivered").length).toBe(ids.length)
          expect(new Set(ids).size).toBe(ids.length)
        })
      )
    }
  }, 600_000)
})

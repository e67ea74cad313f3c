/**
 * Callers that are interrupted in the very step in which something is handed to them, and a close or a removal in the step in
 * which a session is accepted: no session is lost (docs/negotiation.md, G1).
 */
import { expect, it } from "@effect/vitest"
import { Effect, Exit, Fiber, FiberId } from "effect"
import * as TowerScript from "../../../src/layers/testing/TowerScript.js"
import type { ClientSession } from "../../../src/schema/ClientSession.js"
import type { Happening } from "../../../src/schema/NegotiatorEvent.js"
import { always, good } from "./scenes.js"
import { run, second, those, type WorldOptions } from "./world.js"

/** A world that calls back once in the step of an event of that kind. */
const whenever = (tag: Happening["_tag"]) => {
  let call: (() => void) | undefined
  const listen: WorldOptions["listen"] = ({ happening }) => {
    if (happening._tag !== tag) return
    const now = call
    call = undefined
    now?.()
  }
  const next = (callback: () => void) => {
    call = callback
  }
  return { listen, next }
}

const interrupt = (fiber: Fiber.RuntimeFiber<unknown, unknown>) => fiber.unsafeInterruptAsFork(FiberId.none)

it("a close in the step in which an accepted session is about to be stored, or some turns later, stores it", () => {
  for (let turns = 0; turns < 20; turns++) {
    const atStep = whenever("StepStarted")
    run({ towers: [good(0)], listen: atStep.listen, time: { seed: turns, yieldEvery: 30 } }, (world, time) =>
      Effect.gen(function* () {
        const closing: Array<Fiber.RuntimeFiber<void>> = []
        const closeAtStore = () => {
          const step = world.events.at(-1)?.happening
          if (step?._tag !== "StepStarted" || step.step !== "storing") return atStep.next(closeAtStore)
          const later = Effect.replicateEffect(Effect.yieldNow(), turns)
          closing.push(time.fork(Effect.andThen(later, world.close)))
        }
        atStep.next(closeAtStore)
        yield* world.negotiator.requestSession
        yield* Effect.sleep(second)
        yield* Fiber.joinAll(closing)
        expect(closing.length).toBe(1)
        const stored = yield* Effect.orDie(world.db.listClientSessions())
        expect([turns, stored.length]).toEqual([turns, 1])
      })
    )
  }
})

it("a tower that is removed in the step in which it accepts, or just before: its session is stored, or the next tower asked at once", () => {
  const instants = new Set<number>()
  for (let seed = 0; seed < 800; seed++) {
    let onReply = () => {}
    const removed = always({
      latency: 50,
      reply: () => {
        onReply()
        return TowerScript.goodReply()
      }
    })
    run({ towers: [removed, good(50)], time: { seed, yieldEvery: 11 + (seed % 50) } }, (world, time) =>
      Effect.gen(function* () {
        const turns = Effect.replicateEffect(Effect.yieldNow(), Math.floor(seed / 50) % 2)
        // One is over before the reply is there. Of the others chance decides: where fibers yield differs widely, so that it does not
        // depend on the number of steps between the reply and the claim.
        onReply = () =>
          seed === 0 ? Effect.runSync(world.remove(1)) : void time.fork(Effect.andThen(turns, world.remove(1)))
        instants.add((yield* world.negotiator.nextSession).createdAt)
      })
    )
  }
  // With the right to store kept and nothing stored, no tower would be asked before the first backoff is over.
  expect([...instants].sort((a, b) => a - b)).toEqual([150, 300])
})

it("a caller of negotiate that is interrupted when its round ends leaves the session to the next taker", () => {
  const atEnd = whenever("RoundEnded")
  run({ towers: [good(50)], listen: atEnd.listen }, ({ negotiator }) =>
    Effect.gen(function* () {
      const caller = yield* Effect.fork(negotiator.negotiate)
      atEnd.next(() => interrupt(caller))
      expect(Exit.isInterrupted(yield* Fiber.await(caller))).toBe(true)
      const { keyIndex } = yield* negotiator.takeSession
      expect(keyIndex).toBe(1)
    })
  )
})

it("a caller of negotiate that is interrupted after its round has ended, and before it has the session, leaves it to the next taker", () => {
  let left = 0
  for (let seed = 0; seed < 80; seed++) {
    const atEnd = whenever("RoundEnded")
    run({ towers: [good(50)], listen: atEnd.listen, time: { seed, yieldEvery: 16 } }, ({ negotiator }, time) =>
      Effect.gen(function* () {
        let returned = false
        const caller = yield* Effect.fork(Effect.map(negotiator.negotiate, () => (returned = true)))
        const turns = Effect.replicateEffect(Effect.yieldNow(), seed % 4)
        atEnd.next(() => void time.fork(Effect.andThen(turns, Fiber.interrupt(caller))))
        yield* Fiber.await(caller)
        if (returned) return
        left += 1
        expect([seed, (yield* negotiator.takeSession).keyIndex]).toEqual([seed, 1])
      })
    )
  }
  expect(left).toBeGreaterThan(0)
})

it("sessions that were left go to the next takers, the one that was left first before the others", () => {
  const atStored = whenever("SessionStored")
  run({ towers: [good(50)], listen: atStored.listen }, ({ negotiator }) =>
    Effect.gen(function* () {
      const left: Array<ClientSession> = []
      // Callers of `negotiate` that are interrupted when their sessions are stored leave them.
      for (let n = 0; n < 3; n++) {
        const caller = yield* Effect.fork(negotiator.negotiate)
        atStored.next(() => interrupt(caller))
        yield* Fiber.await(caller)
      }
      // So does a taker that is interrupted before it runs.
      const taker = yield* Effect.fork(negotiator.nextSession)
      yield* Fiber.interrupt(taker)
      for (const take of [negotiator.takeSession, negotiator.nextSession, negotiator.takeSession])
        left.push(yield* take)
      expect(left.map(({ keyIndex }) => keyIndex)).toEqual([1, 2, 3])
    })
  )
})

it("a taker that is given the first of the waiting sessions and is interrupted puts it before the others again", () => {
  let undelivered = 0
  for (let seed = 0; seed < 40; seed++) {
    const atStored = whenever("SessionStored")
    run({ towers: [good(50)], listen: atStored.listen, time: { seed, yieldEvery: 16 } }, (world) =>
      Effect.gen(function* () {
        const { negotiator } = world
        for (let n = 0; n < 2; n++) {
          const caller = yield* Effect.fork(negotiator.negotiate)
          atStored.next(() => interrupt(caller))
          yield* Fiber.await(caller)
        }
        yield* Effect.sleep(second)
        // It yields in another place of the call, and is interrupted there.
        const steps = Effect.replicateEffect(Effect.void, seed % 20)
        const taker = yield* Effect.fork(Effect.andThen(steps, negotiator.nextSession))
        yield* Effect.yieldNow()
        yield* Fiber.interrupt(taker)
        const delivered = those(world.events, "SessionDelivered").length
        if (delivered === 0) undelivered += 1
        const { keyIndex } = yield* negotiator.takeSession
        expect([seed, keyIndex]).toEqual([seed, delivered + 1])
      })
    )
  }
  expect(undelivered).toBeGreaterThan(0)
})

it("a taker that is interrupted in the step in which it is served leaves the session to the one behind it", () => {
  const atDemand = whenever("Demand")
  run({ towers: [good(50)], listen: atDemand.listen }, (world) =>
    Effect.gen(function* () {
      const first = yield* Effect.fork(world.negotiator.nextSession)
      yield* Effect.sleep(10)
      const second = yield* Effect.fork(world.negotiator.nextSession)
      yield* Effect.sleep(10)
      const whenServed = () => {
        const demand = world.events.at(-1)?.happening
        if (demand?._tag === "Demand" && demand.undelivered === 1) interrupt(first)
        else atDemand.next(whenServed)
      }
      atDemand.next(whenServed)
      const { keyIndex } = yield* Fiber.join(second)
      expect([Exit.isInterrupted(yield* Fiber.await(first)), keyIndex]).toEqual([true, 1])
    })
  )
})

it("the loop is not idle while a session waits for its taker", () => {
  run({ towers: [good(50)] }, (world) =>
    Effect.gen(function* () {
      yield* world.negotiator.requestSession
      yield* Effect.sleep(second)
      const told = world.events.map(({ happening }) => happening._tag)
      expect(told.slice(told.indexOf("Delivering"))).toEqual(["Delivering"])
      yield* world.negotiator.takeSession
      yield* Effect.sleep(0)
      expect(world.events.at(-1)?.happening._tag).toBe("Idle")
    })
  )
})

/** Those who want sessions, what reaches them, and whether it is what it must be. */
import { Effect, Exit, type Fiber, FiberId, Stream } from "effect"
import type { SessionId } from "../../../../src/schema/Ids.js"
import type { SessionNegotiator } from "../../../../src/services/SessionNegotiator.js"
import type { DeliveryGuard } from "./deliveryGuard.js"
import type { Scene } from "./guard.js"
import type { Wish } from "./plan.js"

/** Somebody who wants sessions. */
export interface Person {
  readonly wish: Wish
  readonly fiber: Fiber.RuntimeFiber<void, unknown>
  readonly got: Array<SessionId>
  /** When it was interrupted, if it was. */
  leftAt: number | undefined
}

export interface People {
  readonly enter: (wish: Wish) => Person
  readonly leave: (person: Person) => void
  /** Those whose wish must be granted and is not yet. */
  readonly wanting: () => ReadonlyArray<Person>
  /** When all is over: who got what? */
  readonly check: (delivery: DeliveryGuard) => void
}

type Spawn = <A, E>(effect: Effect.Effect<A, E>) => Fiber.RuntimeFiber<A, E>

export const make = (
  { deeds, fail, now, plan }: Scene,
  negotiator: SessionNegotiator.Service,
  spawn: Spawn
): People => {
  const people: Array<Person> = []
  const hasLeft = ({ leftAt }: Person) => leftAt !== undefined

  return {
    enter: (wish) => {
      const got: Array<SessionId> = []
      const keep = ({ id }: { readonly id: SessionId }) => void got.push(id)
      const wishes: Record<Wish, Effect.Effect<void, unknown>> = {
        next: Effect.map(negotiator.nextSession, keep),
        take: Effect.map(negotiator.takeSession, keep),
        negotiate: Effect.map(negotiator.negotiate, keep),
        stream: Stream.runForEach(negotiator.newSessions, (session) => Effect.sync(() => keep(session)))
      }
      const person: Person = { wish, fiber: spawn(wishes[wish]), got, leftAt: undefined }
      person.fiber.addObserver((exit) => {
        if (Exit.isFailure(exit) && wish !== "negotiate" && !Exit.isInterrupted(exit)) fail(`${wish}: ${exit.cause}`)
      })
      people.push(person)
      return person
    },
    leave: (person) => {
      if (person.fiber.unsafePoll() !== null) return
      if (person.wish === "negotiate") deeds.calledOff += 1
      person.leftAt = now()
      person.fiber.unsafeInterruptAsFork(FiberId.none)
    },
    wanting: () =>
      people.filter(({ fiber, wish }) => (wish === "next" || wish === "negotiate") && fiber.unsafePoll() === null),
    check: ({ delivered, stored }) => {
      const got = people.flatMap((person) => person.got)
      const reached = new Set(got)
      const negotiated = new Set(people.flatMap(({ got, wish }) => (wish === "negotiate" ? got : [])))
      if (reached.size < got.length) fail("G1: a session reached two")
      for (const id of got) if (!stored.has(id)) fail("G1: somebody got a session that is not stored")
      for (const id of negotiated) if (delivered.has(id)) fail("G1: a session of negotiate was delivered to a taker")

      // No effect can help it that a fiber which is interrupted in the very turn after it was given something loses that.
      const leavers = people.filter((one) => hasLeft(one) && (one.wish === "stream" || plan.yieldEvery !== null))
      for (const [id, at] of delivered) {
        if (reached.has(id)) continue
        const leaver = leavers.findIndex(({ leftAt, wish }) => wish === "stream" || leftAt === at)
        if (leaver < 0) fail("G1: a delivered session reached nobody")
        else leavers.splice(leaver, 1)
      }
      if (plan.stop !== null) return
      const missing = [...stored].filter((id) => !delivered.has(id) && !negotiated.has(id)).length
      if (missing > leavers.filter(({ wish }) => wish === "negotiate").length) {
        fail(`G1: ${missing} stored sessions were not delivered`)
      }
    }
  }
}

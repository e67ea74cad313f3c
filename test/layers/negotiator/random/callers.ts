/** The callers of the negotiator, and the sessions that they receive. */
import { Effect, Exit, type Fiber, FiberId, Stream } from "effect"
import type { SessionId } from "../../../../src/schema/Ids.js"
import type { SessionNegotiator } from "../../../../src/services/SessionNegotiator.js"
import type { Violate } from "../../../guarantees/guarantee.js"
import type { Callers, Method } from "../../../guarantees/negotiator/context.js"

export interface Caller {
  readonly method: Method
  /** When it called, by the monotonic clock. */
  readonly since: number
  readonly fiber: Fiber.RuntimeFiber<void, unknown>
}

type Mutable<A> = A extends ReadonlyArray<infer B> ? Array<B> : never

type Fork = <A, E>(effect: Effect.Effect<A, E>) => Fiber.RuntimeFiber<A, E>

export const isWaiting = ({ fiber }: Caller): boolean => fiber.unsafePoll() === null

/** `now` is the monotonic clock. */
export const make = (negotiator: () => SessionNegotiator.Service, fork: Fork, now: () => number, violate: Violate) => {
  const received: Mutable<Callers["received"]> = []
  const interrupted: Mutable<Callers["interrupted"]> = []
  const all: Array<Caller> = []

  const calls = (method: Method): Effect.Effect<void, unknown> => {
    const keep = ({ id }: { readonly id: SessionId }) => void received.push({ id, byNegotiate: method === "negotiate" })
    switch (method) {
      case "next":
        return Effect.map(negotiator().nextSession, keep)
      case "take":
        return Effect.map(negotiator().takeSession, keep)
      case "negotiate":
        return Effect.map(negotiator().negotiate, keep)
      case "stream":
        return Stream.runForEach(negotiator().newSessions, (session) => Effect.sync(() => keep(session)))
    }
  }
  return {
    received,
    interrupted,
    call: (method: Method): Caller => {
      const caller: Caller = { method, since: now(), fiber: fork(calls(method)) }
      caller.fiber.addObserver((exit) => {
        if (Exit.isFailure(exit) && method !== "negotiate" && !Exit.isInterrupted(exit)) {
          violate("callers", `${method}: ${exit.cause}`)
        }
      })
      all.push(caller)
      return caller
    },
    interrupt: (caller: Caller): void => {
      if (!isWaiting(caller)) return
      interrupted.push({ at: now(), method: caller.method })
      caller.fiber.unsafeInterruptAsFork(FiberId.none)
    },
    /** Those that wait for a session that they have requested. */
    waiting: (): ReadonlyArray<Caller> =>
      all.filter((caller) => (caller.method === "next" || caller.method === "negotiate") && isWaiting(caller))
  }
}

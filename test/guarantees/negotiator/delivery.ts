/**
 * G1 (docs/negotiation.md): a session is delivered only after its store was confirmed, at most once, to a caller that is not
 * interrupted, and none is lost.
 */
import { Cause, Fiber, FiberRef, Option } from "effect"
import type { SessionId } from "../../../src/schema/Ids.js"
import type { Context, Guarantee } from "./context.js"

export const make = ({ callers, now, records, status, violate, yields }: Context): Guarantee => {
  const stored = new Set<SessionId>()
  const delivered = new Set<SessionId>()
  const negotiated = new Set<SessionId>()
  /** Delivered and not yet received, with the instant of the delivery. */
  const underway = new Map<SessionId, number>()
  let seen = 0

  const checkReceived = () => {
    for (const { byNegotiate, id } of callers.received.slice(seen)) {
      if (!stored.has(id)) violate("G1", "a caller received a session that is not stored")
      if (byNegotiate) {
        if (delivered.has(id) || negotiated.has(id)) violate("G1", "negotiate returned a session that is delivered")
        negotiated.add(id)
      } else if (!underway.delete(id)) violate("G1", "a caller received a session that was not delivered to it")
    }
    seen = callers.received.length
  }
  return {
    onEvent: ({ happening }) => {
      checkReceived()
      if (happening._tag === "SessionStored") {
        const { id } = happening.session
        if (!records.stored.has(id)) violate("G1", "SessionStored of a session that is not in the database")
        if (stored.has(id)) violate("G1", "a session was stored twice")
        stored.add(id)
      }
      if (happening._tag === "SessionDelivered") {
        const { id } = happening.session
        if (!stored.has(id)) violate("G1", "a session was delivered that is not stored")
        if (delivered.has(id) || negotiated.has(id)) violate("G1", "a session was delivered twice")
        delivered.add(id)
        underway.set(id, now())
        // The event is emitted in the taker's own step.
        const taker = Option.getOrUndefined(Fiber.getCurrentFiber())
        if (taker === undefined) violate("G1", "a session was delivered outside of its taker")
        else if (!Cause.isEmpty(taker.getFiberRef(FiberRef.interruptedCause))) {
          violate("G1", "a session was delivered to an interrupted taker")
        }
      }
    },
    onPass: checkReceived,
    onClose: () => {
      checkReceived()
      const missing = stored.size - delivered.size - negotiated.size - status().undelivered
      if (missing < 0) violate("G1", `${-missing} sessions are both delivered and undelivered`)
      if (missing > callers.mayBeLost()) violate("G1", `${missing} sessions are neither delivered nor undelivered`)
    },
    onEnd: () => {
      checkReceived()
      // A fiber that is interrupted in the very turn after it was given something loses that; no effect can prevent it.
      const losers = callers.interrupted.filter(({ method }) => method === "stream" || yields)
      for (const delivery of underway.values()) {
        const loser = losers.findIndex(({ at }) => at === delivery)
        if (loser < 0) violate("G1", "a session that was delivered reached no caller")
        else losers.splice(loser, 1)
      }
    }
  }
}

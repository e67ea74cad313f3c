/** G1 (docs/negotiation.md): a session is delivered only after its store was confirmed, at most once, and to nobody who is being interrupted. */
import { Cause, Fiber, FiberRef, Option } from "effect"
import type { SessionId } from "../../../../src/schema/Ids.js"
import type { Guard, Scene } from "./guard.js"

export interface DeliveryGuard extends Guard {
  readonly stored: ReadonlySet<SessionId>
  /** With the instants of the delivery. */
  readonly delivered: ReadonlyMap<SessionId, number>
}

export const make = ({ fail, now }: Scene): DeliveryGuard => {
  const stored = new Set<SessionId>()
  const delivered = new Map<SessionId, number>()
  return {
    stored,
    delivered,
    hear: ({ happening }) => {
      if (happening._tag === "SessionStored") {
        if (stored.has(happening.session.id)) fail("G1: a session was stored twice")
        stored.add(happening.session.id)
      }
      if (happening._tag === "SessionDelivered") {
        const { id } = happening.session
        if (!stored.has(id)) fail("G1: a session was delivered that is not stored")
        if (delivered.has(id)) fail("G1: a session was delivered twice")
        delivered.set(id, now())
        // It is told in the taker's own step.
        const taker = Option.getOrUndefined(Fiber.getCurrentFiber())
        if (taker === undefined) fail("G1: a session was delivered outside of its taker")
        else if (!Cause.isEmpty(taker.getFiberRef(FiberRef.interruptedCause))) {
          fail("G1: a session was delivered to an interrupted taker")
        }
      }
    }
  }
}

/**
 * G4 (docs/negotiation.md): closing waits for nothing but two writes of the database, one after the other, and leaves neither
 * timers nor fibers.
 */
import type { Context, Guarantee } from "./context.js"

export const make = ({ calls, fibers, now, slowestCall, timers, violate }: Context): Guarantee => {
  let since = 0
  return {
    onClose: () => {
      since = now()
    },
    onClosed: () => {
      const took = now() - since
      if (took > 0 && calls.lastEnd() !== now()) violate("G4", `closing took ${took} ms, not for the database`)
      if (took > 2 * slowestCall) violate("G4", `closing took ${took} ms`)
    },
    onEnd: () => {
      if (timers() > 0) violate("G4", `${timers()} timers are left`)
      if (fibers() > 0) violate("G4", `${fibers()} fibers are left`)
    }
  }
}

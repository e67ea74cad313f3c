/**
 * G3 and G2 (docs/negotiation.md): every connection is closed, none outlives its visit, a key has at most one live connection,
 * rests before it is shown again, and is never shown to two towers.
 */
import { shownKeyRestMs } from "../../../src/schema/Reservation.js"
import type { Context, Guarantee } from "./context.js"
import type { Progress } from "./progress.js"

export const make = ({ clockSetAt, now, transport, violate }: Context, { round }: Progress): Guarantee => {
  let seen = 0
  const checkKeys = () => {
    const violations = transport.violations()
    for (const { dial, rule } of violations.slice(seen)) {
      // The database frees a key by the wall clock.
      if (rule === "a shown key rests" && now() - clockSetAt() <= shownKeyRestMs) continue
      violate(rule === "one tower for a key" ? "G2" : "G3", `${rule}: ${dial.publicKey} at ${dial.address}`)
    }
    seen = violations.length
  }
  const checkClosed = (after: string) => {
    checkKeys()
    if (transport.open().length > 0) violate("G3", `a connection is open after ${after}`)
  }
  return {
    onEvent: ({ happening }) => (happening._tag === "RoundEnded" ? checkClosed("its round") : checkKeys()),
    onPass: () => {
      checkKeys()
      const open = transport.open()
      if (open.length > (round()?.running.size ?? 0)) violate("G3", "a connection is open after its visit")
      if (new Set(open.map((dial) => dial.tower)).size < open.length) violate("G3", "two connections to one tower")
    },
    onClosed: () => checkClosed("the close"),
    onEnd: () => checkClosed("the end")
  }
}

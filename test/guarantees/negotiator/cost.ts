/** G7 (docs/negotiation.md): a tower that gives no session costs a bounded number of visits an hour, and of dials a visit. */
import type { PublicKey } from "../../../src/schema/Ids.js"
import type { Context, Guarantee } from "./context.js"

export interface Cost extends Guarantee {
  /** The most visits in an hour of a tower that gave no session since. */
  readonly worst: () => number
}

export const make = (
  { now, settings, violate }: Pick<Context, "now" | "settings" | "violate">,
  limits: { readonly visits: number; readonly addressesOf: (tower: PublicKey) => number }
): Cost => {
  const visits = new Map<PublicKey, { readonly hour: number; readonly count: number }>()
  /** Since the beginning of a tower's last visit. */
  const dials = new Map<PublicKey, number>()
  let worst = 0
  return {
    worst: () => worst,
    onEvent: ({ happening }) => {
      if (happening._tag === "VisitStarted") {
        const { tower } = happening
        const hour = Math.floor(now() / 3_600_000)
        const before = visits.get(tower)
        const count = 1 + (before?.hour === hour ? before.count : 0)
        visits.set(tower, { hour, count })
        dials.set(tower, 0)
        worst = Math.max(worst, count)
        if (count > limits.visits) violate("G7", `${count} visits of tower ${tower} in an hour`)
      }
      if (happening._tag === "StepStarted" && happening.step === "dialling") {
        const { tower } = happening
        const count = 1 + (dials.get(tower) ?? 0)
        dials.set(tower, count)
        const most = limits.addressesOf(tower) + settings.maxKeyAttempts
        if (count > most) violate("G7", `${count} dials in a visit of tower ${tower}`)
      }
      if (happening._tag === "SessionStored") visits.delete(happening.session.towerPublicKey)
    }
  }
}

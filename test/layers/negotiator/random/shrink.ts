/** Makes a plan that violates something smaller, as long as it still violates something. */
import type { Deed, Plan } from "./plan.js"

const without = <A>(list: ReadonlyArray<A>, at: number): ReadonlyArray<A> => list.filter((_, i) => i !== at)

const withoutTower = (plan: Plan, n: number): Plan => ({
  ...plan,
  towers: without(plan.towers, n - 1),
  deeds: plan.deeds.flatMap((deed): ReadonlyArray<Deed> => {
    if (!("tower" in deed)) return [deed]
    return deed.tower === n ? [] : [{ ...deed, tower: deed.tower > n ? deed.tower - 1 : deed.tower }]
  })
})

/** Plans that are smaller by one thing. */
const smaller = function* (plan: Plan): Generator<Plan> {
  if (plan.towers.length > 1) for (let n = 1; n <= plan.towers.length; n++) yield withoutTower(plan, n)
  for (const i of plan.deeds.keys()) yield { ...plan, deeds: without(plan.deeds, i) }
  for (const i of plan.faults.keys()) yield { ...plan, faults: without(plan.faults, i) }
  if (plan.stop !== null) yield { ...plan, stop: null }
  if (plan.yieldEvery !== null) yield { ...plan, yieldEvery: null }
  if (plan.patient) yield { ...plan, patient: false }
  for (const [i, tower] of plan.towers.entries()) {
    const replace = (smaller: typeof tower): Plan => ({ ...plan, towers: plan.towers.with(i, smaller) })
    if (tower.addresses > 1) yield replace({ ...tower, addresses: tower.addresses - 1 })
    if (tower.later) yield replace({ ...tower, later: false })
    if (tower.dials.length > 1)
      for (const j of tower.dials.keys()) yield replace({ ...tower, dials: without(tower.dials, j) })
    for (const [j, dial] of tower.dials.entries()) {
      if (dial.latency > 0) yield replace({ ...tower, dials: tower.dials.with(j, { ...dial, latency: 0 }) })
      if (dial.hangUpAfter !== 0) yield replace({ ...tower, dials: tower.dials.with(j, { ...dial, hangUpAfter: 0 }) })
    }
  }
  for (const [i, deed] of plan.deeds.entries()) {
    if ("end" in deed && deed.end !== null) yield { ...plan, deeds: plan.deeds.with(i, { ...deed, end: null }) }
  }
}

/** Takes away one thing after the other; at most `tries` plans are tried. */
export const shrink = (plan: Plan, fails: (plan: Plan) => boolean, tries = 1000): Plan => {
  let best = plan
  let left = tries
  for (let found = true; found && left > 0; ) {
    found = false
    for (const candidate of smaller(best)) {
      if (left-- <= 0) break
      if (!fails(candidate)) continue
      best = candidate
      found = true
      break
    }
  }
  return best
}

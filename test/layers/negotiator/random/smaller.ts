/** Plans that are smaller than one by one thing. */
import type { Action, Plan } from "./plan.js"

const without = <A>(list: ReadonlyArray<A>, at: number): ReadonlyArray<A> => list.filter((_, i) => i !== at)

const withoutTower = (plan: Plan, n: number): Plan => ({
  ...plan,
  towers: without(plan.towers, n - 1),
  actions: plan.actions.flatMap((action): ReadonlyArray<Action> => {
    if (!("tower" in action)) return [action]
    return action.tower === n ? [] : [{ ...action, tower: action.tower > n ? action.tower - 1 : action.tower }]
  })
})

export const smaller = function* (plan: Plan): Generator<Plan> {
  if (plan.towers.length > 1) for (let n = 1; n <= plan.towers.length; n++) yield withoutTower(plan, n)
  for (const i of plan.actions.keys()) yield { ...plan, actions: without(plan.actions, i) }
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
  for (const [i, action] of plan.actions.entries()) {
    if ("end" in action && action.end !== null)
      yield { ...plan, actions: plan.actions.with(i, { ...action, end: null }) }
  }
}

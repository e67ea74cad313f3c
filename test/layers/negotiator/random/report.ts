/** A failing world as somebody can read it: what is violated, how to play it again, the smallest plan, and its last events. */
import { inspect } from "node:util"
import type { NegotiatorEvent } from "../../../../src/schema/NegotiatorEvent.js"
import type { Plan } from "./plan.js"
import { play } from "./play.js"
import { shrink } from "./shrink.js"

const line = ({ at, happening, number }: NegotiatorEvent): string => {
  const { _tag, ...rest } = happening
  return `${number} ${at} ${_tag} ${inspect(rest, { depth: 2, breakLength: Number.POSITIVE_INFINITY, compact: true })}`
}

/** Shrinks it first. */
export const report = (plan: Plan, rules: ReadonlyArray<string>): string => {
  const small = shrink(plan, (candidate) => play(candidate).violations.length > 0)
  const { events, violations } = play(small)
  return [
    `World ${plan.seed} violates: ${rules[0]}`,
    `Play it alone: WORLD_SEED=${plan.seed} npx vitest run test/layers/negotiator/random.test.ts`,
    `Made smaller it violates: ${violations[0]}`,
    inspect(small, { depth: 6, breakLength: 120 }),
    ...events.slice(-60).map(line)
  ].join("\n")
}

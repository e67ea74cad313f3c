/** A failing world for its reader: what is violated, how to run it again, the smallest plan that fails, and its last events. */
import { inspect } from "node:util"
import type { NegotiatorEvent } from "../../../../src/schema/NegotiatorEvent.js"
import type { Violation } from "../../../guarantees/guarantee.js"
import { shrink } from "../../../guarantees/shrink.js"
import type { Plan } from "./plan.js"
import { run } from "./run.js"
import { smaller } from "./smaller.js"

const eventLine = ({ at, happening, number }: NegotiatorEvent): string => {
  const { _tag, ...rest } = happening
  return `${number} ${at} ${_tag} ${inspect(rest, { depth: 2, breakLength: Number.POSITIVE_INFINITY, compact: true })}`
}

const violationLine = ({ at, detail, guarantee }: Violation): string => `${guarantee}: ${detail} (at ${at} ms)`

/** Shrinks the plan first. */
export const report = (plan: Plan, violations: ReadonlyArray<Violation>): string => {
  const small = shrink(plan, smaller, (candidate) => run(candidate).violations.length > 0)
  const last = run(small)
  return [
    `World ${plan.seed} violates:`,
    ...violations.map(violationLine),
    `Run it alone: WORLD_SEED=${plan.seed} npx vitest run test/layers/negotiator/random.test.ts`,
    "Made smaller it violates:",
    ...last.violations.map(violationLine),
    inspect(small, { depth: 6, breakLength: 120 }),
    ...last.events.slice(-60).map(eventLine)
  ].join("\n")
}

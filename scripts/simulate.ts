/**
 * `npm run simulate -- [--seed S] [--towers N] [--days D] [--yield-every Y]`: a simulated world (`test/simulation`). Ends with
 * exit code 1 where a guarantee was violated.
 */
import { parseArgs } from "node:util"
import { type Summary, simulate } from "../test/simulation/simulate.js"

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    towers: { type: "string", default: "1000" },
    days: { type: "string", default: "30" },
    "yield-every": { type: "string" }
  }
})

const seconds = (millis: number) => `${(millis / 1_000).toFixed(1)} s`

const lines = (summary: Summary): Array<string> => [
  `rounds       ${summary.rounds}`,
  `visits       ${summary.visits}`,
  `connections  ${summary.dials}`,
  `sessions     ${summary.sessions} stored, ${summary.delivered} delivered to takers`,
  `restarts     ${summary.lives - 1}`,
  `delay        ${seconds(summary.meanDelay)} on average, ${seconds(summary.worstDelay)} at worst, from request to session`,
  `good towers  ${summary.spread[0]} to ${summary.spread[1]} sessions each`,
  `bad towers   ${summary.worstHour} visits at most of one in an hour`,
  ...(summary.violations.length === 0
    ? ["no guarantee was violated"]
    : summary.violations.map(({ at, detail, guarantee }) => `${guarantee} violated at ${at} ms: ${detail}`))
]

// Failures are the towers' daily bread; their stacks are not looked at.
Error.stackTraceLimit = 0
const began = performance.now()
const exit = simulate({
  seed: Number(values.seed),
  towers: Number(values.towers),
  days: Number(values.days),
  yieldEvery: values["yield-every"] === undefined ? undefined : Number(values["yield-every"]),
  onDay: (day, { dials, rounds, sessions }) =>
    process.stderr.write(
      `day ${day}: ${rounds} rounds, ${dials} connections, ${sessions} sessions (${seconds(performance.now() - began)})\n`
    )
})

if (exit._tag === "Failure") {
  console.error(String(exit.cause))
  process.exitCode = 1
} else {
  console.log(lines(exit.value).join("\n"))
  if (exit.value.violations.length > 0) process.exitCode = 1
}

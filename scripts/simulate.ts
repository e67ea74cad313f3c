/**
 * `npm run simulate -- [--seed S] [--towers N] [--days D] [--yield-every Y]`: a simulated world of negotiators
 * (`test/simulation`). `npm run simulate -- backups [--seed S] [--towers N] [--days D] [--channels C] [--states N] [--copies K]`:
 * one of a tower client. Ends with exit code 1 where a guarantee was violated.
 */
import { parseArgs } from "node:util"
import type { Violation } from "../test/guarantees/guarantee.js"
import * as Backups from "../test/simulation/backups.js"
import { type Summary, simulate } from "../test/simulation/simulate.js"

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: "string", default: "1" },
    towers: { type: "string" },
    days: { type: "string", default: "30" },
    channels: { type: "string", default: "100" },
    states: { type: "string", default: "100000" },
    copies: { type: "string", default: "2" },
    "yield-every": { type: "string" }
  }
})
const [what = "negotiators"] = positionals
const seed = Number(values.seed)
const days = Number(values.days)

const seconds = (millis: number) => `${(millis / 1_000).toFixed(1)} s`

const verdict = ({ violations }: { readonly violations: ReadonlyArray<Violation> }): Array<string> =>
  violations.length === 0
    ? ["no guarantee was violated"]
    : violations.map(({ at, detail, guarantee }) => `${guarantee} violated at ${at} ms: ${detail}`)

const lines = (summary: Summary): Array<string> => [
  `rounds       ${summary.rounds}`,
  `visits       ${summary.visits}`,
  `connections  ${summary.dials}`,
  `sessions     ${summary.sessions} stored, ${summary.delivered} delivered to takers`,
  `restarts     ${summary.lives - 1}`,
  `delay        ${seconds(summary.meanDelay)} on average, ${seconds(summary.worstDelay)} at worst, from request to session`,
  `good towers  ${summary.spread[0]} to ${summary.spread[1]} sessions each`,
  `bad towers   ${summary.worstHour} visits at most of one in an hour`,
  ...verdict(summary)
]

const linesOfBackups = (summary: Backups.Summary): Array<string> => [
  `states       ${summary.accepted} accepted, ${summary.notAccepted} refused while the database failed, and handed in again`,
  `copies       ${summary.copies}, ${summary.lost} states listed as lost by a tower`,
  `sessions     ${summary.sessions}`,
  `connections  ${summary.connections}`,
  `restarts     ${summary.restarts}`,
  `delay        ${seconds(summary.meanDelay)} on average, ${seconds(summary.worstDelay)} at worst, from a state to its last copy`,
  `bad towers   ${summary.worstHour} connections at most in an hour to one that took nothing`,
  ...verdict(summary)
]

// Failures are the towers' daily bread; their stacks are not looked at.
Error.stackTraceLimit = 0
const began = performance.now()

const negotiators = () => {
  const exit = simulate({
    seed,
    towers: Number(values.towers ?? 1000),
    days,
    yieldEvery: values["yield-every"] === undefined ? undefined : Number(values["yield-every"]),
    onDay: (day, { dials, rounds, sessions }) =>
      process.stderr.write(
        `day ${day}: ${rounds} rounds, ${dials} connections, ${sessions} sessions (${seconds(performance.now() - began)})\n`
      )
  })
  if (exit._tag === "Failure") throw new Error(String(exit.cause))
  console.log(lines(exit.value).join("\n"))
  return exit.value
}

const backups = () => {
  const summary = Backups.simulate({
    seed,
    towers: Number(values.towers ?? 50),
    channels: Number(values.channels),
    states: Number(values.states),
    days,
    copies: Number(values.copies),
    onDay: (day, { accepted, copies }) =>
      process.stderr.write(`day ${day}: ${accepted} states, ${copies} copies (${seconds(performance.now() - began)})\n`)
  })
  console.log(linesOfBackups(summary).join("\n"))
  return summary
}

try {
  const { violations } = what === "backups" ? backups() : negotiators()
  if (violations.length > 0) process.exitCode = 1
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}

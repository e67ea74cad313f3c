/** Puts one fault after the other into a copy of the tree and runs the tests that must notice it: one at a time on each core. */
import * as os from "node:os"
import { copy, remove, withFault } from "./copies.js"
import type { Mutant, Part } from "./mutant.js"
import { parts } from "./mutants.js"
import { describe, isKilled, type Judged, judge, leastScore, scoreOf, summary } from "./score.js"
import { FailsWithoutFault, makeSuite, type Outcome, type Suite } from "./suite.js"

interface Output {
  readonly log: (line: string) => void
}

interface Copies {
  /** Never has a fault. */
  readonly clean: string
  readonly faulty: ReadonlyArray<string>
}

const told = (outcome: Outcome | undefined): string =>
  outcome?._tag === "failed" ? `\n             by ${outcome.file}: ${outcome.test}` : ""

const runPart = async (
  { clean, faulty }: Copies,
  { quick, thorough }: Part,
  mutants: ReadonlyArray<Mutant>,
  output: Output
): Promise<ReadonlyArray<Judged>> => {
  const runQuick = await makeSuite(clean, quick, faulty.length)
  let makingThorough: Promise<Suite> | undefined
  const runAll = async (folder: string): Promise<Outcome> => {
    const outcome = await runQuick(folder)
    if (outcome._tag !== "passed" || thorough.length === 0) return outcome
    makingThorough ??= makeSuite(clean, thorough, 1)
    return (await makingThorough)(folder)
  }
  const waiting = [...mutants]
  const judgeOneByOne = async (folder: string) => {
    const judged: Array<Judged> = []
    for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
      const began = performance.now()
      const outcome = await withFault(folder, mutant, () => runAll(folder))
      const verdict = outcome === undefined ? "STALE" : judge(outcome, mutant)
      judged.push({ mutant, verdict })
      const seconds = ((performance.now() - began) / 1000).toFixed(0)
      output.log(`  ${verdict.padEnd(10)} ${describe(mutant)} (${seconds} s)${told(outcome)}`)
    }
    return judged
  }
  return (await Promise.all(faulty.map(judgeOneByOne))).flat()
}

const isPart = (name: string): boolean => parts.some((part) => part.name === name)

/** The name of a part is never a text to look for: "sql" is in the paths of other parts too. */
const isChosen = (part: Part, mutant: Mutant, names: ReadonlyArray<string>): boolean =>
  names.length === 0 || names.some((name) => (isPart(name) ? part.name === name : describe(mutant).includes(name)))

/**
 * Judges the faults of the parts with such a name, and those whose line in the output contains it; all of them without names.
 * Answers the exit code: 1 when a score is too low, when a text is gone or an explanation wrong, or when tests fail without
 * any fault.
 */
export const run = async (names: ReadonlyArray<string>, output: Output): Promise<number> => {
  const copies: Copies = { clean: copy(), faulty: Array.from({ length: os.availableParallelism() }, copy) }
  const all: Array<Judged> = []
  let failed = false
  for (const part of parts) {
    const chosen = part.mutants.filter((mutant) => isChosen(part, mutant, names))
    if (chosen.length === 0) continue
    output.log(`${part.name}:`)
    try {
      const judged = await runPart(copies, part, chosen, output)
      output.log(`  ${summary(judged)}`)
      failed ||= scoreOf(judged) < leastScore
      all.push(...judged)
    } catch (error) {
      if (!(error instanceof FailsWithoutFault)) throw error
      output.log(`  without any fault, this fails: ${error.message}`)
      failed = true
    }
  }
  for (const folder of [copies.clean, ...copies.faulty]) remove(folder)
  output.log(`All: ${summary(all)}; of each part, at least ${leastScore} % must be`)
  for (const { mutant, verdict } of all.filter((one) => !isKilled(one))) {
    output.log(`${verdict}: ${describe(mutant)}${verdict === "equivalent" ? ` (${mutant.equivalent})` : ""}`)
  }
  const hasMistakes = all.some(({ verdict }) => verdict === "STALE" || verdict === "WRONG")
  return failed || hasMistakes ? 1 : 0
}

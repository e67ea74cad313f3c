/** What became of each fault, and how many of them the tests notice. */
import type { Mutant } from "./mutant.js"
import type { Outcome } from "./suite.js"

/**
 * `STALE`: its text is not there once. `WRONG`: a test notices what is said to be equivalent. `BROKEN`: nothing is known, and
 * it must run again.
 */
export type Verdict = "killed" | "hangs" | "SURVIVED" | "equivalent" | "STALE" | "WRONG" | "BROKEN"

export interface Judged {
  readonly mutant: Mutant
  readonly verdict: Verdict
}

export const judge = ({ _tag }: Outcome, { equivalent }: Mutant): Verdict => {
  if (_tag === "broken") return "BROKEN"
  if (equivalent !== undefined) return _tag === "passed" ? "equivalent" : "WRONG"
  return _tag === "passed" ? "SURVIVED" : _tag === "failed" ? "killed" : "hangs"
}

export const isKilled = ({ verdict }: Judged): boolean => verdict === "killed" || verdict === "hangs"

/** At least so many of a hundred faults must be noticed. */
export const leastScore = 95

/** How many of those that can be noticed are, in percent. */
export const scoreOf = (judged: ReadonlyArray<Judged>): number => {
  const counted = judged.filter(({ verdict }) => verdict !== "equivalent")
  return counted.length === 0 ? 100 : (100 * counted.filter(isKilled).length) / counted.length
}

export const summary = (judged: ReadonlyArray<Judged>): string => {
  const equivalents = judged.filter(({ verdict }) => verdict === "equivalent").length
  const counted = `${judged.filter(isKilled).length} of ${judged.length - equivalents} killed`
  return `${counted} (${scoreOf(judged).toFixed(1)} %)${equivalents === 0 ? "" : `, ${equivalents} equivalent`}`
}

export const describe = ({ file, from, to }: Mutant): string => {
  const brief = (text: string) => text.replace(/\s+/g, " ").trim()
  return `${file}: ${brief(from)} -> ${to === "" ? "(nothing)" : brief(to)}`
}

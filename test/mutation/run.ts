/** Puts one fault after the other into a copy of the tree and runs the tests that must notice it. */
import { spawn } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import type { Mutant, Part } from "./mutant.js"
import { parts } from "./mutants.js"

interface Output {
  readonly log: (line: string) => void
}

const copied = ["src", "test", "scripts", "docs", "package.json", "tsconfig.json", "vitest.config.ts"]

/** A copy that shares the installed packages. */
const copy = (): string => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mutants-"))
  for (const entry of copied) fs.cpSync(entry, path.join(folder, entry), { recursive: true })
  fs.symlinkSync(fs.realpathSync("node_modules"), path.join(folder, "node_modules"))
  return folder
}

type Result = "passed" | "failed" | "hung"

const test = (folder: string, tests: ReadonlyArray<string>, patienceMs: number): Promise<Result> =>
  new Promise((resolve) => {
    const vitest = spawn("node_modules/.bin/vitest", ["run", "--bail=1", ...tests], {
      cwd: folder,
      env: { ...process.env, WORLDS: process.env.WORLDS ?? "400" },
      stdio: "ignore",
      // In a group of its own, so that its workers can be ended with it.
      detached: true
    })
    let hung = false
    const timer = setTimeout(() => {
      hung = true
      if (vitest.pid !== undefined) process.kill(-vitest.pid, "SIGKILL")
    }, patienceMs)
    vitest.on("exit", (code) => {
      clearTimeout(timer)
      resolve(hung ? "hung" : code === 0 ? "passed" : "failed")
    })
  })

const secondsSince = (began: number): number => (performance.now() - began) / 1000

/** Runs tests that pass without any fault. With one they may run for ever, and get five times as long. */
const suite = async (folder: string, tests: ReadonlyArray<string>) => {
  const began = performance.now()
  if ((await test(folder, tests, 1_200_000)) !== "passed") return undefined
  const patienceMs = 1000 * (60 + 5 * secondsSince(began))
  return () => test(folder, tests, patienceMs)
}

const describe = ({ file, from, to }: Mutant): string => {
  const brief = (text: string) => text.replace(/\s+/g, " ").trim()
  return `${file}: ${brief(from)} -> ${to === "" ? "(nothing)" : brief(to)}`
}

/** `STALE`: its text is not there once. `WRONG`: a test notices what is said to be equivalent. */
type Verdict = "killed" | "hangs" | "SURVIVED" | "equivalent" | "STALE" | "WRONG"

const judge = (result: Result, { equivalent }: Mutant): Verdict => {
  if (equivalent !== undefined) return result === "passed" ? "equivalent" : "WRONG"
  return result === "passed" ? "SURVIVED" : result === "failed" ? "killed" : "hangs"
}

interface Judged {
  readonly mutant: Mutant
  readonly verdict: Verdict
}

const isKilled = ({ verdict }: Judged): boolean => verdict === "killed" || verdict === "hangs"

/** At least so many of a hundred faults must be noticed. */
const leastScore = 95

/** How many of those that can be noticed are, in percent. */
const scoreOf = (judged: ReadonlyArray<Judged>): number => {
  const counted = judged.filter(({ verdict }) => verdict !== "equivalent")
  return counted.length === 0 ? 100 : (100 * counted.filter(isKilled).length) / counted.length
}

const summary = (judged: ReadonlyArray<Judged>): string => {
  const equivalents = judged.filter(({ verdict }) => verdict === "equivalent").length
  const counted = `${judged.filter(isKilled).length} of ${judged.length - equivalents} killed`
  return `${counted} (${scoreOf(judged).toFixed(1)} %)${equivalents === 0 ? "" : `, ${equivalents} equivalent`}`
}

const runPart = async (
  folder: string,
  { quick, thorough }: Part,
  mutants: ReadonlyArray<Mutant>,
  output: Output
): Promise<ReadonlyArray<Judged> | undefined> => {
  const runQuick = await suite(folder, quick)
  if (runQuick === undefined) return undefined
  let runThorough: typeof runQuick | undefined
  const judged: Array<Judged> = []
  for (const mutant of mutants) {
    const began = performance.now()
    const file = path.join(folder, mutant.file)
    const original = fs.readFileSync(file, "utf8")
    const isThere = original.split(mutant.from).length === 2
    const mutate = () =>
      fs.writeFileSync(
        file,
        original.replace(mutant.from, () => mutant.to)
      )
    const restore = () => fs.writeFileSync(file, original)
    let verdict: Verdict = "STALE"
    if (isThere) {
      mutate()
      let result = await runQuick()
      restore()
      if (result === "passed" && thorough.length > 0) {
        runThorough ??= await suite(folder, thorough)
        if (runThorough === undefined) return undefined
        mutate()
        result = await runThorough()
        restore()
      }
      verdict = judge(result, mutant)
    }
    judged.push({ mutant, verdict })
    output.log(`  ${verdict.padEnd(10)} ${describe(mutant)} (${secondsSince(began).toFixed(0)} s)`)
  }
  return judged
}

/**
 * Those of the parts with such a name, or whose file contains it; all of them without names. Answers the exit code: 1 when the
 * score is too low, when a text is gone or an explanation wrong, or when tests fail without any fault.
 */
export const run = async (names: ReadonlyArray<string>, output: Output): Promise<number> => {
  const folder = copy()
  const all: Array<Judged> = []
  let failed = false
  for (const part of parts) {
    const isChosen = ({ file }: Mutant) =>
      names.length === 0 || names.some((name) => part.name === name || file.includes(name))
    const chosen = part.mutants.filter(isChosen)
    if (chosen.length === 0) continue
    output.log(`${part.name}:`)
    const judged = await runPart(folder, part, chosen, output)
    if (judged === undefined) {
      output.log("  the tests fail without any fault")
      failed = true
    } else {
      output.log(`  ${summary(judged)}`)
      all.push(...judged)
    }
  }
  fs.rmSync(folder, { recursive: true, force: true })
  output.log(`All: ${summary(all)}; at least ${leastScore} % must be`)
  for (const { mutant, verdict } of all.filter((one) => !isKilled(one))) {
    output.log(`${verdict}: ${describe(mutant)}${verdict === "equivalent" ? ` (${mutant.equivalent})` : ""}`)
  }
  const hasMistakes = all.some(({ verdict }) => verdict === "STALE" || verdict === "WRONG")
  return failed || hasMistakes || scoreOf(all) < leastScore ? 1 : 0
}

/** Runs tests in a copy of the tree until one fails, and tells which one did. */
import { spawn } from "node:child_process"
import * as readline from "node:readline"

/**
 * `failed`: the file and the name of the first test that did, or what was thrown outside of tests. `hung`: no test ended for
 * too long. `broken`: Vitest itself failed, as it does when a busy machine answers it too late.
 */
export type Outcome =
  | { readonly _tag: "passed"; readonly longestSilenceMs: number }
  | { readonly _tag: "failed"; readonly file: string; readonly test: string }
  | { readonly _tag: "hung" }
  | { readonly _tag: "broken" }

interface Request {
  readonly folder: string
  /** Words for Vitest: files in the order to run them in, or an option. */
  readonly words: ReadonlyArray<string>
  readonly workers: number
  readonly patienceMs: number
}

const runTests = ({ folder, words, workers, patienceMs }: Request): Promise<Outcome> =>
  new Promise((resolve) => {
    const options = ["--config=test/mutation/vitest.config.ts", `--maxWorkers=${workers}`]
    const vitest = spawn("node_modules/.bin/vitest", ["run", ...options, ...words], {
      cwd: folder,
      env: { ...process.env, WORLDS: process.env.WORLDS ?? "400", TEST_ORDER: words.join("\n") },
      stdio: ["ignore", "pipe", "ignore"],
      // In a group of its own, so that its workers can be ended with it.
      detached: true
    })
    let outcome: Outcome | undefined
    let heard = performance.now()
    let longestSilenceMs = 0
    const hear = () => {
      const now = performance.now()
      longestSilenceMs = Math.max(longestSilenceMs, now - heard)
      heard = now
    }
    const timer = setTimeout(() => {
      outcome ??= { _tag: "hung" }
      if (vitest.pid !== undefined) process.kill(-vitest.pid, "SIGKILL")
    }, patienceMs)
    readline.createInterface({ input: vitest.stdout }).on("line", (line) => {
      hear()
      timer.refresh()
      const [state, file = "", test = ""] = line.split("\t")
      if (state === "failed") outcome ??= { _tag: "failed", file, test }
    })
    // Not on `exit`: lines may be on their way then.
    vitest.on("close", (code) => {
      clearTimeout(timer)
      hear()
      const passed = code === 0 && outcome === undefined
      resolve(passed ? { _tag: "passed", longestSilenceMs } : (outcome ?? { _tag: "broken" }))
    })
  })

/** Runs the tests in a copy with a fault. */
export type Suite = (folder: string) => Promise<Outcome>

export class FailsWithoutFault extends Error {}

/** Tests that pass in a copy without a fault. With one they may never end: then no test ends for much longer than without. */
export const makeSuite = async (clean: string, words: ReadonlyArray<string>, workers: number): Promise<Suite> => {
  const first = await runTests({ folder: clean, words, workers, patienceMs: 600_000 })
  if (first._tag !== "passed") {
    throw new FailsWithoutFault(first._tag === "failed" ? `${first.file}: ${first.test}` : `the tests: ${first._tag}`)
  }
  const patienceMs = 20_000 + 5 * first.longestSilenceMs
  // The file that noticed the last fault comes first: it often notices the fault beside it, too.
  let order = words
  return async (folder) => {
    const outcome = await runTests({ folder, words: order, workers: 1, patienceMs })
    if (outcome._tag === "failed" && outcome.file !== "") {
      order = [outcome.file, ...order.filter((word) => word !== outcome.file)]
    }
    return outcome
  }
}

/** Puts one fault after the other into a copy of the tree and runs the tests that must notice it. */
import { spawn } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { type Mutant, parts } from "./mutants.js"

interface Output {
  readonly log: (line: string) => void
}

const copied = ["src", "test", "scripts", "package.json", "tsconfig.json", "vitest.config.ts"]

/** A copy that shares the installed packages. */
const copy = (): string => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mutants-"))
  for (const entry of copied) fs.cpSync(entry, path.join(folder, entry), { recursive: true })
  fs.symlinkSync(path.resolve("node_modules"), path.join(folder, "node_modules"))
  return folder
}

/** A fault may make a test run for ever. In milliseconds. */
const patience = Number(process.env.PATIENCE ?? 300_000)

type Result = "passed" | "failed" | "hung"

const test = (folder: string, tests: ReadonlyArray<string>): Promise<Result> =>
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
    }, patience)
    vitest.on("exit", (code) => {
      clearTimeout(timer)
      resolve(hung ? "hung" : code === 0 ? "passed" : "failed")
    })
  })

const describe = ({ file, from, to }: Mutant): string => {
  const brief = (text: string) => text.replace(/\s+/g, " ").trim()
  return `${file}: ${brief(from)} -> ${to === "" ? "(nothing)" : brief(to)}`
}

/** Those whose file contains `filter`, if given. Answers the exit code: 1 when a mutant survives or its text is gone. */
export const run = async (filter: string | undefined, output: Output): Promise<number> => {
  const folder = copy()
  let killed = 0
  const left: Array<string> = []
  for (const { mutants, name, quick, thorough } of parts) {
    const chosen = mutants.filter(({ file }) => filter === undefined || file.includes(filter))
    if (chosen.length === 0) continue
    output.log(`${name}:`)
    if ((await test(folder, quick)) !== "passed") {
      output.log("  the tests fail without any fault")
      left.push(name)
      continue
    }
    for (const mutant of chosen) {
      const file = path.join(folder, mutant.file)
      const original = fs.readFileSync(file, "utf8")
      const isThere = original.split(mutant.from).length === 2
      const began = performance.now()
      let verdict = "stale"
      if (isThere) {
        fs.writeFileSync(
          file,
          original.replace(mutant.from, () => mutant.to)
        )
        let result = await test(folder, quick)
        if (result === "passed") result = await test(folder, thorough)
        fs.writeFileSync(file, original)
        verdict = { passed: "SURVIVED", failed: "killed", hung: "hangs" }[result]
      }
      if (verdict === "killed" || verdict === "hangs") killed += 1
      else left.push(describe(mutant))
      output.log(`  ${verdict.padEnd(8)} ${describe(mutant)} (${((performance.now() - began) / 1000).toFixed(0)} s)`)
    }
  }
  fs.rmSync(folder, { recursive: true, force: true })
  output.log(`${killed} of ${killed + left.length} killed`)
  for (const one of left) output.log(`left: ${one}`)
  return left.length === 0 ? 0 : 1
}

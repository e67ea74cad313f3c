/** Copies of the tree, to put faults into. */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import type { Mutant } from "./mutant.js"

const copied = ["src", "test", "scripts", "docs", "package.json", "tsconfig.json", "vitest.config.ts"]

/** A copy that shares the installed packages. */
export const copy = (): string => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mutants-"))
  for (const entry of copied) fs.cpSync(entry, path.join(folder, entry), { recursive: true })
  fs.symlinkSync(fs.realpathSync("node_modules"), path.join(folder, "node_modules"))
  return folder
}

export const remove = (folder: string): void => fs.rmSync(folder, { recursive: true, force: true })

/** Runs something while a copy has a fault; undefined when the text to replace is not there once. */
export const withFault = async <A>(
  folder: string,
  { file, from, to }: Mutant,
  run: () => Promise<A>
): Promise<A | undefined> => {
  const target = path.join(folder, file)
  const original = fs.readFileSync(target, "utf8")
  if (original.split(from).length !== 2) return undefined
  fs.writeFileSync(
    target,
    original.replace(from, () => to)
  )
  try {
    return await run()
  } finally {
    fs.writeFileSync(target, original)
  }
}

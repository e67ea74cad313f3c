/** `npm run conformance -- DIR`: checks this code against every file of a folder that has one of the known names. */
import { readdir, readFile } from "node:fs/promises"
import { join } from "node:path"
import * as backups from "./backups.js"
import * as bolt8 from "./bolt8.js"
import * as keychain from "./keychain.js"
import { differs, type Result } from "./result.js"
import * as traces from "./traces.js"
import * as transcripts from "./transcripts.js"
import * as wtwire from "./wtwire.js"

type Check = (json: unknown, name: string) => ReadonlyArray<Result> | Promise<ReadonlyArray<Result>>

const checks: Readonly<Record<string, Check>> = {
  "bolt8-vectors.json": bolt8.check,
  "wtwire-vectors.json": wtwire.check,
  "session-transcripts.json": transcripts.check,
  "keychain-vectors.json": keychain.check,
  "backup-vectors.json": backups.check,
  "backup-vectors-decred.json": backups.check
}

/** A file of the folder, by its path inside it, and how it is checked, if it is. */
interface File {
  readonly path: string
  readonly check: Check | undefined
}

/** What ends the command before all files were read: one sentence for who called it. */
class Unusable extends Error {}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const names = async (folder: string): Promise<ReadonlyArray<string>> => {
  try {
    const entries = await readdir(folder, { withFileTypes: true })
    return entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name)).toSorted()
  } catch (error) {
    throw new Unusable(`Cannot read the folder ${folder} (${reasonOf(error)}).`)
  }
}

const filesIn = async (folder: string): Promise<ReadonlyArray<File>> => {
  const found: Array<File> = []
  for (const name of await names(folder)) {
    if (name !== "traces/") {
      found.push({ path: name, check: Object.hasOwn(checks, name) ? checks[name] : undefined })
      continue
    }
    for (const trace of await names(join(folder, name))) {
      found.push({ path: `traces/${trace}`, check: trace.endsWith(".json") ? traces.check : undefined })
    }
  }
  return found
}

const read = async (path: string): Promise<unknown> => {
  try {
    return JSON.parse(await readFile(path, "utf8"))
  } catch (error) {
    throw new Unusable(`Cannot read ${path} as JSON (${reasonOf(error)}).`)
  }
}

const resultsOf = async (check: Check, json: unknown, path: string): Promise<ReadonlyArray<Result>> => {
  try {
    const results = await check(json, path)
    return results.length > 0 ? results : [differs("file", "there is nothing in it to compare")]
  } catch (error) {
    return [differs("file", reasonOf(error))]
  }
}

/** How many of the vectors there are of each remark, behind what else the line says. */
const remarksOn = (results: ReadonlyArray<Result>): string => {
  const remarks = results.flatMap(({ remark }) => remark ?? [])
  return [...new Set(remarks)]
    .map((remark) => `, ${remarks.filter((one) => one === remark).length} of them ${remark}`)
    .join("")
}

const oneLine = (text: string): string => text.replaceAll(/\s*\n\s*/g, " ")

/** Where the lines go. */
export interface Output {
  readonly log: (line: string) => void
  readonly error: (line: string) => void
}

const report = async (folder: string, output: Output): Promise<boolean> => {
  const files = await filesIn(folder)
  if (!files.some((file) => file.check !== undefined)) {
    const known = [...Object.keys(checks), "traces/*.json"].join(", ")
    throw new Unusable(`There is nothing to check in ${folder}: it has none of ${known}.`)
  }
  let allAgree = true
  for (const { check, path } of files) {
    if (check === undefined) {
      output.log(`${path}: not checked`)
      continue
    }
    const results = await resultsOf(check, await read(join(folder, path)), path)
    const first = results.find((result) => !result.ok)
    const agreeing = results.filter((result) => result.ok).length
    output.log(`${path}: ${agreeing} of ${results.length} agree${remarksOn(results)}`)
    if (first !== undefined) output.log(`  first difference: ${first.name}: ${oneLine(first.detail ?? "it differs")}`)
    allAgree &&= first === undefined
  }
  return allAgree
}

/**
 * Prints a line for each file of the folder, and gives the exit code: 0 when all agree; 1 when something differs or cannot
 * be read; 2 when it is not called as it should be.
 */
export const run = async (args: ReadonlyArray<string>, output: Output): Promise<0 | 1 | 2> => {
  const [folder, ...more] = args
  if (folder === undefined || folder.startsWith("-") || more.length > 0) {
    output.error("Usage: npm run conformance -- DIR, where DIR holds vectors such as those in test/fixtures.")
    return 2
  }
  try {
    return (await report(folder, output)) ? 0 : 1
  } catch (error) {
    if (!(error instanceof Unusable)) throw error
    output.error(error.message)
    return 1
  }
}

/**
 * better-sqlite3 where it does not run, or would end the whole process, which nothing could report afterwards. Version 13 has its binary in
 * its package, for Node 22 and newer, Bun and Deno; version 12 is compiled for one version of Node.
 *
 * @since 0.1.0
 */
import * as fs from "node:fs"
import * as Module from "node:module"
import * as path from "node:path"
import process from "node:process"

/** What runs this program: `bun` and `deno` are there on these alone, which say also which Node they are like. @since 0.1.0 @category models */
export type Versions = Readonly<Record<"node", string> & Partial<Record<"bun" | "deno", string>>>

/**
 * What is wrong with a driver there, if the two do not fit together. On Node 20 version 13 is a segmentation fault. What is compiled with
 * Node 24.19 or newer `removesHooks` when a statement is collected, and Node 24 before 24.22 aborts when that happens while no JavaScript runs
 * (nodejs/node#65446).
 *
 * @since 0.1.0
 * @category combinators
 */
export const faultOf = (
  driver: string,
  { bun, deno, node }: Versions,
  removesHooks: () => boolean
): string | undefined => {
  const [driverMajor = 0] = driver.split(".").map(Number)
  if (bun !== undefined || deno !== undefined) {
    return driverMajor < 13
      ? `better-sqlite3 ${driverMajor} does not run on ${bun === undefined ? "Deno" : "Bun"}: install better-sqlite3@13`
      : undefined
  }
  const [nodeMajor = 0, nodeMinor = 0] = node.split(".").map(Number)
  if (driverMajor >= 13) {
    return nodeMajor < 22
      ? `better-sqlite3 ${driverMajor} needs Node 22 or newer, and this is Node ${nodeMajor}: install better-sqlite3@12`
      : undefined
  }
  return nodeMajor === 24 && nodeMinor < 22 && removesHooks()
    ? `better-sqlite3 ${driverMajor}, as it was compiled here, can end a process of Node ${nodeMajor}.${nodeMinor} at any time: install better-sqlite3@13, or Node 24.22 or newer`
    : undefined
}

/**
 * What is wrong with the installed driver on this Node. Nothing where it cannot be found: loading it says that.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fault = (): string | undefined => {
  try {
    const manifest = Module.createRequire(import.meta.url).resolve("better-sqlite3/package.json")
    const { version }: { readonly version: string } = JSON.parse(fs.readFileSync(manifest, "utf8"))
    const binary = path.join(path.dirname(manifest), "build", "Release", "better_sqlite3.node")
    return faultOf(version, process.versions, () =>
      // The name of what it would call.
      fs.readFileSync(binary).includes("RemoveEnvironmentCleanupHook")
    )
  } catch {
    return undefined
  }
}

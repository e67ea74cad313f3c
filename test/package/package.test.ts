import { existsSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { type Consumer, make } from "./consumer.js"
import { all, type Block, commandsOf, docstrings, of, where } from "./markdown.js"
import { offered } from "./offered.js"
import { play } from "./transcript.js"

let consumer: Consumer
beforeAll(async () => {
  consumer = await make()
  for (const line of of("sh").flatMap(commandsOf)) {
    if (line.startsWith("npm install ")) await consumer.install(line)
  }
  // What a program in TypeScript has beside them, and one with a SqlClient of its own.
  await consumer.install(
    "npm install @effect/sql-pg@0.53 @effect/sql-sqlite-node@0.53 @types/pg@8 typescript@5 @types/node@20"
  )
}, 600_000)
afterAll(() => consumer?.remove())

const ok = async (line: string) => {
  const result = await consumer.run(line)
  assert.strictEqual(result.code, 0, `${line}\n${result.stdout}${result.stderr}`)
  return result.stdout
}

/** The names by which a module of `dist` would be imported. */
const modules = () =>
  readdirSync(join(consumer.home, "dist"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".js"))
    .map((file) => file.slice(0, -".js".length))

const isOffered = (name: string): boolean =>
  offered.includes(`./${name}`) || name.startsWith("schema/") || name.startsWith("services/")

describe("the tarball", () => {
  it("holds docs, examples and the changelog, and nothing of the build's own", () => {
    for (const file of [
      "README.md",
      "CHANGELOG.md",
      "LICENSE",
      "docs/database.md",
      "examples/quickstart.ts",
      "src/index.ts"
    ]) {
      assert.isTrue(existsSync(join(consumer.home, file)), file)
    }
    assert.deepStrictEqual(
      readdirSync(join(consumer.home, "dist")).filter((name) => name.startsWith(".")),
      []
    )
    assert.isTrue(existsSync(join(consumer.home, "dist/layers/NodeWatchtower.js")))
  })

  it("can be imported where it is offered, and nowhere else", async () => {
    const expected = Object.fromEntries(
      modules().flatMap((name) => [
        [`effect-watchtower/${name}`, isOffered(name) ? "imported" : "ERR_PACKAGE_PATH_NOT_EXPORTED"],
        [`effect-watchtower/dist/${name}.js`, "ERR_PACKAGE_PATH_NOT_EXPORTED"]
      ])
    )
    consumer.write(
      "imports.mjs",
      `const outcomes = {}
       for (const path of ${JSON.stringify(Object.keys(expected))}) {
         outcomes[path] = await import(path).then(() => "imported", (error) => error.code ?? String(error))
       }
       console.log(JSON.stringify(outcomes))`
    )
    assert.deepStrictEqual(JSON.parse(await ok("node imports.mjs")), expected)
    for (const name of ["concurrency/firstOf", "concurrency/scoped", "support/databaseIdentity", "keys/privateFile"]) {
      assert.strictEqual(expected[`effect-watchtower/layers/${name}`], "ERR_PACKAGE_PATH_NOT_EXPORTED")
    }
  })
})

describe("the code blocks of README, docs and docstrings", () => {
  it("type-check, as does each module that is offered", async () => {
    const names = modules().filter(isOffered)
    consumer.write(
      "offered.ts",
      names.map((name, at) => `export * as m${at} from "effect-watchtower/${name}"`).join("\n")
    )
    for (const block of [...of("ts"), ...docstrings])
      consumer.write(`${where(block).replaceAll(/\W/g, "_")}.ts`, block.text)
    consumer.write(
      "tsconfig.json",
      JSON.stringify({
        compilerOptions: {
          strict: true,
          exactOptionalPropertyTypes: true,
          module: "NodeNext",
          target: "ES2023",
          noEmit: true,
          types: ["node"],
          skipLibCheck: false
        },
        include: ["*.ts"]
      })
    )
    await ok("tsc --pretty false")
  })

  /** An `sh` block under a `ts` block runs it, under the name that it gives. */
  const programs = of("sh").flatMap((block) => {
    const [, name] = /^(?:node|npx vitest run) (\S+)$/m.exec(block.text) ?? []
    const above = all[all.indexOf(block) - 1]
    return name === undefined || above?.language !== "ts" ? [] : [{ name, block, program: above }]
  })

  it.each(programs.map((one) => [where(one.program), one] as const))("run: %s", async (_, { block, name, program }) => {
    consumer.write(name, program.text)
    for (const line of commandsOf(block)) await ok(line)
    // "Run it again."
    if (name.endsWith(".mjs")) await ok(`node ${name}`)
  })

  it("are all run that are programs", () => {
    const isProgram = ({ text }: Block) => /\.run(Main|Promise|Sync|Fork)?\b|^it[.(]/m.test(text)
    assert.deepStrictEqual(
      of("ts").filter(isProgram).map(where),
      programs.map(({ program }) => where(program))
    )
    assert.isAtLeast(programs.length, 2)
  })
})

describe("the command line", () => {
  /** Keys, numbers and times differ from run to run; so does the width of columns. */
  const normal = (text: string) =>
    text
      .replaceAll(`${consumer.folder}/`, "")
      .replaceAll(/\b0[23][0-9a-f]{12,64}/g, "KEY")
      .replaceAll(/(127\.0\.0\.1:)\d+/g, "$1PORT")
      .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME")
      .replaceAll(/\d+s ago/g, "AGO")
      .replaceAll(/\b\d{4,10}(?=[\s.,)]|$)/g, "NUMBER")
      .replaceAll(/ {2,}/g, "  ")
      .trim()

  it("prints for the demo what the README says", async () => {
    const [shown] = of("text", "README.md").filter(({ text }) => text.includes(".wtclient-demo"))
    assert.strictEqual(normal(await ok("wtclient demo")), normal(shown?.text ?? ""))
  })

  // docs/service.md has a test of its own, with a node.
  const transcripts = [...new Set(of("console").map(({ file }) => file))].filter((file) => file !== "docs/service.md")

  it.each(transcripts)("does what the transcripts of %s say", async (file) => {
    assert.isAbove(await play(consumer, file), 2)
  })

  it("runs what docs/ tells to run", async () => {
    await ok("wtclient init")
    await ok(`wtclient add 02${"79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"}@tower.example:9911`)
    // What is installed, and the tests of the examples, are run above.
    const lines = of("sh")
      .filter(({ file }) => file !== "README.md")
      .flatMap(commandsOf)
      .filter((line) => !/^(npm install|npx vitest run) /.test(line))
    assert.isNotEmpty(lines)
    for (const line of lines) await ok(line)
  })
})

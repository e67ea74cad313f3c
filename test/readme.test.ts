import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import manifest from "../package.json" with { type: "json" }
import { all, checkout, commandsOf, docstrings, of, specsOf, where } from "./package/markdown.js"
import { offered } from "./package/offered.js"

describe("package.json", () => {
  it("offers what is meant to be public, by name", () => {
    assert.deepStrictEqual(Object.keys(manifest.exports).sort(), [...offered].sort())
  })
})

describe("the docstrings", () => {
  const sourceOf = (name: string): string => (name === "." ? "src/index.ts" : join("src", `${name}.ts`))

  it.each(offered.filter((name) => !/[*]|json$/.test(name)))("of %s begin with an example", (name) => {
    const file = sourceOf(name)
    const first = docstrings.find((block) => block.file === file)
    const text = readFileSync(join(checkout, file), "utf8")
    assert.isBelow(first?.line ?? Number.POSITIVE_INFINITY, text.slice(0, text.indexOf(" */")).split("\n").length)
  })

  it("have no other blocks than those that are type-checked", () => {
    assert.deepStrictEqual([...new Set(docstrings.map(({ language }) => language))], ["ts"])
  })
})

describe("the README and the pages of docs", () => {
  it("have the examples", () => {
    const printed = of("ts").map(({ text }) => text)
    // Those in other languages are run by the tests of docs/service.md and of the command line.
    for (const name of readdirSync(join(checkout, "examples")).filter((name) => name.endsWith(".ts"))) {
      assert.include(printed, readFileSync(join(checkout, "examples", name), "utf8"), name)
    }
  })

  it("have blocks of code that are compiled or run, pictures, and what is only shown", () => {
    const kinds = [...new Set(all.map(({ language }) => language))]
    // The file in TOML is read by docs/configuration.test.ts.
    assert.deepStrictEqual(kinds.sort(), ["console", "mermaid", "sh", "text", "toml", "ts"])
  })

  it("say above each block that is not run here why", () => {
    assert.deepStrictEqual(
      all.flatMap(({ file, notRun }) => (notRun === undefined ? [] : [`${file}: ${notRun}`])),
      [
        "README.md: needs pnpm and a registry",
        "README.md: needs Bun and a registry",
        "docs/containers.md: needs Docker",
        "docs/containers.md: needs Docker",
        "docs/embed.md: needs esbuild; test/package/missing.test.ts runs it",
        "docs/embed.md: needs esbuild; test/package/missing.test.ts runs it",
        "docs/run.md: needs a Tor proxy",
        "docs/run.md: needs a Postgres server",
        "docs/run.md: needs the program sqlite3"
      ]
    )
  })

  it("show no command in a block that is only shown", () => {
    const commands = of("text").filter(({ text }) => /^(\$ |wtclient |npm |npx |curl )/m.test(text))
    assert.deepStrictEqual(commands.map(where), [])
  })
})

describe("the README", () => {
  it("names the versions that package.json wants, for npm, pnpm and Bun", () => {
    // Also those that are not run here.
    const lines = all
      .filter(({ file, language }) => file === "README.md" && language === "sh")
      .flatMap(commandsOf)
      .filter((line) => /^(npm install|pnpm add|bun add) /.test(line))
    const peers: Readonly<Record<string, string>> = manifest.peerDependencies
    // ^0.97.0 is all of 0.97, and ^3.22.0 all of 3 from there on.
    const shortOf = (range: string) => range.replace(/^\^(0\.\d+|\d+)\..*$/, "$1")
    for (const line of lines) {
      // Of better-sqlite3 the first one runs on the oldest Node, and the last one alone on Bun.
      const part = line.startsWith("bun ") ? -1 : 0
      for (const { name, range } of specsOf(line)) {
        if (name in peers) assert.strictEqual(range, shortOf((peers[name] ?? "").split(" || ").at(part) ?? ""), line)
      }
    }
    assert.deepStrictEqual(
      lines.filter((line) => line.includes(" effect-watchtower ")).map((line) => line.split(" ")[0]),
      ["npm", "pnpm", "bun"]
    )
  })

  it("has the checkout's commands, which .ci/run runs", () => {
    const ci = readFileSync(join(checkout, ".ci/run"), "utf8")
    const words = of("sh", "README.md")
      .flatMap(commandsOf)
      .flatMap((line) => line.split(" && "))
    for (const word of words.filter((word) => /^npm (ci|start|test|run )/.test(word))) assert.include(ci, word)
  })
})

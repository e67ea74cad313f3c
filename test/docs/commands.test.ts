/** The commands that README and docs name, also in the middle of a sentence: they and their flags are there. */
import * as fs from "node:fs"
import * as path from "node:path"
import { OpenApi } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import manifest from "../../package.json" with { type: "json" }
import { grammar } from "../../src/cli/run.js"
import { WatchtowerApi } from "../../src/schema/http/WatchtowerApi.js"
import { all, checkout, commandsOf } from "../package/markdown.js"

const pages = ["README.md", "CONTRIBUTING.md", "SECURITY.md"].concat(
  fs
    .readdirSync(path.join(checkout, "docs"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => path.join("docs", name))
)

/** Lines of blocks, and code in sentences, which a line break may divide. */
const commands: ReadonlyArray<readonly [file: string, command: string]> = [
  ...all.flatMap((block) => commandsOf(block).map((line) => [block.file, line] as const)),
  ...pages.flatMap((file) =>
    [
      ...fs
        .readFileSync(path.join(checkout, file), "utf8")
        .replaceAll(/^ *```.*?^ *```$/gms, "")
        .matchAll(/`([^`]+)`/g)
    ].map(([, code = ""]) => [file, code.replaceAll(/\s+/g, " ")] as const)
  )
]

const groups = new Set(Object.keys(grammar.commands).map((name) => name.split(" ")[0] ?? ""))

/** What is wrong with the words behind `wtclient`. */
const faults = (words: ReadonlyArray<string>): ReadonlyArray<string> => {
  const [first = "", second = ""] = words
  const flags = words.filter((word) => /^--[a-z]/.test(word)).map((word) => word.slice(2).replace(/=.*/, ""))
  const own = grammar.commands[`${first} ${second}`] ?? grammar.commands[first]
  if (own === undefined && !first.startsWith("-") && first !== "COMMAND" && !groups.has(first)) {
    return [`no command ${first}`]
  }
  const known = [...(own?.().flags ?? []), ...grammar.common, "help"]
  return flags.filter((flag) => !known.includes(flag)).map((flag) => `no flag --${flag}`)
}

describe("README and docs", () => {
  it("name commands and flags of wtclient that are there", () => {
    // `wtclient` is the name of the image there.
    const own = commands.filter(([, command]) => !command.startsWith("docker "))
    const calls = own.flatMap(([file, command]) =>
      [...command.matchAll(/(?:^|[ (/])wtclient ([^)|;&]+)/g)].map(([call, words = ""]) => ({ file, call, words }))
    )
    assert.isAbove(calls.length, 100)
    assert.deepStrictEqual(
      calls.flatMap(({ call, file, words }) =>
        faults(words.trim().split(" ")).map((one) => `${file}: ${call}: ${one}`)
      ),
      []
    )
  })

  it("name requests that the service answers", () => {
    // `/v1/towers/{publicKey}` and `/v1/towers/PUBLICKEY` are one.
    const general = (at: string) => at.replaceAll(/\/(?:\{[^}]*\}|[A-Z]+)(?=\/|$)/g, "/NAME")
    const known = new Set(["GET /openapi.json"])
    for (const [at, methods] of Object.entries(OpenApi.fromApi(WatchtowerApi).paths)) {
      for (const method of Object.keys(methods)) known.add(`${method.toUpperCase()} ${general(at)}`)
    }
    const named = commands.flatMap(([file, command]) =>
      [...command.matchAll(/^(GET|POST|DELETE|PUT) ([^\s?]+)/g)].map(([request, method = "", at = ""]) => ({
        where: `${file}: ${request}`,
        request: `${method} ${general(at)}`
      }))
    )
    assert.isAbove(named.length, 40)
    assert.deepStrictEqual(
      named.flatMap(({ request, where }) => (known.has(request) ? [] : [where])),
      []
    )
  })

  it("name scripts of package.json that are there", () => {
    const named = commands.flatMap(([file, command]) =>
      [...command.matchAll(/npm run (?:--silent )?([\w:-]+)/g)].map(([, name = ""]) => ({ file, name }))
    )
    assert.isAbove(named.length, 10)
    assert.deepStrictEqual(
      named.filter(({ name }) => !(name in manifest.scripts)),
      []
    )
  })
})

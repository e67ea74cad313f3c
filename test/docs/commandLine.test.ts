import * as fs from "node:fs"
import * as path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { exitCodes } from "../../src/cli/support/exitCodes.js"

const page = fs.readFileSync(path.resolve(import.meta.dirname, "../../docs/command-line.md"), "utf8")

describe("docs/command-line.md", () => {
  it("has the exit codes that the program has", () => {
    const rows = [...page.matchAll(/^\| (\d+) \| (.*) \|$/gm)].map(([, code, meaning]) => [Number(code), meaning])
    assert.deepStrictEqual(
      rows,
      Object.values(exitCodes).map(({ code, meaning }) => [code, meaning])
    )
  })
})

import { execFileSync } from "node:child_process"
import { assert, describe, it } from "@effect/vitest"
import { FastCheck } from "effect"
import { commandText, programOf } from "../../../src/cli/support/commandText.js"

describe("a command to paste", () => {
  it.prop(
    "is read back by a shell as the same words",
    { words: FastCheck.array(FastCheck.string({ minLength: 0 }).filter((word) => !word.includes("\0"))) },
    ({ words }) => {
      const line = commandText("printf '%s\\0' x", words)
      const read = execFileSync("sh", ["-c", line], { encoding: "utf8" }).split("\0").slice(1, -1)
      assert.deepStrictEqual(read, words)
    },
    { fastCheck: { numRuns: 30 } }
  )

  const installed = { script: "/usr/local/bin/wtclient", environment: { PATH: "/usr/bin:/usr/local/bin" } }

  it("calls an installed program by its name", () => {
    assert.strictEqual(programOf(installed), "wtclient")
  })

  it("calls a program that no shell finds by its path", () => {
    assert.strictEqual(programOf({ ...installed, environment: { PATH: "/usr/bin" } }), "node /usr/local/bin/wtclient")
    assert.strictEqual(
      programOf({ script: "/src/my checkout/dist/bin.js", environment: {} }),
      "node '/src/my checkout/dist/bin.js'"
    )
  })

  it("calls a program under npx by npx", () => {
    const script = "/project/node_modules/.bin/wtclient"
    const environment = { npm_command: "exec", PATH: "/project/node_modules/.bin" }
    assert.strictEqual(programOf({ script, environment }), "npx wtclient")
  })

  it("does not count on the folders that npm searches for its scripts", () => {
    const script = "/project/node_modules/.bin/wtclient"
    const environment = { npm_command: "run-script", PATH: "/project/node_modules/.bin" }
    assert.strictEqual(programOf({ script, environment }), `node ${script}`)
  })
})

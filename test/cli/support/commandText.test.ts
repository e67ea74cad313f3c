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

  const versions = { node: "26.3.0" }
  const installed = { script: "/usr/local/bin/wtclient", environment: { PATH: "/usr/bin:/usr/local/bin" }, versions }

  it("calls an installed program by its name", () => {
    assert.strictEqual(programOf(installed), "wtclient")
  })

  it("calls a program that no shell finds by its path", () => {
    assert.strictEqual(programOf({ ...installed, environment: { PATH: "/usr/bin" } }), "node /usr/local/bin/wtclient")
    assert.strictEqual(
      programOf({ script: "/src/my checkout/dist/bin.js", environment: {}, versions }),
      "node '/src/my checkout/dist/bin.js'"
    )
  })

  it("calls a program under npx by npx", () => {
    const script = "/project/node_modules/.bin/wtclient"
    const environment = { npm_command: "exec", PATH: "/project/node_modules/.bin" }
    assert.strictEqual(programOf({ script, environment, versions }), "npx wtclient")
  })

  it("does not count on the folders that npm searches for its scripts", () => {
    const script = "/project/node_modules/.bin/wtclient"
    const environment = { npm_command: "run-script", PATH: "/project/node_modules/.bin" }
    assert.strictEqual(programOf({ script, environment, versions }), `node ${script}`)
  })

  it("calls it by what runs it", () => {
    const script = "/checkout/dist/bin.js"
    const onBun = { ...versions, bun: "1.4.5" }
    const onDeno = { ...versions, deno: "2.9.6" }
    assert.strictEqual(programOf({ script, environment: {}, versions: onBun }), `bun ${script}`)
    assert.strictEqual(programOf({ script, environment: {}, versions: onDeno }), `deno run -A ${script}`)
    const environment = { npm_command: "exec", npm_config_user_agent: "bun/1.4.5 npm/? node/v26.3.0 linux x64" }
    assert.strictEqual(programOf({ script, environment, versions: onBun }), "bunx --bun wtclient")
    assert.strictEqual(programOf({ script, environment, versions }), "bunx wtclient")
  })
})

/** A command line with a wrong argument ends with 2, whichever argument it is; one that cannot be carried out ends with 1. */
import * as fs from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { exitCodes } from "../../src/cli/support/exitCodes.js"
import { publicKeyOf } from "../../src/layers/testing/FixedKeyRing.js"
import { newClient, wtclient } from "./wtclient.js"

const key = publicKeyOf(1)
const other = publicKeyOf(2)
/** 66 digits that are no point of the curve. */
const noPoint = `02${"f".repeat(64)}`

const AnyFailure = Schema.parseJson(
  Schema.Struct({ error: Schema.Struct({ message: Schema.String, next: Schema.Array(Schema.String) }) })
)

describe("exit codes", () => {
  const wrong: ReadonlyArray<readonly [what: string, words: ReadonlyArray<string>]> = [
    ["a command", ["frobnicate"]],
    ["a command of a group", ["db", "frobnicate"]],
    ["a flag", ["towers", "--frobnicate"]],
    ["a flag of another command", ["towers", "--count", "1"]],
    ["a flag without its value", ["negotiate", "--count"]],
    ["a switch with a value", ["towers", "--full=yes"]],
    ["an argument too few", ["add"]],
    ["an argument too many", ["channels", key]],
    ["a tower's URI", ["add", "tower.example"]],
    ["a tower's URI, of doctor", ["doctor", `${noPoint}@tower.example`]],
    ["a tower's URI, of remove", ["remove", `${key}@`]],
    ["an address in a URI", ["add", `${key}@tower.example:99999`]],
    ["an address", ["remove", key, "tower.example:"]],
    ["an address twice", ["remove", `${key}@tower.example`, "tower.example"]],
    ["a public key, of tower", ["tower", "02"]],
    ["a public key, of remove", ["remove", noPoint]],
    ["a public key, of deactivate", ["deactivate", noPoint]],
    ["a tower, of sessions", ["sessions", "--tower", "zz"]],
    ["a tower, of sessions, that is no point", ["sessions", "--tower", noPoint]],
    ["a session's id", ["session", "terminate", "02"]],
    ["a chain", ["towers", "--chain", "dogecoin"]],
    ["a network", ["towers", "--network", "frobnicate"]],
    ["a blob type", ["negotiate", "--blob-type", "frobnicate"]],
    ["a blob type of another chain", ["policy", "--blob-type", "taproot", "--chain", "decred", "--network", "simnet"]],
    ["a status", ["sessions", "--status", "frobnicate"]],
    ["a layout", ["init", "--layout", "frobnicate"]],
    ["an account", ["init", "--account", "-1"]],
    ["an account where the layout has none", ["init", "--account", "1"]],
    ["a number of updates", ["negotiate", "--max-updates", "0"]],
    ["a fee rate that is no number", ["negotiate", "--sweep-fee-rate", "x"]],
    ["a fee rate that no tower takes", ["negotiate", "--sweep-fee-rate", "1"]],
    ["a count", ["negotiate", "--count", "0"]],
    ["a port", ["serve", "--port", "99999"]],
    ["a proxy", ["doctor", `${key}@tower.example`, "--proxy", "127.0.0.1:"]],
    ["the path of a folder", ["towers", "--data-dir", ""]],
    ["the path of a file", ["init", "--import", ""]],
    ["a level of logs", ["towers", "--log-level", "loud"]],
    ["a shell", ["--completions", "cmd"]]
  ]
  for (const [what, words] of wrong) {
    it.scoped(`2 where ${what} is wrong, and nothing is tried`, () =>
      Effect.gen(function* () {
        const { flags, folder } = yield* newClient
        // A flag that is given twice counts as given last.
        const { code, stderr, stdout } = yield* wtclient([...flags, ...words])
        assert.deepStrictEqual([code, stdout], [exitCodes.usage.code, ""], stderr)
        assert.match(stderr, /^Next: wtclient .*--help$/m)
        const forPrograms = yield* wtclient([...flags, "--json", ...words])
        assert.deepStrictEqual([forPrograms.code, forPrograms.stderr], [code, stderr])
        const { error } = Schema.decodeUnknownSync(AnyFailure)(forPrograms.stdout)
        assert.isTrue(stderr.startsWith(`wtclient: ${error.message}\nNext: ${error.next[0]}\n`))
        assert.deepStrictEqual(fs.readdirSync(folder), [])
      })
    )
  }

  it.scoped("2 is the same with a database as without one", () =>
    Effect.gen(function* () {
      const { wtclient } = yield* newClient
      yield* wtclient("init")
      yield* wtclient("add", `${key}@127.0.0.1:1`)
      for (const words of [
        ["sessions", "--tower", noPoint],
        ["session", "terminate", "02"],
        ["remove", key, "127.0.0.1:"],
        ["status", "--sweep-fee-rate", "1"]
      ]) {
        assert.strictEqual((yield* wtclient(...words)).code, exitCodes.usage.code)
      }
    })
  )

  const undone: ReadonlyArray<readonly [what: string, words: ReadonlyArray<string>]> = [
    ["a tower that is not known", ["tower", other]],
    ["a tower that is not known, of remove", ["remove", other]],
    ["an address that a tower does not have", ["remove", key, "tower.example"]],
    ["a session that is not stored", ["session", "terminate", other]],
    ["a file that is not there", ["init", "--import", "/not/there"]],
    ["a tower that is not there", ["negotiate"]],
    ["a bad result of a check", ["status", "--check"]]
  ]
  for (const [what, words] of undone) {
    it.scopedLive(`1 because of ${what}`, () =>
      Effect.gen(function* () {
        const { wtclient } = yield* newClient
        yield* wtclient("init")
        yield* wtclient("add", `${key}@127.0.0.1:1`)
        assert.strictEqual((yield* wtclient(...words)).code, exitCodes.failed.code)
      })
    )
  }
})

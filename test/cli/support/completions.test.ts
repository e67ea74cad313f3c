import { execFileSync } from "node:child_process"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { wtclient } from "../wtclient.js"

/** What bash offers behind these words, the last of which is being typed. */
const offered = (script: string, words: ReadonlyArray<string>): ReadonlyArray<string> =>
  execFileSync(
    "bash",
    [
      "-c",
      `${script}\nshift; COMP_WORDS=("$@"); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _wtclient; printf '%s\\n' "\${COMPREPLY[@]}"`,
      "bash",
      "--",
      ...words
    ],
    { encoding: "utf8" }
  )
    .split("\n")
    .filter((word) => word !== "")

describe("completions", () => {
  const cases: Array<[words: ReadonlyArray<string>, some: ReadonlyArray<string>]> = [
    [
      ["wtclient", "tow"],
      ["towers", "tower"]
    ],
    [
      ["wtclient", "db", ""],
      ["check", "skip-keys"]
    ],
    [
      ["wtclient", "sess"],
      ["session", "sessions"]
    ],
    [["wtclient", "session", ""], ["terminate"]],
    [["wtclient", "channels", "--ful"], ["--full"]],
    [["wtclient", "stats", "--js"], ["--json"]],
    [["wtclient", "deactivate", "--tow"], []],
    [
      ["wtclient", "sessions", "--status", ""],
      ["active", "inactive", "terminal", "lost"]
    ],
    [
      ["wtclient", "db", "skip-keys", "--c"],
      ["--chain", "--count", "--completions"]
    ],
    [["wtclient", "tower", "--max"], ["--max-updates"]],
    [["wtclient", "serve", "--max"], []],
    [
      ["wtclient", "negotiate", "--json", "--blob-type", "tap"],
      ["taproot", "taproot-final"]
    ],
    [
      ["wtclient", "--chain", ""],
      ["bitcoin", "decred"]
    ],
    [["wtclient", "--log-level", "d"], ["debug"]],
    [["wtclient", "negotiate", "--count", ""], []]
  ]
  for (const [words, some] of cases) {
    it.effect(`of "${words.join(" ")}" in bash are ${some.join(", ") || "none"}`, () =>
      Effect.gen(function* () {
        const { code, stdout } = yield* wtclient(["--completions", "bash"])
        assert.strictEqual(code, 0)
        assert.sameMembers([...offered(stdout, words)], [...some])
      })
    )
  }

  it.effect("of a folder in bash are paths", () =>
    Effect.gen(function* () {
      const { stdout } = yield* wtclient(["--completions", "bash"])
      assert.include(offered(stdout, ["wtclient", "init", "--data-dir", "sr"]), "src")
    })
  )

  for (const shell of ["bash", "zsh", "fish"]) {
    it.effect(`for ${shell} offer no flag that is refused`, () =>
      Effect.gen(function* () {
        const { stdout } = yield* wtclient(["--completions", shell])
        assert.include(stdout, "skip-keys")
        assert.notInclude(stdout, "wizard")
      })
    )
  }
})

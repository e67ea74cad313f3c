import { execFileSync, spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
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

const has = (shell: string): boolean => {
  const isThere = spawnSync(shell, ["-c", "exit 0"]).status === 0
  if (!isThere) console.warn(`The test of completions in ${shell} is skipped: ${shell} is not installed.`)
  return isThere
}

/** What fish offers at the end of each of these lines. */
const offeredByFish = (script: string, lines: ReadonlyArray<string>): ReadonlyArray<ReadonlyArray<string>> =>
  execFileSync(
    "fish",
    ["--no-config", "-c", `${script}\nfor line in $argv; complete -C $line; echo ==; end`, ...lines],
    {
      encoding: "utf8"
    }
  )
    .split("==\n")
    .slice(0, lines.length)
    .map((answer) => answer.split("\n").filter((line) => line !== ""))

/** A zsh at a terminal of its own, which reads the script as docs/command-line.md says, and then each line and a Tab. */
const typing = String.raw`
zmodload zsh/zpty
zpty -b shell 'TERM=dumb zsh -f -i'
answer() {
  local read
  zpty -r shell read '*READY*'
  print -r -- "$read"
}
zpty -w shell "PS1=; LISTMAX=1000; autoload -Uz compinit && compinit -u -D; source <(cat $1); echo REA''DY"
answer > /dev/null
shift
for line in "$@"; do
  # The first Tab completes as far as all agree, the second one lists. Then the line is killed.
  zpty -w -n shell "$line"$'\t\t'$'\x15'"echo REA''DY"$'\n'
  answer
  print -r -- '=='
done
zpty -d shell`

/** What zsh shows at a Tab behind each of these lines. */
const shownByZsh = (script: string, lines: ReadonlyArray<string>): ReadonlyArray<string> => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "completions-"))
  try {
    const file = path.join(folder, "script")
    fs.writeFileSync(file, script)
    return execFileSync("zsh", ["-f", "-c", typing, "zsh", file, ...lines], { encoding: "utf8" })
      .split("==\n")
      .slice(0, lines.length)
  } finally {
    fs.rmSync(folder, { recursive: true })
  }
}

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

  it.effect.skipIf(!has("fish"))("in fish are the same, each with what it is about", () =>
    Effect.gen(function* () {
      const { stdout } = yield* wtclient(["--completions", "fish"])
      const lines = cases.map(([words]) => words.join(" "))
      const answers = offeredByFish(stdout, lines)
      for (const [index, [words, some]] of cases.entries()) {
        // fish goes on to words that have the letters somewhere.
        const begun = (answers[index] ?? []).filter((line) => line.startsWith(words.at(-1) ?? ""))
        const found = begun.map((line) => line.split("\t")[0])
        assert.sameMembers(found, [...some], lines[index] ?? "")
      }
      const [[status] = [], [folder] = []] = offeredByFish(stdout, ["wtclient statu", "wtclient init --data-dir sr"])
      assert.match(status ?? "", /^status\tSay how the client stands/)
      assert.match(folder ?? "", /^src\//)
    })
  )

  it.effect.skipIf(!has("zsh"))("in zsh are the same, at the Tab key of a terminal", () =>
    Effect.gen(function* () {
      const { stdout } = yield* wtclient(["--completions", "zsh"])
      const offering = cases.filter(([, some]) => some.length > 0)
      const shown = shownByZsh(
        stdout,
        offering.map(([words]) => words.join(" "))
      )
      assert.lengthOf(shown, offering.length)
      for (const [index, [words, some]] of offering.entries()) {
        for (const word of some) assert.include(shown[index], word, words.join(" "))
      }
    })
  )
})

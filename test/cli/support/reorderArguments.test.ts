import { assert, describe, it } from "@effect/vitest"
import { Either, FastCheck } from "effect"
import { type Grammar, reorderArguments } from "../../../src/cli/support/reorderArguments.js"

const grammar: Grammar = {
  values: { chain: [], count: [], type: [], "log-level": ["debug", "none"] },
  switches: ["json", "help", "quiet"],
  common: ["log-level", "help", "quiet"],
  own: ["quiet"],
  lists: ["type"],
  commands: {
    add: () => ({ flags: ["chain", "count", "type", "json"], required: ["tower"], optional: ["address"] }),
    towers: () => ({ flags: ["chain", "json"], required: [], optional: [] }),
    "db skip-keys": () => ({ flags: ["count"], required: [], optional: [] })
  }
}

const words = (line: string) =>
  Either.map(reorderArguments(grammar, line.split(" ").filter(Boolean)).words, (found) => found.join(" "))

describe("reorderArguments", () => {
  const cases: Array<[line: string, reordered: string]> = [
    ["", ""],
    ["add x", "add x"],
    ["--json add x", "add --json x"],
    ["add x --json", "add --json x"],
    ["--chain decred add x", "add --chain decred x"],
    ["add x --chain=decred", "add --chain decred x"],
    ["add --chain bitcoin x --chain decred", "add --chain decred x"],
    ["add --type a --json x --type b,c", "add --type a,b,c --json x"],
    ["db --count 3 skip-keys", "db skip-keys --count 3"],
    ["--count - add x", "add --count - x"],
    ["add -", "add -"],
    ["add -- --json", "add -- --json"],
    ["--json -- add --json", "add --json -- --json"],
    ["--log-level none towers", "towers --log-level none"],
    ["add x -- --json=1", "add -- x --json=1"],
    ["add x --log-level debug", "add --log-level debug x"],
    ["add x -q", "add x"],
    ["--quiet towers --json", "towers --json"],
    ["--help", "--help"],
    ["-h add x", "--help add --help"],
    ["db skip-keys --help", "--help db --help skip-keys --help"],
    ["db", "--help db --help"]
  ]
  for (const [line, reordered] of cases) {
    it(`${line || "nothing"} is ${reordered || "nothing"}`, () => {
      assert.deepStrictEqual(words(line), Either.right(reordered))
    })
  }

  const refusals: Array<[line: string, sentence: string]> = [
    ["add --cont 3", "There is no flag --cont. Did you mean --count?"],
    ["add --jsno", "There is no flag --jsno. Did you mean --json?"],
    ["add --frobnicate", "There is no flag --frobnicate."],
    ["add -x", "There is no flag -x."],
    ["add -json", "There is no flag -json."],
    ["add -hx", "There is no flag -hx."],
    ["add --count", "--count needs a value."],
    ["add --count --json", "--count needs a value."],
    ["add --json=yes", "--json takes no value."],
    ["add --log-level loud", '--log-level takes debug, none, not "loud".'],
    ["--count 1 towers", "The command towers does not take --count. It is for add, db skip-keys."],
    ["ad x", 'There is no command "ad". Did you mean add?'],
    ["frobnicate", 'There is no command "frobnicate". Commands are add, towers, db skip-keys.'],
    ["constructor", 'There is no command "constructor". Commands are add, towers, db skip-keys.'],
    ["db frobnicate", 'There is no command "db frobnicate". Commands are db skip-keys.'],
    ["db skipkeys", 'There is no command "db skipkeys". Did you mean db skip-keys?'],
    ["add", "The command add needs the argument TOWER."],
    ["add x y z", 'The command add takes at most 2 arguments, and "z" is one too many.'],
    ["towers -- --json", 'The command towers takes no arguments, and "--json" is one too many.']
  ]
  for (const [line, sentence] of refusals) {
    it(`refuses ${line}`, () => {
      assert.deepStrictEqual(
        Either.mapLeft(words(line), (error) => error.message),
        Either.left(sentence)
      )
    })
  }

  it.prop(
    "reads flags wherever they stand",
    {
      order: FastCheck.shuffledSubarray(["add", "x", "--json", "--chain decred"], { minLength: 4 }).filter(
        (order) => order.indexOf("add") < order.indexOf("x")
      )
    },
    ({ order }) => {
      const reordered = Either.getOrThrow(words(order.join(" "))).split(" ")
      assert.strictEqual(reordered[0], "add")
      assert.strictEqual(reordered.at(-1), "x")
      assert.sameMembers(reordered, ["add", "x", "--json", "--chain", "decred"])
      assert.strictEqual(reordered[reordered.indexOf("--chain") + 1], "decred")
    }
  )
})

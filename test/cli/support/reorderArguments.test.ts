import { assert, describe, it } from "@effect/vitest"
import { Either, FastCheck } from "effect"
import { type Grammar, reorderArguments } from "../../../src/cli/support/reorderArguments.js"

const grammar: Grammar = {
  values: { chain: [], count: [], "log-level": ["debug", "none"] },
  switches: ["json", "help"],
  commands: { add: [], towers: [], db: ["skip-keys"] }
}

const words = (line: string) =>
  Either.map(reorderArguments(grammar, line.split(" ").filter(Boolean)), (found) => found.words.join(" "))

describe("reorderArguments", () => {
  const cases: Array<[line: string, reordered: string]> = [
    ["", ""],
    ["add x", "add x"],
    ["--json add x", "add --json x"],
    ["add x --json", "add --json x"],
    ["--chain decred add x", "add --chain decred x"],
    ["add x --chain=decred", "add --chain decred x"],
    ["add --chain bitcoin x --chain decred", "add --chain decred x"],
    ["db --count 3 skip-keys", "db skip-keys --count 3"],
    ["--count - add", "add --count -"],
    ["add -", "add -"],
    ["add -- --json", "add -- --json"],
    ["--json -- add --json", "add --json -- --json"],
    ["add x -- y --json=1", "add -- x y --json=1"],
    ["--log-level debug add", "add --log-level debug"],
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
    ["add --cont 3", "There is no flag --cont."],
    ["add -x", "There is no flag -x."],
    ["add -json", "There is no flag -json."],
    ["add -hx", "There is no flag -hx."],
    ["add --count", "--count needs a value."],
    ["add --count --json", "--count needs a value."],
    ["add --json=yes", "--json takes no value."],
    ["add --log-level loud", '--log-level takes debug, none, not "loud".'],
    ["ad x", 'There is no command "ad". Commands are add, towers, db.'],
    ["constructor", 'There is no command "constructor". Commands are add, towers, db.'],
    ["db skip", 'There is no command "db skip". Commands are db skip-keys.']
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

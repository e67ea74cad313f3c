import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { parts } from "./mutants.js"

describe("the faults that are put into the code", () => {
  for (const { mutants, name } of parts) {
    it(`${name}: each one's text stands once in its file`, () => {
      const wrong = mutants.filter(({ file, from }) => readFileSync(file, "utf8").split(from).length !== 2)
      assert.deepStrictEqual(wrong, [])
    })
  }
})

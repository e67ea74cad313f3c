import { assert, describe, it } from "@effect/vitest"
import { type Column, table } from "../../../src/cli/support/table.js"

type Row = { readonly name: string; readonly length: number }

const columns: ReadonlyArray<Column<Row>> = [
  [
    ["FULL NAME", ({ name }) => name],
    ["NAME", ({ name }) => name.slice(0, 3)]
  ],
  [["LENGTH", ({ length }) => String(length)]]
]
const rows: ReadonlyArray<Row> = [
  { name: "the first of them", length: 17 },
  { name: "another", length: 7 }
]

describe("a table", () => {
  const whole = ["FULL NAME          LENGTH", "the first of them  17", "another            7"]
  const cases: Array<[what: string, width: number | undefined, lines: ReadonlyArray<string>]> = [
    ["is whole where nothing limits its width", undefined, whole],
    ["is whole where it fits", 25, whole],
    ["takes its shorter forms where it does not", 24, ["NAME  LENGTH", "the   17", "ano   7"]],
    ["is cut where these are too wide", 9, ["NAME  LE…", "the   17", "ano   7"]]
  ]
  for (const [what, width, lines] of cases) {
    it(what, () => {
      assert.deepStrictEqual(table(columns, rows, width).split("\n"), lines)
    })
  }
})

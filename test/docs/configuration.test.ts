/** docs/service.md, Configuration: the file that it shows is read, and what it prints is what the program prints. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { newClient } from "../cli/wtclient.js"
import { of } from "../package/markdown.js"

const [file] = of("toml", "docs/service.md")
const shown = of("console", "docs/service.md").find(({ text }) => text.includes("--print-config"))

describe("docs/service.md, Configuration", () => {
  it.scoped("shows a file that can be used, and what is printed of it", () =>
    Effect.gen(function* () {
      const { at, folder, fs, wtclient } = yield* newClient
      yield* wtclient("init")
      yield* fs.writeFileString(at("wtclient.toml"), file?.text ?? "")
      const checked = yield* wtclient("run", "--check-config")
      assert.deepStrictEqual([checked.code, checked.stderr], [0, ""])
      const [command = "", ...lines] = (shown?.text ?? "").trim().split("\n")
      const [, words = "", pattern = ""] = /^\$ wtclient (.*) \| grep -E '(.*)'$/.exec(command) ?? []
      const printed = yield* wtclient(...words.split(" "))
      const home = "/home/operator/.wtclient"
      const columns = (line: string) => line.replaceAll(folder, home).split(/ {2,}/)
      const kept = printed.stdout.split("\n").filter((line) => new RegExp(pattern).test(line))
      assert.deepStrictEqual(kept.map(columns), lines.map(columns))
      assert.isAbove(lines.length, 4)
    })
  )
})

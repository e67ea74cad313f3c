/** docs/errors.md names each error that a caller can meet, and no other. */
import * as fs from "node:fs"
import * as path from "node:path"
import { assert, it } from "@effect/vitest"

const root = path.resolve(import.meta.dirname, "../..")

const errors = fs
  .readdirSync(path.join(root, "src"), { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts") && !/^(cli|page)\//.test(file))
  .flatMap((file) => [
    ...fs
      .readFileSync(path.join(root, "src", file), "utf8")
      .matchAll(/^export class \w+ extends Schema\.TaggedError<\w+>\(\)\(\s*"(\w+)"/gm)
  ])
  .map(([, name = ""]) => name)

it("docs/errors.md has a row for each error", () => {
  const rows = fs.readFileSync(path.join(root, "docs/errors.md"), "utf8").matchAll(/^\| (`.*?`) \|/gm)
  const named = [...rows].flatMap(([, cell = ""]) => [...cell.matchAll(/`(\w+)`/g)].map(([, name = ""]) => name))
  assert.isAbove(errors.length, 50)
  assert.deepStrictEqual(named.sort(), errors.sort())
})

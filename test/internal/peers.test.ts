import { assert, describe, it } from "@effect/vitest"
import { missingPackage } from "../../src/internal/peers.js"

const notFound = (message: string, code = "ERR_MODULE_NOT_FOUND") => Object.assign(new TypeError(message), { code })

describe("a package that is missing", () => {
  const said: ReadonlyArray<readonly [where: string, message: string]> = [
    ["Node and Bun", "Cannot find package '@effect/sql-pg' imported from /project/program.mjs"],
    ["Deno", "Could not find package '@effect/sql-pg' from referrer 'file:///project/program.mjs'."],
    [
      "Deno without a package.json",
      'Import "@effect/sql-pg/PgClient" not a dependency\n  hint: deno add npm:@effect/sql-pg'
    ]
  ]
  for (const [where, message] of said) {
    it(`is named by what ${where} says`, () => {
      assert.strictEqual(missingPackage(notFound(message)), "@effect/sql-pg")
      assert.strictEqual(
        missingPackage(notFound(message.replaceAll("@effect/sql-pg", "better-sqlite3"))),
        "better-sqlite3"
      )
    })
  }

  it("is none where a file is missing, or where an import failed for another reason", () => {
    assert.isUndefined(
      missingPackage(notFound("Cannot find module '/project/dist/index.js' imported from /project/program.mjs"))
    )
    assert.isUndefined(missingPackage(notFound("Cannot find package 'pg'", "EACCES")))
    assert.isUndefined(missingPackage("Cannot find package 'pg'"))
  })
})

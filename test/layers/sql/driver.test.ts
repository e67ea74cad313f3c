import { assert, describe, it } from "@effect/vitest"
import * as Driver from "../../../src/layers/sql/driver.js"

const yes = () => true
const no = () => false
const unasked = () => assert.fail("the binary is read only where that decides")

describe("a driver of SQLite that does not run, or would end the process", () => {
  it("is better-sqlite3 13 before Node 22", () => {
    assert.strictEqual(
      Driver.faultOf("13.2.0", { node: "20.20.2" }, unasked),
      "better-sqlite3 13 needs Node 22 or newer, and this is Node 20: install better-sqlite3@12"
    )
    for (const node of ["22.0.0", "22.23.5", "24.21.0", "26.12.1"]) {
      assert.isUndefined(Driver.faultOf("13.2.0", { node }, unasked))
    }
  })

  it("is better-sqlite3 12 that was compiled with headers of Node 24.19 or newer, before Node 24.22", () => {
    assert.strictEqual(
      Driver.faultOf("12.11.1", { node: "24.21.0" }, yes),
      "better-sqlite3 12, as it was compiled here, can end a process of Node 24.21 at any time: install better-sqlite3@13, or Node 24.22 or newer"
    )
    assert.isUndefined(Driver.faultOf("12.11.1", { node: "24.21.0" }, no))
    for (const node of ["20.19.0", "22.23.5", "24.22.0", "26.12.1"]) {
      assert.isUndefined(Driver.faultOf("12.11.1", { node }, unasked))
    }
  })

  it("is better-sqlite3 12 on Bun and Deno", () => {
    assert.strictEqual(
      Driver.faultOf("12.11.1", { node: "26.3.0", bun: "1.4.5" }, unasked),
      "better-sqlite3 12 does not run on Bun: install better-sqlite3@13"
    )
    assert.strictEqual(
      Driver.faultOf("12.11.1", { node: "26.3.0", deno: "2.9.6" }, unasked),
      "better-sqlite3 12 does not run on Deno: install better-sqlite3@13"
    )
    for (const other of [{ bun: "1.4.5" }, { deno: "2.9.6" }]) {
      assert.isUndefined(Driver.faultOf("13.2.0", { node: "26.3.0", ...other }, unasked))
    }
  })

  it("is not the one that is installed here", () => {
    assert.isUndefined(Driver.fault())
  })
})

import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { check } from "../conformance/bolt8.js"

const vectors = JSON.parse(readFileSync(new URL("../fixtures/bolt8-vectors.json", import.meta.url), "utf8"))

describe("noise", () => {
  describe("BOLT-8 vectors", () => {
    for (const { detail, name, ok } of check(vectors)) it(name, () => assert.isTrue(ok, detail))
  })
})

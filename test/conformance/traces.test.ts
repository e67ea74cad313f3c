import { readdirSync, readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { Trace } from "./traces/file.js"
import { check } from "./traces.js"

const folder = new URL("../fixtures/traces/", import.meta.url)
const files = readdirSync(folder).filter((file) => file.endsWith(".json"))
const read = (file: string): unknown => JSON.parse(readFileSync(new URL(file, folder), "utf8"))
const differences = (json: unknown, name: string) => check(json, name).filter((result) => !result.ok)

describe("what the reference did, we do under its rules", () => {
  it("all 74 runs are here", () => {
    assert.strictEqual(files.length, 74)
  })

  it.each(files)("%s", (file) => {
    assert.deepStrictEqual(differences(read(file), file), [])
  })
})

describe("a run that differs is reported", () => {
  const trace = Schema.encodeSync(Trace)(Schema.decodeUnknownSync(Trace)(read("mixed-hour.json")))
  const details = (json: unknown) => differences(json, "run").map((result) => result.detail)

  it("the unchanged one agrees", () => {
    assert.deepStrictEqual(details(trace), [])
  })

  it("by one millisecond, one missing event, one event too many", () => {
    const [first = { t: 0 }, second = { t: 0 }, ...rest] = trace.negotiator
    assert.deepStrictEqual(details({ ...trace, negotiator: [first, { ...second, t: 1 }, ...rest] }), [
      `event 2 of ${trace.negotiator.length}: expected {"index":1,"op":"reserve","t":1,"tower":1}, ` +
        'got {"index":1,"op":"reserve","t":0,"tower":1}, after {"op":"next","t":0,"tower":1}'
    ])
    assert.match(details({ ...trace, negotiator: trace.negotiator.slice(0, -1) })[0] ?? "", /expected nothing, got/)
    assert.match(details({ ...trace, delivered: [...trace.delivered, { t: 7 }] })[0] ?? "", /expected .*, got nothing/)
  })

  it("by a field that we do not have", () => {
    const [first = { t: 0 }, ...rest] = trace.delivered
    assert.lengthOf(details({ ...trace, delivered: [{ ...first, more: true }, ...rest] }), 1)
  })

  it("by another scenario, or one that is none", () => {
    assert.isNotEmpty(details({ ...trace, scenario: { ...trace.scenario, minBackoffMs: 9_999 } }))
    assert.isNotEmpty(details({ ...trace, scenario: { ...trace.scenario, towers: [{ id: 0 }] } }))
    assert.isNotEmpty(details({}))
  })

  it("but what the reference did after Stop is not ours to do", () => {
    const late = { t: trace.scenario.stopAtMs + 1, op: "dial" }
    assert.deepStrictEqual(details({ ...trace, negotiator: [...trace.negotiator, late] }), [])
  })
})

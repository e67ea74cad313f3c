/** What the page says, where it can be known without a browser. */
import { assert, describe, it } from "@effect/vitest"
import { activityWords, counted, span } from "../../src/page/words.js"

describe("the words of the page", () => {
  it("say a time in its two largest units", () => {
    const second = 1000
    const minute = 60 * second
    const hour = 60 * minute
    const cases: ReadonlyArray<readonly [ms: number, words: string]> = [
      [-5, "0 s"],
      [0, "0 s"],
      [59.4 * second, "59 s"],
      [59.6 * second, "1 min 0 s"],
      [61 * second, "1 min 1 s"],
      [hour, "1 h 0 min"],
      [24 * hour - second, "23 h 59 min"],
      [49 * hour, "2 d 1 h"]
    ]
    for (const [ms, words] of cases) assert.strictEqual(span(ms), words)
  })

  it("say a count with its noun", () => {
    assert.deepStrictEqual(
      [0, 1, 2, 1234].map((count) => counted(count, "state")),
      ["0 states", "1 state", "2 states", "1,234 states"]
    )
  })

  it("say until when a session rests, and that one without work is left alone then", () => {
    const resting = (until: number) => activityWords({ _tag: "Resting", until }, 60_000)
    assert.strictEqual(resting(90_000), "rests after a failure, for 30 s more")
    assert.strictEqual(resting(59_000), "is tried again once it is needed")
  })
})

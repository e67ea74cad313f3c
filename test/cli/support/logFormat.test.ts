/** The lines of the service's log. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger } from "effect"
import * as LogFormat from "../../../src/cli/support/logFormat.js"

/** What is logged of a warning about a tower. */
const logged = (name: LogFormat.Name) =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    const logger = Logger.map(LogFormat.loggers[name], (line) => void lines.push(line))
    yield* Effect.logWarning("tower quarantined").pipe(
      Effect.annotateLogs({ "watchtower.tower": "02ab", "watchtower.negotiator": "anchor", message: "another" }),
      Effect.provide(Logger.replace(Logger.defaultLogger, logger))
    )
    return lines
  })

describe("a line of the log", () => {
  it.effect("in text has the time, the level, the message and the fields", () =>
    Effect.gen(function* () {
      const [line = ""] = yield* logged("text")
      assert.match(line, /^1970-01-01T00:00:00\.000Z warn tower quarantined /)
      for (const field of ["tower=02ab", "negotiator=anchor"]) assert.include(line, field)
    })
  )

  it.effect("in logfmt has all of them as fields", () =>
    Effect.gen(function* () {
      const [line = ""] = yield* logged("logfmt")
      assert.match(line, /^timestamp=1970-01-01T00:00:00\.000Z level=WARN .*message="tower quarantined" /)
      for (const field of ["tower=02ab", "negotiator=anchor"]) assert.include(line, field)
    })
  )

  it.effect("in json is an object, in which no field takes the place of the message", () =>
    Effect.gen(function* () {
      const lines = yield* logged("json")
      assert.deepStrictEqual(
        lines.map((line) => JSON.parse(line)),
        [
          {
            timestamp: "1970-01-01T00:00:00.000Z",
            level: "warn",
            message: "tower quarantined",
            tower: "02ab",
            negotiator: "anchor"
          }
        ]
      )
    })
  )
})

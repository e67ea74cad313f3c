/**
 * A terminal that shows one picture after another, in a screen of its own: what was there before comes back at the end.
 *
 * @since 0.1.0
 */
import * as Terminal from "@effect/platform/Terminal"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { cut } from "./table.js"

const enter = "\u001b[?1049h\u001b[?25l"
const leave = "\u001b[?25h\u001b[?1049l"

/** One write, between the marks of a synchronized update: otherwise a terminal can show half a picture. */
const frame = (lines: ReadonlyArray<string>): string =>
  `\u001b[?2026h\u001b[H${lines.map((line) => `${line}\u001b[K`).join("\r\n")}\u001b[J\u001b[?2026l`

/** Shows a picture, as far as it fits: `linesFor` makes its lines for a number of rows. @since 0.1.0 @category models */
export type Show = (linesFor: (rows: number) => ReadonlyArray<string>) => Effect.Effect<void>

/** Takes the terminal while the scope is open. @since 0.1.0 @category constructors */
export const make: Effect.Effect<Show, never, Terminal.Terminal | Scope.Scope> = Effect.gen(function* () {
  const terminal = yield* Terminal.Terminal
  // Output that cannot be written ends the process: see main.
  const write = (text: string) => Effect.ignore(terminal.display(text))
  yield* Effect.acquireRelease(write(enter), () => write(leave))
  return (linesFor) =>
    Effect.gen(function* () {
      const columns = (yield* terminal.columns) || 80
      const rows = (yield* terminal.rows) || 24
      yield* write(
        frame(
          linesFor(rows)
            .slice(0, rows)
            .map((line) => cut(line, columns))
        )
      )
    })
})

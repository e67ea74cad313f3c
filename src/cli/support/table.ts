/**
 * Tables in columns that are as wide as their longest cell. On a terminal a table that is too wide takes shorter forms of its
 * columns, and in the end its lines are cut: a line that is broken by the terminal cannot be read as a row.
 *
 * @since 0.1.0
 */
import * as Terminal from "@effect/platform/Terminal"
import * as Effect from "effect/Effect"

/** A title and the cells under it. @since 0.1.0 @category models */
export type Form<Row> = readonly [title: string, cell: (row: Row) => string]

/** A column in its forms, the longest first. @since 0.1.0 @category models */
export type Column<Row> = readonly [Form<Row>, ...ReadonlyArray<Form<Row>>]

/** How rows become lines. @since 0.1.0 @category models */
export interface Layout<Row> {
  readonly header: string
  readonly line: (row: Row) => string
}

/** The width of the terminal in cells; undefined where standard output is none, and nothing is to be cut. @since 0.1.0 @category combinators */
export const terminalWidth: Effect.Effect<number | undefined, never, Terminal.Terminal> = Effect.flatMap(
  Terminal.Terminal,
  ({ columns, isTTY }) =>
    Effect.map(Effect.all([isTTY, columns]), ([isTerminal, width]) => (isTerminal && width > 0 ? width : undefined))
)

/** A line without what is beyond the width. @since 0.1.0 @category combinators */
export const cut = (line: string, width: number | undefined): string =>
  width === undefined || line.length <= width ? line : `${line.slice(0, width - 1)}…`

/** The layout for rows such as these; later rows may be wider, and are shown all the same. @since 0.1.0 @category constructors */
export const layout = <Row>(
  columns: ReadonlyArray<Column<Row>>,
  rows: ReadonlyArray<Row>,
  width: number | undefined
): Layout<Row> => {
  const shortest = Math.max(...columns.map(({ length }) => length)) - 1
  const at = (level: number) => {
    const forms = columns.map((column) => column[Math.min(level, column.length - 1)] ?? column[0])
    const widths = forms.map(([title, cell]) =>
      rows.reduce((most, row) => Math.max(most, cell(row).length), title.length)
    )
    return { forms, widths, whole: widths.reduce((sum, one) => sum + one + gap.length, -gap.length) }
  }
  const fitting = (level: number): ReturnType<typeof at> => {
    const found = at(level)
    return width === undefined || found.whole <= width || level >= shortest ? found : fitting(level + 1)
  }
  const { forms, widths } = fitting(0)
  const lineOf = (cells: ReadonlyArray<string>) =>
    cut(
      cells
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join(gap)
        .trimEnd(),
      width
    )
  return {
    header: lineOf(forms.map(([title]) => title)),
    line: (row) => lineOf(forms.map(([, cell]) => cell(row)))
  }
}

const gap = "  "

/** A whole table. @since 0.1.0 @category combinators */
export const table = <Row>(columns: ReadonlyArray<Column<Row>>, rows: ReadonlyArray<Row>, width?: number): string => {
  const { header, line } = layout(columns, rows, width)
  return [header, ...rows.map(line)].join("\n")
}

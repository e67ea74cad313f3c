/**
 * Lists that are printed page by page while they are read: a client can have more of them than fit into memory.
 *
 * @since 0.1.0
 */
import type * as Terminal from "@effect/platform/Terminal"
import * as Chunk from "effect/Chunk"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { doing } from "./progress.js"
import { type Column, type Layout, layout, terminalWidth } from "./table.js"

const pageSize = 500

/** All rows of a list that is read by pages, each of which begins after a key. @since 0.1.0 @category constructors */
export const allPages = <Row, Key, E>(
  load: (page: { readonly after: Key | undefined; readonly limit: number }) => Effect.Effect<ReadonlyArray<Row>, E>,
  keyOf: (row: Row) => Key
): Stream.Stream<Row, E> =>
  Stream.paginateChunkEffect(undefined as Key | undefined, (after) =>
    Effect.map(load({ after, limit: pageSize }), (page) => [
      Chunk.fromIterable(page),
      page.length < pageSize ? Option.none() : Option.map(Option.fromNullable(page.at(-1)), keyOf)
    ])
  )

/** Prints, and waits until the reader has taken what was printed before. */
const print = (text: string): Effect.Effect<void> =>
  Effect.andThen(
    Console.log(text),
    Effect.async<void>((resume) => {
      const { stdout } = process
      if (!stdout.writableNeedDrain) return resume(Effect.void)
      const onDrain = () => resume(Effect.void)
      stdout.once("drain", onDrain)
      return Effect.sync(() => stdout.off("drain", onDrain))
    })
  )

const pages = <Row, E, R>(rows: Stream.Stream<Row, E, R>, lists: (last: Row) => string) =>
  rows.pipe(
    Stream.chunks,
    Stream.filter(Chunk.isNonEmpty),
    Stream.tap((page) => doing(lists(Chunk.lastNonEmpty(page)))),
    Stream.map(Chunk.toReadonlyArray),
    Stream.ensuring(doing(undefined))
  )

/** How rows of a kind are shown. `lists` says what goes on while a page is printed. @since 0.1.0 @category models */
export interface Shown<Row> {
  readonly columns: ReadonlyArray<Column<Row>>
  readonly lists: (last: Row) => string
  /** Lines of any length. */
  readonly isFull: boolean
}

/** Prints a table, if there are any rows; answers whether there are. @since 0.1.0 @category combinators */
export const printTable = <Row, E, R>(
  rows: Stream.Stream<Row, E, R>,
  { columns, isFull, lists }: Shown<Row>
): Effect.Effect<boolean, E, R | Terminal.Terminal> =>
  Effect.gen(function* () {
    const width = isFull ? undefined : yield* terminalWidth
    const last = yield* Stream.runFoldEffect(pages(rows, lists), Option.none<Layout<Row>>(), (before, page) => {
      // The first page decides about the columns of all.
      const { header, line } = Option.getOrElse(before, () => layout(columns, page, width))
      const lines = [...(Option.isNone(before) ? [header] : []), ...page.map(line)]
      return Effect.as(print(lines.join("\n")), Option.some({ header, line }))
    })
    return Option.isSome(last)
  })

/** Prints an array for programs, a row in each line, between these two texts. @since 0.1.0 @category combinators */
export const printArray = <Row, E, R>(
  rows: Stream.Stream<Row, E, R>,
  toText: (row: Row) => string,
  { around = ["", ""], lists }: Pick<Shown<Row>, "lists"> & { readonly around?: readonly [string, string] | undefined }
): Effect.Effect<void, E, R> =>
  Effect.gen(function* () {
    const [before, after] = around
    yield* print(`${before}[`)
    yield* Stream.runFoldEffect(pages(rows, lists), "", (comma, page) =>
      Effect.as(print(comma + page.map(toText).join(",\n")), ",")
    )
    yield* print(`]${after}`)
  })

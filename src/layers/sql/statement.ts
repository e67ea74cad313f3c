/**
 * Statements that are executed on the connection of their transaction, and on no other.
 *
 * Those of the client look for their connection, and each opens a scope and a span for that: several times what SQLite needs to
 * execute it. Here the span is made where somebody traces.
 *
 * @since 0.1.0
 */
import { type SqlClient, TransactionConnection } from "@effect/sql/SqlClient"
import type { Row } from "@effect/sql/SqlConnection"
import type { SqlError } from "@effect/sql/SqlError"
import { type Fragment, FragmentId, type Identifier, type Statement } from "@effect/sql/Statement"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Effectable from "effect/Effectable"
import { isTraced } from "../support/spanWhereTraced.js"

/** What a statement answers. @since 0.1.0 @category models */
export type Rows = ReadonlyArray<Row>

/** A part of a statement that can be executed if it is a whole one, inside a transaction. @since 0.1.0 @category models */
export interface Query extends Fragment, Effect.Effect<Rows, SqlError> {}

/** Writes statements as the client does. @since 0.1.0 @category models */
export interface Sql
  extends Pick<SqlClient, "literal" | "in" | "insert" | "and" | "or" | "csv" | "join" | "onDialectOrElse"> {
  (text: TemplateStringsArray, ...parts: ReadonlyArray<unknown>): Query
  /** The name of a table or a column. */
  (name: string): Identifier
  /** A statement without parameters. */
  readonly unsafe: (text: string) => Query
}

class OnTransaction extends Effectable.Class<Rows, SqlError> implements Query {
  readonly [FragmentId]: Fragment[typeof FragmentId]
  readonly segments: Fragment["segments"]
  readonly statement: Statement<Row>

  constructor(statement: Statement<Row>) {
    super()
    this.statement = statement
    this[FragmentId] = statement[FragmentId]
    this.segments = statement.segments
  }

  commit(): Effect.Effect<Rows, SqlError> {
    return Effect.withFiberRuntime((fiber) => {
      const [connection] = Context.unsafeGet(fiber.currentContext, TransactionConnection)
      const [text, parameters] = this.statement.compile()
      const executed = connection.execute(text, parameters, undefined)
      if (!isTraced(fiber)) return executed
      const attributes = { "db.query.text": text }
      return Effect.withSpan(executed, "sql.execute", { kind: "client", attributes, captureStackTrace: false })
    })
  }
}

/** The statements of this client, which must change no names. @since 0.1.0 @category constructors */
export const make = (client: SqlClient): Sql => {
  function write(text: TemplateStringsArray, ...parts: ReadonlyArray<unknown>): Query
  function write(name: string): Identifier
  function write(text: TemplateStringsArray | string, ...parts: ReadonlyArray<unknown>): Query | Identifier {
    return typeof text === "string" ? client(text) : new OnTransaction(client<Row>(text, ...parts))
  }
  const { and, csv, in: within, insert, join, literal, onDialectOrElse, or } = client
  return Object.assign(write, {
    and,
    csv,
    in: within,
    insert,
    join,
    literal,
    onDialectOrElse,
    or,
    unsafe: (text: string) => new OnTransaction(client.unsafe<Row>(text))
  })
}

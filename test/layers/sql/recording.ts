import type { SqlClient } from "@effect/sql/SqlClient"
import type { Connection } from "@effect/sql/SqlConnection"
import type { SqlError } from "@effect/sql/SqlError"
import { Effect } from "effect"

/** What is to happen around a statement, when it is its turn. */
export type Around = <A>(
  text: string,
  statement: Effect.Effect<A, SqlError>,
  on: Connection
) => Effect.Effect<A, SqlError>

const statements: ReadonlyArray<string | symbol> = ["execute", "executeUnprepared", "executeRaw", "executeValues"]

/** The client with other connections to reserve: on those is said all that the adapter says. */
const withConnections = (client: SqlClient, get: (connection: Connection, name: string | symbol) => unknown) => {
  const connectionOf = (connection: Connection): Connection => new Proxy(connection, { get })
  const wrapped: SqlClient = new Proxy(client, {
    get: (target, name) =>
      name === "withoutTransforms"
        ? () => wrapped
        : name === "reserve"
          ? Effect.map(target.reserve, connectionOf)
          : Reflect.get(target, name, target)
  })
  return wrapped
}

const bound = (connection: Connection, name: string | symbol): unknown => {
  const value: unknown = Reflect.get(connection, name, connection)
  return typeof value === "function" ? value.bind(connection) : value
}

/** The client with something around each statement on a reserved connection. */
export const around = (client: SqlClient, wrap: Around): SqlClient =>
  withConnections(client, (connection, name) => {
    const value: unknown = Reflect.get(connection, name, connection)
    if (typeof value !== "function" || !statements.includes(name)) return bound(connection, name)
    return (text: string, ...rest: ReadonlyArray<unknown>) =>
      Effect.suspend(() => wrap(text, Reflect.apply(value, connection, [text, ...rest]), connection))
  })

/** The client whose reserved connections do not show a field. */
export const hiding = (client: SqlClient, hidden: string): SqlClient =>
  withConnections(client, (connection, name) => (name === hidden ? undefined : bound(connection, name)))

/** The client; each statement is told before it is sent. */
export const recording = (client: SqlClient, tell: (text: string) => void): SqlClient =>
  around(client, (text, statement) => {
    tell(text)
    return statement
  })

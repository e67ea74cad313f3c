import type { SqlClient } from "@effect/sql/SqlClient"
import type { Connection } from "@effect/sql/SqlConnection"
import { Effect } from "effect"

/** What is to happen around a statement, when it is its turn. */
export type Around = <A, E>(text: string, statement: Effect.Effect<A, E>) => Effect.Effect<A, E>

const statements: ReadonlyArray<string | symbol> = ["execute", "executeUnprepared", "executeRaw", "executeValues"]

/** The client with something around each statement on a reserved connection: those are all that the adapter says. */
export const around = (client: SqlClient, wrap: Around): SqlClient => {
  const connectionOf = (connection: Connection): Connection =>
    new Proxy(connection, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target)
        if (typeof value !== "function") return value
        if (!statements.includes(name)) return value.bind(target)
        return (text: string, ...rest: ReadonlyArray<unknown>) =>
          Effect.suspend(() => wrap(text, Reflect.apply(value, target, [text, ...rest])))
      }
    })
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

/** The client; each statement is told before it is sent. */
export const recording = (client: SqlClient, tell: (text: string) => void): SqlClient =>
  around(client, (text, statement) => {
    tell(text)
    return statement
  })

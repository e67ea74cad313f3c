/**
 * Ending a connection of `PgClient` that does not answer. There is no public way: the socket lies three private fields
 * below. So it is looked for when the database is opened, and not only when the network is silent.
 *
 * @since 0.1.0
 */
import type { SqlClient } from "@effect/sql/SqlClient"
import type { Connection } from "@effect/sql/SqlConnection"
import type { SqlError } from "@effect/sql/SqlError"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import { DatabaseUnavailable } from "../../schema/DbError.js"
import { scoped } from "../concurrency/scoped.js"

const hasDestroy = (value: unknown): value is { readonly destroy: () => void } =>
  Predicate.hasProperty(value, "destroy") && Predicate.isFunction(value.destroy)

/** PgClient's connection has the client of node-postgres, that its protocol, and that its socket. */
const socketOf = (connection: Connection) => {
  const client = Predicate.hasProperty(connection, "pg") ? connection.pg : undefined
  const protocol = Predicate.hasProperty(client, "connection") ? client.connection : undefined
  const socket = Predicate.hasProperty(protocol, "stream") ? protocol.stream : undefined
  return hasDestroy(socket) ? socket : undefined
}

/**
 * How to destroy the socket below a connection of this client: its query fails at once, and the pool drops it. Fails where
 * no socket is found.
 *
 * @since 0.1.0
 * @category constructors
 */
export const ofPostgres = (
  sql: SqlClient
): Effect.Effect<(connection: Connection) => Effect.Effect<void>, DatabaseUnavailable | SqlError> =>
  scoped(
    Effect.flatMap(sql.reserve, (connection) =>
      socketOf(connection) === undefined
        ? new DatabaseUnavailable({
            operation: "open",
            detail:
              "the socket of a connection is not where this version expects it, so that a silent network could hold an operation for ever: use @effect/sql-pg ^0.53.0 with pg ^8, or give SqlClientDb the option cut"
          })
        : Effect.succeed((open) => Effect.sync(() => socketOf(open)?.destroy()))
    )
  )

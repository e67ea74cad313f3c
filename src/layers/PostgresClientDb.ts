/**
 * The client's database, and that of its backups, in Postgres (node-postgres), for several processes of one identity.
 *
 * Leases are judged by the server's clock. Every commit is synchronous. A network that goes silent cannot hold an
 * operation: its connection is destroyed, and when that happened at the COMMIT of a session, the outcome is settled
 * (`sql/storing.ts`). The tables are made in the first schema of the connection's `search_path`.
 *
 * ```ts
 * import { Config } from "effect"
 * import * as PostgresClientDb from "effect-watchtower/layers/PostgresClientDb"
 *
 * export const database = PostgresClientDb.layerConfig(Config.all({ url: Config.redacted("DATABASE_URL") }))
 * ```
 *
 * @since 0.1.0
 * @module
 */
import * as Net from "node:net"
import * as Reactivity from "@effect/experimental/Reactivity"
import * as SqlClient from "@effect/sql/SqlClient"
import { SqlError } from "@effect/sql/SqlError"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Table from "../internal/optionTable.js"
import { type DatabaseBusy, type DatabaseTooNew, DatabaseUnavailable, type DbError } from "../schema/DbError.js"
import { InvalidOptions } from "../schema/InvalidOptions.js"
import { ClientDb } from "../services/ClientDb.js"
import { within } from "./concurrency/firstOf.js"
import * as Names from "./net/names.js"
import * as SqlClientDb from "./SqlClientDb.js"
import { postgres as options } from "./sql/databaseOptions.js"
import { isSlow, toOpenError } from "./sql/errors.js"
import { choosesSchema, urlTrouble } from "./sql/postgresUrl.js"
import { decodeOptions } from "./support/decodeOptions.js"

export { postgres as options } from "./sql/databaseOptions.js"

/**
 * The database, and how to use it. `url` is `postgresql://user:password@host:port/database`, with node-postgres' parameters;
 * not `query_timeout`, which gives busy connections back to the pool. `sslmode` and `sslrootcert` mean what they mean to
 * libpq; without them nothing is encrypted. docs/options.md has the options, their defaults and ranges.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends Table.Input<typeof options> {}

/** The options from configuration: `watchtower.postgres.url`, ... @since 0.1.0 @category config */
export const config: Config.Config<Options> = Table.config(options)

/**
 * The address with a word that makes `sslmode` mean what libpq says: node-postgres has meanings of its own, and is changing
 * them. `no-verify` is one of its own, and unknown to libpq.
 */
const asLibpq = (url: Redacted.Redacted): Redacted.Redacted => {
  const text = Redacted.value(url)
  const isMeant = /[?&]sslmode=(?!no-verify)/.test(text) && !/[?&]uselibpqcompat=/.test(text)
  return isMeant ? Redacted.make(`${text}&uselibpqcompat=true`) : url
}

/**
 * A socket for node-postgres, which connects it itself. Its own would look the host up by `dns.lookup`, behind every name
 * of the process whose server is silent (`net/names.ts`).
 */
const newSocket = (): Net.Socket => {
  const socket = new Net.Socket()
  const connect = socket.connect.bind(socket)
  return Object.assign(socket, {
    // With a path alone it is the socket of a server on this machine.
    connect: (portOrPath: number | string, host?: string) =>
      host === undefined
        ? connect(String(portOrPath))
        : connect({ port: Number(portOrPath), host, lookup: Names.lookupOf(socket) })
  })
}

/**
 * A pooler that was told to pass over parameters passes over the schema too: other tables would be used, and the sessions and backups of
 * those that are meant would not be seen.
 */
const requireSchema = (sql: PgClient.PgClient): Effect.Effect<void, SqlError | DatabaseUnavailable> =>
  Effect.flatMap(
    sql`SELECT 1 FROM pg_settings WHERE name = 'search_path' AND source IN ('client', 'session')`,
    (inForce) =>
      inForce.length > 0
        ? Effect.void
        : new DatabaseUnavailable({
            operation: "open",
            detail:
              "the pooler in between passes over the search_path of the URL: take it out, and set it for the user at the server (ALTER ROLE name SET search_path = schema)"
          })
  )

/**
 * Connects. Tools that need such connections (a check, an export) start here.
 *
 * @since 0.1.0
 * @category constructors
 */
export const client = (
  given: Options
): Effect.Effect<PgClient.PgClient, InvalidOptions | DatabaseBusy | DatabaseUnavailable, Scope.Scope> =>
  Effect.gen(function* () {
    const { maxConnections, storeTimeout, url } = yield* decodeOptions(options, given)
    const trouble = urlTrouble(Redacted.value(url))
    if (trouble !== undefined) {
      return yield* new InvalidOptions({ layer: options.layer, detail: `in url ${trouble}` })
    }
    const sql = yield* PgClient.make({
      url: asLibpq(url),
      // A busy pool and a host that does not answer are waited for no longer than an attempt may.
      connectTimeout: storeTimeout / 5,
      maxConnections,
      applicationName: "effect-watchtower",
      stream: newSocket
    }).pipe(
      // Of `storeTimeout` there are four fifths left for a host that is only slow.
      Effect.retry({ times: 3, while: isSlow }),
      Effect.provideServiceEffect(Reactivity.Reactivity, Reactivity.make),
      Effect.mapError(toOpenError)
    )
    if (choosesSchema(Redacted.value(url))) {
      // A pool of a pooler that is used up answers after minutes.
      const silent = () => new SqlError({ cause: new Error("Connection timed out"), message: "No answer" })
      const required = within(requireSchema(sql), storeTimeout / 5, silent)
      yield* Effect.catchTag(required, "SqlError", (error) => Effect.fail(toOpenError(error)))
    }
    return sql
  })

/**
 * Connects, and migrates the database.
 *
 * @since 0.1.0
 * @category constructors
 */
export const services = (
  given: Options
): Effect.Effect<Context.Context<SqlClientDb.Services>, InvalidOptions | DbError | DatabaseTooNew, Scope.Scope> =>
  Effect.flatMap(client(given), (sql) => Effect.provideService(SqlClientDb.services(given), SqlClient.SqlClient, sql))

/**
 * The client's database alone, as `services` answers it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  given: Options
): Effect.Effect<ClientDb.Service, InvalidOptions | DbError | DatabaseTooNew, Scope.Scope> =>
  Effect.map(services(given), Context.get(ClientDb))

/**
 * The database of this address, connected as long as the layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (given: Options): Layer.Layer<SqlClientDb.Services, InvalidOptions | DbError | DatabaseTooNew> =>
  Layer.scopedContext(services(given))

/**
 * The database of an address that the configuration names.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  given: Config.Config.Wrap<Options> = config
): Layer.Layer<SqlClientDb.Services, InvalidOptions | DbError | DatabaseTooNew | ConfigError.ConfigError> =>
  Layer.scopedContext(Effect.flatMap(Config.unwrap(given), services))

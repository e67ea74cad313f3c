/**
 * The client's database in Postgres (node-postgres), for several processes of one identity.
 *
 * Leases are judged by the server's clock. Every commit is synchronous. A network that goes silent cannot hold an
 * operation: its connection is destroyed, and when that happened at the COMMIT of a session, the outcome is settled
 * (`sql/storing.ts`). The tables are made in the first schema of the connection's `search_path`.
 *
 * @since 0.1.0
 */
import * as Net from "node:net"
import * as Reactivity from "@effect/experimental/Reactivity"
import * as SqlClient from "@effect/sql/SqlClient"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { DatabaseBusy, DatabaseTooNew, DatabaseUnavailable, DbError } from "../schema/DbError.js"
import { ClientDb } from "../services/ClientDb.js"
import * as Names from "./net/names.js"
import * as SqlClientDb from "./SqlClientDb.js"
import { isSlow, toOpenError } from "./sql/errors.js"

/**
 * `url`: `postgresql://user:password@host:port/database`, with node-postgres' parameters; not `query_timeout`, which gives
 * busy connections back to the pool. `sslmode` and `sslrootcert` mean what they mean to libpq; without them nothing is
 * encrypted. `storeTimeout` (default 5 s) bounds every operation. `reserveNext` (default true)
 * reserves the next key index when a session is stored. `maxConnections`: default 10.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly url: Redacted.Redacted
  readonly storeTimeout?: Duration.DurationInput | undefined
  readonly reserveNext?: boolean | undefined
  readonly maxConnections?: number | undefined
}

/**
 * The options by their names, for `layerConfig`.
 *
 * @since 0.1.0
 * @category config
 */
export const config = {
  url: Config.redacted("url").pipe(
    Config.withDescription("The address of the Postgres database, with user and password")
  ),
  storeTimeout: Config.duration("storeTimeout").pipe(
    Config.withDescription("How long an operation may take"),
    Config.withDefault(Duration.seconds(5))
  ),
  reserveNext: Config.boolean("reserveNext").pipe(
    Config.withDescription("Whether storing a session reserves the next key index"),
    Config.withDefault(true)
  ),
  maxConnections: Config.integer("maxConnections").pipe(
    Config.withDescription("The largest number of connections"),
    Config.withDefault(10)
  )
} satisfies Config.Config.Wrap<Options>

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
 * Connects. Tools that need such connections (a check, an export) start here.
 *
 * @since 0.1.0
 * @category constructors
 */
export const client = (
  options: Options
): Effect.Effect<PgClient.PgClient, DatabaseBusy | DatabaseUnavailable, Scope.Scope> =>
  PgClient.make({
    url: asLibpq(options.url),
    // A busy pool and a host that does not answer are waited for no longer than an attempt may.
    connectTimeout: Duration.times(storeTimeoutOf(options), 1 / 5),
    maxConnections: options.maxConnections ?? 10,
    applicationName: "effect-watchtower",
    stream: newSocket
  }).pipe(
    // Of `storeTimeout` there are four fifths left for a host that is only slow.
    Effect.retry({ times: 3, while: isSlow }),
    Effect.provideServiceEffect(Reactivity.Reactivity, Reactivity.make),
    Effect.mapError(toOpenError)
  )

const storeTimeoutOf = (options: Options) => Duration.decode(options.storeTimeout ?? "5 seconds")

/**
 * Connects, and migrates the database.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<ClientDb.Service, DbError | DatabaseTooNew, Scope.Scope> =>
  Effect.flatMap(client(options), (sql) =>
    SqlClientDb.make({ storeTimeout: storeTimeoutOf(options), reserveNext: options.reserveNext }).pipe(
      Effect.provideService(SqlClient.SqlClient, sql)
    )
  )

/**
 * The database of this address, connected as long as the layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<ClientDb, DbError | DatabaseTooNew> =>
  Layer.scoped(ClientDb, make(options))

/**
 * The database of an address that the configuration names.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options: Config.Config.Wrap<Options> = config
): Layer.Layer<ClientDb, DbError | DatabaseTooNew | ConfigError.ConfigError> =>
  Layer.scoped(ClientDb, Effect.flatMap(Config.unwrap(options), make))

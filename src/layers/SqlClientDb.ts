/**
 * The client's database, and that of its backups, over an SQL client: SQLite or Postgres (docs/database.md). It depends on `SqlClient` only;
 * `SqliteClientDb` and `PostgresClientDb` bring a client that is set up as it must be.
 *
 * The tables begin with `wt_`. The adapter gives the client no other statements than those on a connection reserved for
 * them, so that other users of the same client do not meet its transactions.
 *
 * ```ts
 * import * as SqliteClient from "@effect/sql-sqlite-node/SqliteClient"
 * import { Layer } from "effect"
 * import * as SqlClientDb from "effect-watchtower/layers/SqlClientDb"
 *
 * // The client of the application: its own tables are in the same file.
 * const client = SqliteClient.layer({ filename: "application.db" })
 *
 * export const database = Layer.provideMerge(SqlClientDb.layer(), client)
 * ```
 *
 * @since 0.1.0
 * @module
 */
import * as SqlClient from "@effect/sql/SqlClient"
import type { Connection } from "@effect/sql/SqlConnection"
import type { SqlError } from "@effect/sql/SqlError"
import type * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Table from "../internal/optionTable.js"
import type { DatabaseTooNew, DbError } from "../schema/DbError.js"
import type { InvalidOptions } from "../schema/InvalidOptions.js"
import { BackupDb } from "../services/BackupDb.js"
import { ClientDb } from "../services/ClientDb.js"
import * as Backups from "./sql/backupDb.js"
import { sql as options } from "./sql/databaseOptions.js"
import { bindIdentity, skipSessionKeys } from "./sql/identityTable.js"
import { migrate } from "./sql/migrations.js"
import { freeSessionKeyIndex, nextSessionKeyIndex } from "./sql/reservationTable.js"
import { countClientSessions, listClientSessions } from "./sql/sessionTable.js"
import { loadStandings, saveStanding } from "./sql/standingTables.js"
import { createClientSession } from "./sql/storing.js"
import * as towers from "./sql/towerTables.js"
import * as Transaction from "./sql/transaction.js"
import { decodeOptions } from "./support/decodeOptions.js"

export { sql as options } from "./sql/databaseOptions.js"

/**
 * docs/options.md has the options, their defaults and ranges, but for `cut` and `flush`. A Postgres client is to have a `connectTimeout`
 * of at most a fifth of `storeTimeout`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends Table.Input<typeof options> {
  /** Destroys a connection that does not answer (default: for `PgClient` its socket; on SQLite nothing can be done). */
  readonly cut?: ((connection: Connection) => Effect.Effect<void>) | undefined
  /**
   * Ends when all is durable that this client has committed (default: none; `SqliteClientDb` has one). With it a SQLite database syncs
   * revoked states after their commit, so that the event loop goes on meanwhile.
   */
  readonly flush?: Effect.Effect<void, SqlError> | undefined
}

/** What the adapters of a database offer. @since 0.1.0 @category services */
export type Services = ClientDb | BackupDb

/** The options from configuration: `watchtower.sql.storeTimeout`, ... @since 0.1.0 @category config */
export const config: Config.Config<Table.Input<typeof options>> = Table.config(options)

/**
 * Migrates the database and answers both services, over one connection. Fails for a database of a newer version, for a client
 * that is for neither SQLite nor Postgres, and for one of Postgres whose silent connections could not be cut.
 *
 * @since 0.1.0
 * @category constructors
 */
export const services = (
  given: Options = {}
): Effect.Effect<Context.Context<Services>, InvalidOptions | DbError | DatabaseTooNew, SqlClient.SqlClient> =>
  Effect.gen(function* () {
    const { reserveNext, storeTimeout } = yield* decodeOptions(options, given)
    const client = yield* SqlClient.SqlClient
    const database = yield* Transaction.make(client, { storeTimeout, cut: given.cut, flush: given.flush })
    yield* migrate(database)
    return Context.make(ClientDb, {
      bindIdentity: bindIdentity(database),
      createTower: towers.createTower(database),
      removeTower: towers.removeTower(database),
      deactivateTower: towers.deactivateTower(database),
      loadTower: towers.loadTower(database),
      loadTowerById: towers.loadTowerById(database),
      listTowers: towers.listTowers(database),
      nextSessionKeyIndex: nextSessionKeyIndex(database),
      freeSessionKeyIndex: freeSessionKeyIndex(database),
      createClientSession: createClientSession(database, { reserveNext }),
      listClientSessions: listClientSessions(database),
      countClientSessions: countClientSessions(database),
      loadStandings: loadStandings(database),
      saveStanding: saveStanding(database),
      skipSessionKeys: skipSessionKeys(database)
    }).pipe(Context.add(BackupDb, Backups.make(database.as("BackupDb"))))
  })

/**
 * The client's database alone, as `services` answers it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  given?: Options
): Effect.Effect<ClientDb.Service, InvalidOptions | DbError | DatabaseTooNew, SqlClient.SqlClient> =>
  Effect.map(services(given), Context.get(ClientDb))

/**
 * The database of the `SqlClient` in the context.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  given?: Options
): Layer.Layer<Services, InvalidOptions | DbError | DatabaseTooNew, SqlClient.SqlClient> =>
  Layer.effectContext(services(given))

/**
 * The database of the `SqlClient` in the context, with options from configuration.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  given: Config.Config<Options> = config
): Layer.Layer<Services, InvalidOptions | DbError | DatabaseTooNew | ConfigError, SqlClient.SqlClient> =>
  Layer.effectContext(Effect.flatMap(given, services))

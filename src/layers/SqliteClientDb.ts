/**
 * The client's database, and that of its backups, in a SQLite file (better-sqlite3), or in memory.
 *
 * The file is ours alone: mode 0600, and so are its `-wal` and `-shm`. What must survive a failure of power is synced
 * (`synchronous = FULL`), whatever the driver was built with; revoked states are synced after their commit, by a thread of Node.
 * better-sqlite3 is synchronous: a lock is waited for through the Clock and not by blocking the event loop, but a disk that does not
 * answer cannot be bounded, except where a thread waits for it.
 *
 * ```ts
 * import * as SqliteClientDb from "effect-watchtower/layers/SqliteClientDb"
 *
 * export const database = SqliteClientDb.layer({ filename: "sessions.db" })
 * ```
 *
 * @since 0.1.0
 * @module
 */
import * as fs from "node:fs"
import * as path from "node:path"
import * as SqlClient from "@effect/sql/SqlClient"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Table from "../internal/optionTable.js"
import { type DatabaseBusy, type DatabaseTooNew, DatabaseUnavailable, type DbError } from "../schema/DbError.js"
import type { InvalidOptions } from "../schema/InvalidOptions.js"
import { ClientDb } from "../services/ClientDb.js"
import * as SqlClientDb from "./SqlClientDb.js"
import { sqlite as options } from "./sql/databaseOptions.js"
import * as Driver from "./sql/driver.js"
import { toOpenError } from "./sql/errors.js"
import * as SqliteClient from "./sql/sqliteClient.js"
import * as Transaction from "./sql/transaction.js"
import { decodeOptions } from "./support/decodeOptions.js"

export { sqlite as options } from "./sql/databaseOptions.js"
export type { Opened } from "./sql/sqliteClient.js"

/**
 * The file, and how to use it. A `filename` that looks like a URL or a connection string is refused. docs/options.md has the
 * options, their defaults and ranges.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends Table.Input<typeof options> {}

/** The options from configuration: `watchtower.sqlite.filename`, ... @since 0.1.0 @category config */
export const config: Config.Config<Options> = Table.config(options)

const ownerOnly = 0o600
const folderMode = 0o700

/** One at a time: where no folder can be, as in /proc, Node's `recursive` never ends. */
const makeFolder = (folder: string): void => {
  if (fs.existsSync(folder)) return
  makeFolder(path.dirname(folder))
  try {
    fs.mkdirSync(folder, { mode: folderMode })
  } catch (thrown) {
    // Another process was faster.
    if (!fs.existsSync(folder)) throw thrown
  }
}

/**
 * Creates folder and file before SQLite does, with modes that keep other users out. An existing file is not opened here: closing it
 * would end the locks that this process holds on it (POSIX).
 */
const prepareFile = (filename: string): void => {
  makeFolder(path.dirname(filename))
  if (fs.existsSync(filename)) {
    if ((fs.statSync(filename).mode & 0o077) !== 0) fs.chmodSync(filename, ownerOnly)
  } else {
    fs.closeSync(fs.openSync(filename, "a", ownerOnly))
  }
}

// The lock is waited for through the Clock; SQLite's own wait blocks the event loop.
const busyTimeoutMs = 5

/**
 * Opens the file and sets it up: the client, and the `flush` that `SqlClientDb.Options` takes.
 *
 * @since 0.1.0
 * @category constructors
 */
export const open = (
  given: Options
): Effect.Effect<SqliteClient.Opened, InvalidOptions | DatabaseBusy | DatabaseUnavailable, Scope.Scope> =>
  Effect.gen(function* () {
    const { filename, storeTimeout } = yield* decodeOptions(options, given)
    const fault = Driver.fault()
    if (fault !== undefined) {
      return yield* new DatabaseUnavailable({ operation: "open", reason: "DriverMissing", detail: fault })
    }
    if (filename !== ":memory:") yield* Effect.try({ try: () => prepareFile(filename), catch: toOpenError })
    const opened = yield* Effect.mapError(SqliteClient.make(filename), toOpenError)
    const { sql } = opened
    const { transaction } = yield* Transaction.make(sql, { storeTimeout })
    yield* transaction(
      "open",
      "read",
      Effect.gen(function* () {
        yield* sql`PRAGMA busy_timeout = ${sql.literal(String(busyTimeoutMs))}`
        yield* sql`PRAGMA journal_mode = WAL`
        yield* sql`PRAGMA synchronous = FULL`
        yield* sql`PRAGMA foreign_keys = ON`
      })
    )
    return opened
  })

/**
 * The client alone. Tools that need the same connection (a backup, an export) start here.
 *
 * @since 0.1.0
 * @category constructors
 */
export const client = (
  given: Options
): Effect.Effect<SqlClient.SqlClient, InvalidOptions | DatabaseBusy | DatabaseUnavailable, Scope.Scope> =>
  Effect.map(open(given), ({ sql }) => sql)

/**
 * Opens the database of this file.
 *
 * @since 0.1.0
 * @category constructors
 */
export const services = (
  given: Options
): Effect.Effect<Context.Context<SqlClientDb.Services>, InvalidOptions | DbError | DatabaseTooNew, Scope.Scope> =>
  Effect.flatMap(open(given), ({ flush, sql }) =>
    Effect.provideService(SqlClientDb.services({ ...given, flush }), SqlClient.SqlClient, sql)
  )

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
 * The database of this file, open as long as the layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (given: Options): Layer.Layer<SqlClientDb.Services, InvalidOptions | DbError | DatabaseTooNew> =>
  Layer.scopedContext(services(given))

/**
 * The database of a file that the configuration names.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  given: Config.Config.Wrap<Options> = config
): Layer.Layer<SqlClientDb.Services, InvalidOptions | DbError | DatabaseTooNew | ConfigError.ConfigError> =>
  Layer.scopedContext(Effect.flatMap(Config.unwrap(given), services))

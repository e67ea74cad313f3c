/**
 * The database and the keys of a client as layers.
 *
 * @since 0.1.0
 */
import * as fs from "node:fs"
import type * as FileSystem from "@effect/platform/FileSystem"
import { SqlClient } from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as KeyFile from "../../layers/KeyFile.js"
import * as SqliteOrPostgres from "../../layers/sqliteOrPostgres.js"
import * as Chain from "../../schema/Chain.js"
import { type DatabaseTooNew, DatabaseUnavailable, type DbError, WrongDatabase } from "../../schema/DbError.js"
import { ChainHash } from "../../schema/Ids.js"
import type { InvalidOptions } from "../../schema/InvalidOptions.js"
import type { KeyFileError } from "../../schema/KeyFileError.js"
import type { KeyRingError } from "../../schema/KeyRingError.js"
import type { PackageMissing } from "../../schema/PackageMissing.js"
import { ClientDb } from "../../services/ClientDb.js"
import { familyTowerSession, KeyRing } from "../../services/KeyRing.js"
import { CommandError } from "./CliError.js"
import { type ClientPaths, databaseName } from "./clientPaths.js"

/** The database; it is created when there is none. @since 0.1.0 @category layers */
export const database = ({
  database
}: ClientPaths): Layer.Layer<ClientDb, InvalidOptions | PackageMissing | DbError | DatabaseTooNew> =>
  SqliteOrPostgres.clientDb(database)

/** Fails when there is no database file yet; a server is not asked. @since 0.1.0 @category combinators */
export const requireDatabase = ({ database, folder }: ClientPaths): Effect.Effect<void, CommandError> =>
  Effect.suspend(() =>
    SqliteOrPostgres.isPostgres(database) || fs.existsSync(database.filename)
      ? Effect.void
      : new CommandError({
          message: `There is no database in ${folder} yet. Begin with wtclient init and wtclient add, or name another client with --chain, --network or --data-dir.`
        })
  )

/** The database, to read from. It must exist; no key is needed. @since 0.1.0 @category layers */
export const existingDatabase = (
  paths: ClientPaths
): Layer.Layer<ClientDb, InvalidOptions | PackageMissing | DbError | DatabaseTooNew | CommandError> =>
  Layer.unwrapEffect(Effect.as(requireDatabase(paths), database(paths)))

/**
 * The SQL client of the database, for what `ClientDb` does not offer. The database must exist; no key is needed.
 *
 * @since 0.1.0
 * @category layers
 */
export const sqlClient = (
  paths: ClientPaths
): Layer.Layer<SqlClient, InvalidOptions | PackageMissing | DbError | CommandError> =>
  Layer.scoped(SqlClient, Effect.andThen(requireDatabase(paths), SqliteOrPostgres.sqlClient(paths.database)))

/**
 * The database, to write to, and the keys. A new database is bound to these keys and this chain; another one is refused
 * unless it is bound to them already.
 *
 * @since 0.1.0
 * @category layers
 */
export const boundDatabase = (
  paths: ClientPaths
): Layer.Layer<
  ClientDb | KeyRing,
  InvalidOptions | DbError | DatabaseTooNew | WrongDatabase | KeyFileError | KeyRingError | PackageMissing,
  FileSystem.FileSystem
> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const db = yield* ClientDb
      const keyRing = yield* KeyRing
      const publicKey = yield* keyRing.deriveKey({ family: familyTowerSession, index: 0 })
      yield* db.bindIdentity({ chainHash: paths.chain.chainHash, layout: keyRing.layout, publicKey })
    })
  ).pipe(
    // The key comes first: without a key no database is created.
    Layer.provideMerge(Layer.provideMerge(database(paths), KeyFile.layer({ path: paths.keyFile, chain: paths.chain })))
  )

/**
 * Adds the name of the database to its failures, and names chains instead of their hashes.
 *
 * @since 0.1.0
 * @category combinators
 */
export const explained =
  (paths: ClientPaths) =>
  <A, E extends { readonly _tag: string }, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.mapError(effect, (error) => {
      if (isUnavailable(error)) {
        const advice = SqliteOrPostgres.isPostgres(paths.database)
          ? " Is the server there, and is its address right?"
          : // A driver without its binary is not the file's fault.
            error.detail.includes("npm rebuild")
            ? ""
            : " Free it, put a copy of it back, or move it away to begin with a new one."
        return new CommandError({
          message: `The database ${databaseName(paths)} cannot be used: ${error.detail}.${advice}`
        })
      }
      if (isWrongDatabase(error) && error.what === "chain") {
        return new CommandError({
          message: `The database ${databaseName(paths)} belongs to ${chainName(error.found)}, not to ${chainName(error.expected)}. Use the --chain and --network that it was made with, or another --data-dir.`
        })
      }
      return error
    })

const isUnavailable = Schema.is(DatabaseUnavailable)
const isWrongDatabase = Schema.is(WrongDatabase)
const isChainHash = Schema.is(ChainHash)

const chainName = (hash: string): string => (isChainHash(hash) ? Chain.nameOf(hash) : `the chain ${hash}`)

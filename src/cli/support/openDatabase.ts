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
import * as KeyFile from "../../layers/KeyFile.js"
import * as SqliteOrPostgres from "../../layers/sqliteOrPostgres.js"
import type { DatabaseTooNew, DbError, WrongDatabase } from "../../schema/DbError.js"
import type { InvalidOptions } from "../../schema/InvalidOptions.js"
import type { KeyFileError } from "../../schema/KeyFileError.js"
import type { KeyRingError } from "../../schema/KeyRingError.js"
import type { PackageMissing } from "../../schema/PackageMissing.js"
import { ClientDb } from "../../services/ClientDb.js"
import { familyTowerSession, KeyRing } from "../../services/KeyRing.js"
import { CommandError } from "./CliError.js"
import type { ClientPaths } from "./clientPaths.js"

/** The database; it is created when there is none. @since 0.1.0 @category layers */
export const database = ({
  database
}: ClientPaths): Layer.Layer<ClientDb, InvalidOptions | PackageMissing | DbError | DatabaseTooNew> =>
  SqliteOrPostgres.clientDb(database)

/** Fails when there is no database file yet; a server is not asked. @since 0.1.0 @category combinators */
export const requireDatabase = ({ command, database, folder }: ClientPaths): Effect.Effect<void, CommandError> =>
  Effect.suspend(() =>
    SqliteOrPostgres.isPostgres(database) || fs.existsSync(database.filename)
      ? Effect.void
      : new CommandError({
          message: `There is no database in ${folder} yet. Make a key and add a tower, or name another client with --chain, --network or --data-dir.`,
          next: [command("init"), command("add", "PUBLICKEY@HOST")]
        })
  )

/** The database, to read from. It must exist; no key is needed. @since 0.1.0 @category layers */
export const existingDatabase = (
  client: ClientPaths
): Layer.Layer<ClientDb, InvalidOptions | PackageMissing | DbError | DatabaseTooNew | CommandError> =>
  Layer.unwrapEffect(Effect.as(requireDatabase(client), database(client)))

/**
 * The SQL client of the database, for what `ClientDb` does not offer. The database must exist; no key is needed.
 *
 * @since 0.1.0
 * @category layers
 */
export const sqlClient = (
  client: ClientPaths
): Layer.Layer<SqlClient, InvalidOptions | PackageMissing | DbError | CommandError> =>
  Layer.scoped(SqlClient, Effect.andThen(requireDatabase(client), SqliteOrPostgres.sqlClient(client.database)))

/**
 * The database, to write to, and the keys. A new database is bound to these keys and this chain; another one is refused
 * unless it is bound to them already.
 *
 * @since 0.1.0
 * @category layers
 */
export const boundDatabase = (
  client: ClientPaths
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
      yield* db.bindIdentity({ chainHash: client.chain.chainHash, layout: keyRing.layout, publicKey })
    })
  ).pipe(
    // The key comes first: without a key no database is created.
    Layer.provideMerge(
      Layer.provideMerge(database(client), KeyFile.layer({ path: client.keyFile, chain: client.chain }))
    )
  )

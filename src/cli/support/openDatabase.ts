/**
 * The database and the keys of a client as layers.
 *
 * @since 0.1.0
 */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import type * as FileSystem from "@effect/platform/FileSystem"
import { SqlClient } from "@effect/sql/SqlClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { systemWords } from "../../internal/systemTrouble.js"
import * as KeyFile from "../../layers/KeyFile.js"
import * as SqlClientDb from "../../layers/SqlClientDb.js"
import { toDbError } from "../../layers/sql/errors.js"
import * as IdentityTable from "../../layers/sql/identityTable.js"
import * as SqliteOrPostgres from "../../layers/sqliteOrPostgres.js"
import { compareIdentities } from "../../layers/support/databaseIdentity.js"
import type { DatabaseTooNew, DbError, WrongDatabase } from "../../schema/DbError.js"
import type { InvalidOptions } from "../../schema/InvalidOptions.js"
import type { KeyFileError } from "../../schema/KeyFileError.js"
import type { KeyRingError } from "../../schema/KeyRingError.js"
import type { PackageMissing } from "../../schema/PackageMissing.js"
import { ClientDb } from "../../services/ClientDb.js"
import { familyTowerSession, KeyRing } from "../../services/KeyRing.js"
import { CommandError } from "./CliError.js"
import { type ClientPaths, databaseName } from "./clientPaths.js"
import { codeOf, writeTrouble } from "./diskTrouble.js"
import { during } from "./progress.js"

/**
 * A layer whose making opens the client's database, and says so where that takes long: a server can be far away, and a database of
 * an older version is brought up to date first.
 *
 * @since 0.1.0
 * @category combinators
 */
export const opening = <A, E, R>(client: ClientPaths, layer: Layer.Layer<A, E, R>): Layer.Layer<A, E, R> =>
  Layer.scopedContext(during(openingOf(client), Layer.build(layer)))

const openingOf = (client: ClientPaths): string => `opens the database ${databaseName(client)}`

const cannotRead = (filename: string, code: string) =>
  new CommandError({ message: `The database ${filename} cannot be read: ${systemWords(code)}.` })

/** Fails when there is no database file yet, or when it cannot be looked for; a server is not asked. */
const requireDatabase = ({ command, database, folder }: ClientPaths): Effect.Effect<void, CommandError> =>
  Effect.suspend(() => {
    if (SqliteOrPostgres.isPostgres(database)) return Effect.void
    try {
      fs.statSync(database.filename)
      return Effect.void
    } catch (thrown) {
      const code = codeOf(thrown)
      return code === "ENOENT"
        ? new CommandError({
            message: `There is no database in ${folder} yet. Make a key and add a tower, or name another client with --chain, --network or --data-dir.`,
            next: [command("init"), command("add", "PUBLICKEY@HOST")]
          })
        : cannotRead(database.filename, code)
    }
  })

/** The codes that only writing has: into a new folder of our own, all others are of reading. */
const noRoom: ReadonlyArray<string> = ["ENOSPC", "EDQUOT", "EFBIG"]

/**
 * The options of a database that can be read: where its disk is read-only, those of a copy that lives as long as the scope.
 * SQLite cannot even read a file of this kind (WAL) where it can make no files beside it.
 */
const readable = (
  database: SqliteOrPostgres.Options
): Effect.Effect<SqliteOrPostgres.Options, CommandError, Scope.Scope> =>
  Effect.gen(function* () {
    if (SqliteOrPostgres.isPostgres(database) || writeTrouble(path.dirname(database.filename)) !== "EROFS")
      return database
    const { filename } = database
    const elsewhere = os.tmpdir()
    const cannotCopy = (code: string) =>
      new CommandError({
        message: `The database ${filename} is on a read-only disk, and cannot be copied to ${elsewhere}: ${systemWords(code)}. Name another folder for the copy in the variable TMPDIR.`
      })
    const folder = yield* Effect.acquireRelease(
      Effect.try({
        try: () => fs.mkdtempSync(path.join(elsewhere, "wtclient-")),
        catch: (thrown) => cannotCopy(codeOf(thrown))
      }),
      (folder) => Effect.sync(() => fs.rmSync(folder, { recursive: true, force: true }))
    )
    const copy = path.join(folder, "copy.db")
    yield* Effect.try({
      try: () => {
        // What was committed last may be in the log alone.
        for (const ending of ["", "-wal"]) {
          if (fs.existsSync(filename + ending)) fs.copyFileSync(filename + ending, copy + ending)
        }
      },
      catch: (thrown) => {
        const code = codeOf(thrown)
        return noRoom.includes(code) ? cannotCopy(code) : cannotRead(filename, code)
      }
    })
    return { ...database, filename: copy }
  })

/** The key ring of the client, if it has a key file that can be used. */
const ownKeyRing = (
  client: ClientPaths
): Effect.Effect<Option.Option<KeyRing.Service>, never, FileSystem.FileSystem | Scope.Scope> =>
  Effect.option(Effect.map(Layer.build(KeyFile.layer({ ...client.key, chain: client.chain })), Context.get(KeyRing)))

/** What the database says of its owner, if it says anything. */
const ownerOf = (sql: SqlClient) =>
  Effect.catchTag(IdentityTable.find(sql), "SqlError", (error) => Effect.fail(toDbError("open")(error)))

/** Fails when the database belongs to another chain, or to another seed than the key file, if there is one. */
const compareOwner = (client: ClientPaths, sql: SqlClient) =>
  Effect.gen(function* () {
    const found = yield* ownerOf(sql)
    if (found === undefined) return
    const wanted = Option.match(yield* ownKeyRing(client), {
      onNone: () => Effect.succeed(found),
      onSome: ({ deriveKey, layout }) =>
        Effect.map(deriveKey({ family: familyTowerSession, index: 0 }), (publicKey) => ({ layout, publicKey }))
    })
    yield* compareIdentities({ ...(yield* wanted), chainHash: client.chain.chainHash }, found)
  })

/**
 * Fails when there is a database, and it belongs to another key than this one, which is about to be written beside it. A
 * database that cannot be asked is no reason to have no key.
 *
 * @since 0.1.0
 * @category combinators
 */
export const requireOwnDatabase = (
  client: ClientPaths,
  key: Pick<ClientDb.Identity, "layout" | "publicKey">
): Effect.Effect<void, CommandError> =>
  Effect.gen(function* () {
    yield* requireDatabase(client)
    const sql = yield* during(openingOf(client), Effect.flatMap(readable(client.database), SqliteOrPostgres.sqlClient))
    const found = yield* ownerOf(sql)
    if (found !== undefined) yield* compareIdentities({ ...key, chainHash: client.chain.chainHash }, found)
  }).pipe(
    Effect.scoped,
    Effect.catchAll((failure) =>
      failure._tag === "WrongDatabase"
        ? new CommandError({
            message: `The database ${databaseName(client)} was made with another ${failure.what} than that of this key, and nothing was written. Import the seed that it was made with, move the database away, or name another --data-dir.`
          })
        : Effect.void
    )
  )

/** Why a database cannot be read. @since 0.1.0 @category errors */
export type ReadError =
  | InvalidOptions
  | PackageMissing
  | DbError
  | DatabaseTooNew
  | WrongDatabase
  | KeyRingError
  | CommandError

/** The SQL client of a database that exists and, as far as that can be read, belongs to this client. */
const ownSql = (client: ClientPaths): Layer.Layer<SqlClient, ReadError, FileSystem.FileSystem> =>
  Layer.scoped(
    SqlClient,
    Effect.gen(function* () {
      yield* requireDatabase(client)
      const sql = yield* Effect.flatMap(readable(client.database), SqliteOrPostgres.sqlClient)
      // A database that cannot be asked whose it is is for `db check` to describe, and for the others to fail with.
      yield* Effect.catchTags(compareOwner(client, sql), {
        CorruptRow: () => Effect.void,
        DatabaseUnavailable: () => Effect.void
      })
      return sql
    })
  )

/**
 * The SQL client of the database, for what `ClientDb` does not offer. The database must exist and, as far as it can be read,
 * be that of this chain and, where there is a key file, of this seed; no key is needed.
 *
 * @since 0.1.0
 * @category layers
 */
export const sqlClient = (client: ClientPaths): Layer.Layer<SqlClient, ReadError, FileSystem.FileSystem> =>
  opening(client, ownSql(client))

/** The same database, to read from. @since 0.1.0 @category layers */
export const existingDatabase = (
  client: ClientPaths
): Layer.Layer<SqlClientDb.Services, ReadError, FileSystem.FileSystem> =>
  opening(client, Layer.provide(SqlClientDb.layer(), ownSql(client)))

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
  SqlClientDb.Services | KeyRing,
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
      Layer.provideMerge(
        SqliteOrPostgres.clientDb(client.database),
        KeyFile.layer({ ...client.key, chain: client.chain })
      )
    ),
    (layer) => opening(client, layer)
  )

/**
 * A place's database and keys as layers. The SQL driver is loaded when a command needs it: it costs start-up time.
 *
 * @since 0.1.0
 */
import * as fs from "node:fs"
import type * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as KeyFile from "../layers/KeyFile.js"
import * as Chain from "../schema/Chain.js"
import { type DatabaseTooNew, DatabaseUnavailable, type DbError, WrongDatabase } from "../schema/DbError.js"
import type { KeyFileError } from "../schema/KeyFileError.js"
import type { KeyRingError } from "../schema/KeyRingError.js"
import { ClientDb } from "../services/ClientDb.js"
import { familyTowerSession, KeyRing } from "../services/KeyRing.js"
import { CommandError } from "./CliError.js"
import type { Place } from "./place.js"

/** The database, which is created when there is none. @since 0.1.0 @category layers */
export const database = (place: Place): Layer.Layer<ClientDb, DbError | DatabaseTooNew> =>
  Layer.unwrapEffect(
    Effect.map(
      Effect.promise(() => import("../layers/SqliteClientDb.js")),
      (SqliteClientDb) => SqliteClientDb.layer({ filename: place.database })
    )
  )

/** The database to read from; none is created. Needs no key. @since 0.1.0 @category layers */
export const existingDatabase = (place: Place): Layer.Layer<ClientDb, DbError | DatabaseTooNew | CommandError> =>
  Layer.unwrapEffect(
    Effect.suspend(() =>
      fs.existsSync(place.database)
        ? Effect.succeed(database(place))
        : new CommandError({
            message: `There is no database in ${place.folder} yet. Begin with wtclient init and wtclient add, or name another place with --chain, --network or --data-dir.`
          })
    )
  )

/**
 * The database to write to, and the keys; the database is bound to these keys and this chain, or was before.
 *
 * @since 0.1.0
 * @category layers
 */
export const boundDatabase = (
  place: Place
): Layer.Layer<
  ClientDb | KeyRing,
  DbError | DatabaseTooNew | WrongDatabase | KeyFileError | KeyRingError,
  FileSystem.FileSystem
> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const db = yield* ClientDb
      const keyRing = yield* KeyRing
      const publicKey = yield* keyRing.deriveKey({ family: familyTowerSession, index: 0 })
      yield* db.bindIdentity({ chainHash: place.chain.chainHash, layout: keyRing.layout, publicKey })
    })
  ).pipe(
    // The key first: without one no database is created.
    Layer.provideMerge(Layer.provideMerge(database(place), KeyFile.layer(place.keyFile, place.chain)))
  )

/**
 * Says which file it is that cannot be used, and names chains instead of their hashes.
 *
 * @since 0.1.0
 * @category combinators
 */
export const explained =
  (place: Place) =>
  <A, E extends { readonly _tag: string }, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.mapError(effect, (error) => {
      if (isUnavailable(error)) {
        return new CommandError({
          message: `The database ${place.database} cannot be used: ${error.detail}. Free it, put a copy of it back, or move it away to begin anew.`
        })
      }
      if (isWrongDatabase(error) && error.what === "chain") {
        return new CommandError({
          message: `The database ${place.database} belongs to ${chainName(error.found)}, not to ${chainName(error.expected)}. Use the --chain and --network that it was made with, or another --data-dir.`
        })
      }
      return error
    })

const isUnavailable = Schema.is(DatabaseUnavailable)
const isWrongDatabase = Schema.is(WrongDatabase)

const chainName = (hash: string): string => {
  const chain = Chain.all.find((one) => one.chainHash === hash)
  return chain === undefined ? `the chain ${hash}` : `${chain.name} ${chain.network}`
}

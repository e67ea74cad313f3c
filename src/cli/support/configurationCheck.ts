/**
 * `wtclient run --check-config`: all that can be found out without starting.
 *
 * @since 0.1.0
 */
import * as fs from "node:fs"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as KeyFile from "../../layers/KeyFile.js"
import * as SqliteOrPostgres from "../../layers/sqliteOrPostgres.js"
import type { ClientPaths } from "./clientPaths.js"
import type { Configuration } from "./configuration.js"
import * as OpenDatabase from "./openDatabase.js"
import { termsOf } from "./serviceTerms.js"
import * as TokenFile from "./tokenFile.js"

/**
 * Checks that the options fit together, that key file and token can be read, and that the database is that of this key. What the first
 * start makes may be missing. Where the service runs, it listens there already, so that is not tried.
 *
 * @since 0.1.0
 * @category combinators
 */
export const check = (client: ClientPaths, { inputs }: Configuration) =>
  Effect.gen(function* () {
    yield* termsOf(client, inputs)
    yield* KeyFile.read(client.key.path, client.key.readableBy)
    if (fs.existsSync(TokenFile.tokenPath(client))) yield* TokenFile.read(client)
    const { database } = client
    if (SqliteOrPostgres.isPostgres(database) || fs.existsSync(database.filename)) {
      yield* Effect.scoped(Layer.build(OpenDatabase.existingDatabase(client)))
    }
  })

/** `wtclient db skip-keys`: gives up keys that a lost part of the database can have used. @since 0.1.0 */
import * as Command from "@effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import { ClientDb } from "../services/ClientDb.js"
import { clientFlags } from "./support/clientPaths.js"
import { withClient } from "./support/failure.js"
import * as flags from "./support/flags.js"
import { boundDatabase } from "./support/openDatabase.js"
import { json } from "./support/views.js"

/**
 * More keys than a client uses between two copies of its database. Random: with a fixed count, the same copy restored twice
 * would continue at the same key index twice, and show keys of the first time to other towers.
 */
const plenty = Random.nextIntBetween(100_000, 1_000_001)

/** The command. @since 0.1.0 @category constructors */
export const skipKeys = Command.make(
  "skip-keys",
  { ...clientFlags, count: flags.values.count, json: flags.switches.json },
  (given) =>
    withClient(given, (client) =>
      Effect.gen(function* () {
        const count = yield* Option.match(given.count, { onNone: () => plenty, onSome: Effect.succeed })
        const next = yield* Effect.flatMap(ClientDb, (db) => db.skipSessionKeys(count)).pipe(
          Effect.provide(boundDatabase(client))
        )
        yield* Console.log(
          given.json ? json({ skipped: count, next }) : `Skipped ${count} key indexes; the next is ${next}.`
        )
      })
    )
).pipe(
  Command.withDescription("After restoring a copy of the database: give up the keys that the lost part can have used")
)

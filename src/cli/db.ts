/** `wtclient db`: care of the database. @since 0.1.0 */
import * as Command from "@effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { ClientDb } from "../services/ClientDb.js"
import { check } from "./check.js"
import * as flags from "./flags.js"
import { boundDatabase, explained } from "./open.js"
import { placeFlags, placeOf } from "./place.js"
import { summaries } from "./summaries.js"
import { json } from "./views.js"

/** More than a client uses between two copies of its database. */
const plenty = 100_000

const skipKeys = Command.make(
  "skip-keys",
  { ...placeFlags, count: flags.values.count, json: flags.switches.json },
  (given) =>
    Effect.gen(function* () {
      const place = yield* placeOf(given)
      const count = Option.getOrElse(given.count, () => plenty)
      const next = yield* Effect.flatMap(ClientDb, (db) => db.skipSessionKeys(count)).pipe(
        Effect.provide(boundDatabase(place)),
        explained(place)
      )
      yield* Console.log(
        given.json ? json({ skipped: count, next }) : `Skipped ${count} key indexes; the next is ${next}.`
      )
    })
).pipe(
  Command.withDescription(
    `After a copy of the database was put back: give up the keys that the lost part can have used (default --count ${plenty})`
  )
)

/** The command. @since 0.1.0 @category constructors */
export const db = Command.make("db").pipe(
  Command.withDescription(summaries.db),
  Command.withSubcommands([check, skipKeys])
)

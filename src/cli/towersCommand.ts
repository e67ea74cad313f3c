/** `wtclient towers`: lists the towers. @since 0.1.0 */
import * as Command from "@effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { ClientDb } from "../services/ClientDb.js"
import { clientFlags, clientPaths } from "./support/clientPaths.js"
import * as flags from "./support/flags.js"
import { existingDatabase, explained } from "./support/openDatabase.js"
import { summaries } from "./support/summaries.js"
import { json, towerJson, towersTable } from "./support/views.js"

/** The command. @since 0.1.0 @category constructors */
export const towers = Command.make("towers", { ...clientFlags, json: flags.switches.json }, (given) =>
  Effect.gen(function* () {
    const paths = yield* clientPaths(given)
    const found = yield* Effect.flatMap(ClientDb, (db) => db.listTowers).pipe(
      Effect.provide(existingDatabase(paths)),
      explained(paths)
    )
    yield* Console.log(
      given.json
        ? json(found.map(towerJson))
        : found.length === 0
          ? "No towers. Add one: wtclient add PUBLICKEY@HOST"
          : towersTable(found)
    )
  })
).pipe(Command.withDescription(summaries.towers))

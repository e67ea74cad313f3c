/** `wtclient towers`: lists the towers. @since 0.1.0 */
import * as Command from "@effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { ClientDb } from "../services/ClientDb.js"
import * as flags from "./flags.js"
import { existingDatabase, explained } from "./open.js"
import { placeFlags, placeOf } from "./place.js"
import { summaries } from "./summaries.js"
import { json, towerJson, towersTable } from "./views.js"

/** The command. @since 0.1.0 @category constructors */
export const towers = Command.make("towers", { ...placeFlags, json: flags.switches.json }, (given) =>
  Effect.gen(function* () {
    const place = yield* placeOf(given)
    const found = yield* Effect.flatMap(ClientDb, (db) => db.listTowers).pipe(
      Effect.provide(existingDatabase(place)),
      explained(place)
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

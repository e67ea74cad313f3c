/** `wtclient towers`: lists the towers. @since 0.1.0 */
import * as Command from "@effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { ClientDb } from "../services/ClientDb.js"
import { clientFlags } from "./support/clientPaths.js"
import { nextLines } from "./support/commandText.js"
import { withClient } from "./support/failure.js"
import * as flags from "./support/flags.js"
import { existingDatabase } from "./support/openDatabase.js"
import { summaries } from "./support/summaries.js"
import { json, towerJson, towersTable } from "./support/views.js"

/** The command. @since 0.1.0 @category constructors */
export const towers = Command.make("towers", { ...clientFlags, json: flags.switches.json }, (given) =>
  withClient(given, (client) =>
    Effect.gen(function* () {
      const found = yield* Effect.flatMap(ClientDb, (db) => db.listTowers).pipe(
        Effect.provide(existingDatabase(client))
      )
      yield* Console.log(
        given.json
          ? json(found.map(towerJson))
          : found.length === 0
            ? ["There are no towers.", ...nextLines([client.command("add", "PUBLICKEY@HOST")])].join("\n")
            : towersTable(found)
      )
    })
  )
).pipe(Command.withDescription(summaries.towers))

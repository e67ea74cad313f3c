/** `wtclient deactivate`: no more sessions and updates at a tower. @since 0.1.0 */
import * as Command from "@effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { ClientDb } from "../services/ClientDb.js"
import { clientFlags } from "./support/clientPaths.js"
import { withClient } from "./support/failure.js"
import * as flags from "./support/flags.js"
import { boundDatabase } from "./support/openDatabase.js"
import { summaries } from "./support/summaries.js"
import { publicKey, publicKeyOf } from "./support/towerArguments.js"
import { json, towerJson } from "./support/views.js"

/** The command. @since 0.1.0 @category constructors */
export const deactivate = Command.make(
  "deactivate",
  { ...clientFlags, json: flags.switches.json, tower: publicKey },
  (given) =>
    withClient(given, (client) =>
      Effect.gen(function* () {
        const key = yield* publicKeyOf(given.tower)
        const tower = yield* Effect.flatMap(ClientDb, (db) => db.deactivateTower(key)).pipe(
          Effect.provide(boundDatabase(client))
        )
        yield* Console.log(
          given.json
            ? json(towerJson(tower))
            : `Deactivated tower ${tower.id}, ${tower.publicKey}: it gets no more sessions and updates until it is added again. Its sessions are kept.`
        )
      })
    )
).pipe(Command.withDescription(summaries.deactivate))

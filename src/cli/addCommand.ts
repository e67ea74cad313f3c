/** `wtclient add`: adds a tower, or an address of it. @since 0.1.0 */
import * as Command from "@effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as TowerUri from "../schema/TowerUri.js"
import { ClientDb } from "../services/ClientDb.js"
import { clientFlags, clientPaths } from "./support/clientPaths.js"
import * as flags from "./support/flags.js"
import { boundDatabase, explained } from "./support/openDatabase.js"
import { summaries } from "./support/summaries.js"
import { towerUri } from "./support/towerArguments.js"
import { json, towerJson } from "./support/views.js"

/** The command. @since 0.1.0 @category constructors */
export const add = Command.make("add", { ...clientFlags, json: flags.switches.json, tower: towerUri }, (given) =>
  Effect.gen(function* () {
    const paths = yield* clientPaths(given)
    const { address, publicKey } = yield* TowerUri.parse(given.tower)
    const tower = yield* Effect.flatMap(ClientDb, (db) => db.createTower(publicKey, address)).pipe(
      Effect.provide(boundDatabase(paths)),
      explained(paths)
    )
    yield* Console.log(
      given.json
        ? json(towerJson(tower))
        : `Tower ${tower.id} is ${tower.publicKey}, at ${tower.addresses.join(", ")}.\nNext: wtclient negotiate`
    )
  })
).pipe(Command.withDescription(summaries.add))

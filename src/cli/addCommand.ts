/** `wtclient add`: adds a tower, or an address of it. @since 0.1.0 */
import * as Command from "@effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as TowerUri from "../schema/TowerUri.js"
import { ClientDb } from "../services/ClientDb.js"
import { clientFlags } from "./support/clientPaths.js"
import { nextLines } from "./support/commandText.js"
import { withClient } from "./support/failure.js"
import * as flags from "./support/flags.js"
import { boundDatabase } from "./support/openDatabase.js"
import { summaries } from "./support/summaries.js"
import { towerUri } from "./support/towerArguments.js"
import { json, towerJson } from "./support/views.js"

/** The command. @since 0.1.0 @category constructors */
export const add = Command.make("add", { ...clientFlags, json: flags.switches.json, tower: towerUri }, (given) =>
  withClient(given, (client) =>
    Effect.gen(function* () {
      const { address, publicKey } = yield* TowerUri.parse(given.tower)
      const { tower, wasKnown } = yield* Effect.gen(function* () {
        const db = yield* ClientDb
        const wasKnown = (yield* db.listTowers).some((tower) => tower.publicKey === publicKey)
        return { wasKnown, tower: yield* db.createTower(publicKey, address) }
      }).pipe(Effect.provide(boundDatabase(client)))
      // A removed tower keeps its row, and with it the addresses that it had.
      const restored = wasKnown ? [] : tower.addresses.filter((one) => one !== address)
      yield* Console.log(
        given.json
          ? json({ ...towerJson(tower), restored })
          : [
              `Tower ${tower.id} is ${tower.publicKey}, at ${tower.addresses.join(", ")}.`,
              ...(restored.length === 0
                ? []
                : [`It was removed before. These addresses of it are back too: ${restored.join(", ")}.`]),
              ...nextLines([
                ...restored.map((one) => client.command("remove", `${publicKey}@${one}`)),
                client.command("negotiate")
              ])
            ].join("\n")
      )
    })
  )
).pipe(Command.withDescription(summaries.add))

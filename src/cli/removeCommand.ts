/** `wtclient remove`: removes a tower, or an address of it. @since 0.1.0 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as TowerAddress from "../schema/TowerAddress.js"
import { ClientDb } from "../services/ClientDb.js"
import { CommandError } from "./support/CliError.js"
import { clientFlags } from "./support/clientPaths.js"
import { withClient } from "./support/failure.js"
import * as flags from "./support/flags.js"
import { boundDatabase } from "./support/openDatabase.js"
import { summaries } from "./support/summaries.js"
import { parsePublicKey, publicKey } from "./support/towerArguments.js"
import { json } from "./support/views.js"

const address = Args.text({ name: "address" }).pipe(
  Args.withDescription("Remove this address alone; without it, remove the tower"),
  Args.optional
)

/** The command. @since 0.1.0 @category constructors */
export const remove = Command.make(
  "remove",
  { ...clientFlags, json: flags.switches.json, tower: publicKey, address },
  (given) =>
    withClient(given, (client) =>
      Effect.gen(function* () {
        const key = yield* parsePublicKey(given.tower)
        const which = Option.getOrUndefined(
          yield* Effect.transposeOption(Option.map(given.address, (text) => TowerAddress.parse(text)))
        )
        yield* Effect.gen(function* () {
          const db = yield* ClientDb
          const tower = yield* db.loadTower(key)
          if (which !== undefined && !tower.addresses.includes(which)) {
            return yield* new CommandError({
              message: `Tower ${key} has no address ${which}; it has ${tower.addresses.join(", ")}.`
            })
          }
          yield* db.removeTower(key, which)
        }).pipe(Effect.provide(boundDatabase(client)))
        yield* Console.log(
          given.json
            ? json({ removed: key, address: which })
            : which === undefined
              ? `Removed tower ${key}. Its sessions are kept.`
              : `Removed the address ${which} of tower ${key}.`
        )
      })
    )
).pipe(Command.withDescription(summaries.remove))

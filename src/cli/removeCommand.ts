/** `wtclient remove`: removes a tower, or an address of it. @since 0.1.0 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as TowerAddress from "../schema/TowerAddress.js"
import * as TowerUri from "../schema/TowerUri.js"
import { ClientDb } from "../services/ClientDb.js"
import { CommandError, UsageError } from "./support/CliError.js"
import { clientFlags } from "./support/clientPaths.js"
import { withClient } from "./support/failure.js"
import * as flags from "./support/flags.js"
import { boundDatabase } from "./support/openDatabase.js"
import { summaries } from "./support/summaries.js"
import { json } from "./support/views.js"

const tower = Args.text({ name: "tower" }).pipe(
  Args.withDescription("The tower's public key, 66 hex digits; with @ and an address behind it, that address alone")
)

const address = Args.text({ name: "address" }).pipe(
  Args.withDescription("Remove this address alone; without one, remove the tower"),
  Args.optional
)

/** The tower that is meant, and the address of it, if one is. As with lncli, a URI means its address and not the tower. */
const targetOf = (tower: string, address: Option.Option<string>) =>
  Effect.gen(function* () {
    const own = Option.getOrUndefined(address)
    if (!tower.includes("@")) {
      const publicKey = yield* TowerUri.parsePublicKey(tower)
      return { publicKey, address: own === undefined ? undefined : yield* TowerAddress.parse(own) }
    }
    if (own !== undefined) {
      return yield* new UsageError({
        message:
          "The command remove names an address twice: in the tower's URI, and behind it. Give the public key alone."
      })
    }
    return yield* TowerUri.parse(tower)
  })

/** The command. @since 0.1.0 @category constructors */
export const remove = Command.make("remove", { ...clientFlags, json: flags.switches.json, tower, address }, (given) =>
  withClient(given, (client) =>
    Effect.gen(function* () {
      const { address, publicKey } = yield* targetOf(given.tower, given.address)
      yield* Effect.gen(function* () {
        const db = yield* ClientDb
        const { addresses } = yield* db.loadTower(publicKey)
        if (address !== undefined && !addresses.includes(address)) {
          return yield* new CommandError({
            message: `Tower ${publicKey} has no address ${address}; it has ${addresses.join(", ")}.`
          })
        }
        yield* db.removeTower(publicKey, address)
      }).pipe(Effect.provide(boundDatabase(client)))
      yield* Console.log(
        given.json
          ? json({ removed: publicKey, address })
          : address === undefined
            ? `Removed tower ${publicKey} with all its addresses. Its sessions are kept.`
            : `Removed the address ${address} of tower ${publicKey}.`
      )
    })
  )
).pipe(Command.withDescription(summaries.remove))

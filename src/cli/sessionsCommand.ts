/** `wtclient sessions`: lists the stored sessions. @since 0.1.0 */
import * as Command from "@effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { ClientDb } from "../services/ClientDb.js"
import { clientFlags } from "./support/clientPaths.js"
import { nextLines } from "./support/commandText.js"
import { withClient } from "./support/failure.js"
import * as flags from "./support/flags.js"
import { listSessions } from "./support/listSessions.js"
import { existingDatabase } from "./support/openDatabase.js"
import { policyFlags } from "./support/policyFlags.js"
import { printSessions, printSessionsJson } from "./support/sessionViews.js"
import { summaries } from "./support/summaries.js"
import { towerIdOf, towerNameOf } from "./support/towerArguments.js"

/** The command. @since 0.1.0 @category constructors */
export const sessions = Command.make(
  "sessions",
  {
    ...clientFlags,
    tower: flags.values.tower,
    status: flags.values.status,
    blobType: policyFlags.blobType,
    full: flags.switches.full,
    json: flags.switches.json
  },
  (given) =>
    withClient(given, (client) =>
      Effect.gen(function* () {
        const named = yield* Effect.transposeMapOption(given.tower, towerNameOf)
        yield* Effect.gen(function* () {
          const db = yield* ClientDb
          const towerId = yield* Effect.transposeMapOption(named, (name) => towerIdOf(db, name))
          const filter = {
            towerId: Option.getOrUndefined(towerId),
            status: Option.getOrUndefined(given.status),
            blobType: Option.getOrUndefined(given.blobType)
          }
          const found = listSessions(db, filter)
          if (given.json) return yield* printSessionsJson(found)
          const areThere = yield* printSessions(found, { chain: client.chain, isFull: given.full })
          if (areThere) return
          const isFiltered = Object.values(filter).some((one) => one !== undefined)
          yield* Console.log(
            isFiltered
              ? "There are no such sessions."
              : ["There are no sessions.", ...nextLines([client.command("negotiate")])].join("\n")
          )
        }).pipe(Effect.provide(existingDatabase(client)))
      })
    )
).pipe(Command.withDescription(summaries.sessions))

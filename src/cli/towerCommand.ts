/** `wtclient tower`: shows one tower. @since 0.1.0 */
import * as Command from "@effect/cli/Command"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { ClientDb } from "../services/ClientDb.js"
import { clientFlags } from "./support/clientPaths.js"
import { withClient } from "./support/failure.js"
import * as flags from "./support/flags.js"
import { listSessions } from "./support/listSessions.js"
import { existingDatabase } from "./support/openDatabase.js"
import { policyFlags, proposalOf } from "./support/policyFlags.js"
import { printSessions, printSessionsJson } from "./support/sessionViews.js"
import { summaries } from "./support/summaries.js"
import { publicKey, publicKeyOf } from "./support/towerArguments.js"
import { standingLines, towerStatusJson, towerStatusOf } from "./support/towerStatus.js"
import { json } from "./support/views.js"

/** The command. @since 0.1.0 @category constructors */
export const tower = Command.make(
  "tower",
  { ...clientFlags, ...policyFlags, full: flags.switches.full, json: flags.switches.json, tower: publicKey },
  (given) =>
    withClient(given, (client) =>
      Effect.gen(function* () {
        const key = yield* publicKeyOf(given.tower)
        const proposal = yield* proposalOf(given, client.chain)
        yield* Effect.gen(function* () {
          const db = yield* ClientDb
          const known = yield* db.loadTower(key)
          const sessions = listSessions(db, { towerId: known.id })
          const found = (yield* towerStatusOf(db, proposal))(known)
          if (given.json) {
            const text = json({ ...towerStatusJson(found), policy: proposal.policy })
            return yield* printSessionsJson(sessions, [`${text.slice(0, -1)},"sessions":`, "}"])
          }
          const lines = [
            `Tower ${known.id}: ${known.publicKey}`,
            ...known.addresses.map((address) => `  ${address}`),
            ...standingLines(found, yield* Clock.currentTimeMillis),
            ""
          ]
          yield* Console.log(lines.join("\n"))
          const areThere = yield* printSessions(sessions, { chain: client.chain, isFull: given.full })
          if (!areThere) yield* Console.log("There are no sessions with it.")
        }).pipe(Effect.provide(existingDatabase(client)))
      })
    )
).pipe(Command.withDescription(summaries.tower))

/** `wtclient tower`: shows one tower. @since 0.1.0 */
import * as Command from "@effect/cli/Command"
import * as Chunk from "effect/Chunk"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { FeeRate } from "../schema/FeeRate.js"
import * as Policy from "../schema/Policy.js"
import * as Standing from "../schema/Standing.js"
import * as TowerUri from "../schema/TowerUri.js"
import { ClientDb } from "../services/ClientDb.js"
import { clientFlags } from "./support/clientPaths.js"
import { withClient } from "./support/failure.js"
import * as flags from "./support/flags.js"
import { listSessions } from "./support/listSessions.js"
import { existingDatabase } from "./support/openDatabase.js"
import { policyFlags, policyOf } from "./support/policyFlags.js"
import { summaries } from "./support/summaries.js"
import { publicKey } from "./support/towerArguments.js"
import { json, sessionJson, sessionsTable, standingJson, standingLines, towerJson } from "./support/views.js"

/** The command. @since 0.1.0 @category constructors */
export const tower = Command.make(
  "tower",
  { ...clientFlags, ...policyFlags, json: flags.switches.json, tower: publicKey },
  (given) =>
    withClient(given, (client) =>
      Effect.gen(function* () {
        // A whole tower URI is accepted too.
        const [text = ""] = given.tower.split("@", 1)
        const key = yield* TowerUri.parsePublicKey(text)
        const policy = yield* policyOf<FeeRate>(given, client.chain)
        const { found, sessions, standing } = yield* Effect.gen(function* () {
          const db = yield* ClientDb
          const found = yield* db.loadTower(key)
          const standings = yield* db.loadStandings(policy.blobType, Policy.keyOf(policy))
          const sessions = Chunk.toReadonlyArray(yield* Stream.runCollect(listSessions(db, found.id)))
          return { found, sessions, standing: standings.get(found.id) ?? Standing.initial }
        }).pipe(Effect.provide(existingDatabase(client)))
        yield* Console.log(
          given.json
            ? json({
                ...towerJson(found),
                policy,
                standing: standingJson(standing),
                sessions: sessions.map(sessionJson)
              })
            : [
                `Tower ${found.id}: ${found.publicKey}`,
                ...found.addresses.map((address) => `  ${address}`),
                ...standingLines(standing),
                ...(sessions.length === 0 ? [] : ["", sessionsTable(sessions, client.chain)])
              ].join("\n")
        )
      })
    )
).pipe(Command.withDescription(summaries.tower))

/** `wtclient status`: sessions, towers, and why there is no session. @since 0.1.0 */
import * as Command from "@effect/cli/Command"
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Negotiator from "../layers/negotiator/Options.js"
import * as Policy from "../schema/Policy.js"
import * as Standing from "../schema/Standing.js"
import { ClientDb } from "../services/ClientDb.js"
import { CheckFailed } from "./support/CliError.js"
import { clientFlags } from "./support/clientPaths.js"
import { withClient } from "./support/failure.js"
import * as flags from "./support/flags.js"
import { listSessions } from "./support/listSessions.js"
import { existingDatabase } from "./support/openDatabase.js"
import { policyFlags, policyWords, proposalOf } from "./support/policyFlags.js"
import { statusJson, statusLines, statusOf, trouble } from "./support/status.js"
import { summaries } from "./support/summaries.js"
import { json } from "./support/views.js"

/** The command. @since 0.1.0 @category constructors */
export const status = Command.make(
  "status",
  { ...clientFlags, ...policyFlags, check: flags.switches.check, json: flags.switches.json },
  (given) =>
    withClient(given, (client) =>
      Effect.gen(function* () {
        const proposal = yield* proposalOf(given, client.chain)
        const { policy } = proposal
        const now = yield* Clock.currentTimeMillis
        const found = yield* Effect.gen(function* () {
          const db = yield* ClientDb
          const standings = yield* db.loadStandings(policy.blobType, Policy.keyOf(policy))
          const towers = yield* db.listTowers
          const sessions = Chunk.toReadonlyArray(yield* Stream.runCollect(listSessions(db)))
          return statusOf(
            {
              policy,
              policyWords: policyWords(given),
              now,
              sessions,
              towers: towers.map((tower) => ({ tower, standing: standings.get(tower.id) ?? Standing.initial }))
            },
            Negotiator.decode(proposal)
          )
        }).pipe(Effect.provide(existingDatabase(client)))
        yield* Console.log(
          given.json ? json(statusJson(found)) : statusLines(found, client.chain, client.command).join("\n")
        )
        const wrong = trouble(found)
        if (given.check && wrong !== undefined) {
          return yield* new CheckFailed({ message: wrong.sentence, next: [client.command(...wrong.next)] })
        }
      })
    )
).pipe(Command.withDescription(summaries.status))

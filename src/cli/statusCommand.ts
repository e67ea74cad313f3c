/** `wtclient status`: sessions, towers, and why there is no session. @since 0.1.0 */
import * as Command from "@effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { ClientDb } from "../services/ClientDb.js"
import { CheckFailed } from "./support/CliError.js"
import { clientFlags } from "./support/clientPaths.js"
import { withClient } from "./support/failure.js"
import * as flags from "./support/flags.js"
import { existingDatabase } from "./support/openDatabase.js"
import { policyFlags, policyWords, proposalOf } from "./support/policyFlags.js"
import { during } from "./support/progress.js"
import * as RunningService from "./support/runningService.js"
import { loadStatus, statusJson, statusLines, trouble } from "./support/status.js"
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
        const stored = yield* Effect.flatMap(ClientDb, (db) =>
          during("counts the sessions", loadStatus(db, proposal, policyWords(given)))
        ).pipe(Effect.provide(existingDatabase(client)))
        const service = yield* during("asks the service", RunningService.status(client))
        const found = { ...stored, service: Option.getOrUndefined(service) }
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

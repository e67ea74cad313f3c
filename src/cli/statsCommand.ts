/** `wtclient stats`: what the client has done so far. @since 0.1.0 */
import * as Command from "@effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { clientFlags } from "./support/clientPaths.js"
import { withClient } from "./support/failure.js"
import * as flags from "./support/flags.js"
import { existingDatabase } from "./support/openDatabase.js"
import { during } from "./support/progress.js"
import { loadStats, statsLines } from "./support/stats.js"
import { summaries } from "./support/summaries.js"
import { json } from "./support/views.js"

/** The command. @since 0.1.0 @category constructors */
export const stats = Command.make("stats", { ...clientFlags, json: flags.switches.json }, (given) =>
  withClient(given, (client) =>
    Effect.gen(function* () {
      const found = yield* during("counts states and sessions", loadStats)
      yield* Console.log(given.json ? json(found) : statsLines(found).join("\n"))
    }).pipe(Effect.provide(existingDatabase(client)))
  )
).pipe(Command.withDescription(summaries.stats))

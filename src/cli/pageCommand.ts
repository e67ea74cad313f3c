/** `wtclient page`: the way to the page of the service that runs. @since 0.1.0 */
import * as Command from "@effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { clientFlags } from "./support/clientPaths.js"
import { withClient } from "./support/failure.js"
import * as flags from "./support/flags.js"
import * as RunningService from "./support/runningService.js"
import { summaries } from "./support/summaries.js"
import { json, time } from "./support/views.js"

/** The command. @since 0.1.0 @category constructors */
export const page = Command.make("page", { ...clientFlags, json: flags.switches.json }, (given) =>
  withClient(given, (client) =>
    Effect.gen(function* () {
      const { until, url } = yield* RunningService.pageAddress(client)
      yield* Console.log(given.json ? json({ url, until: time(until) }) : url)
    })
  )
).pipe(Command.withDescription(summaries.page))

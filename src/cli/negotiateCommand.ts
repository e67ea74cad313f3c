/** `wtclient negotiate`: gets sessions. @since 0.1.0 */
import * as Command from "@effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as NodeWatchtower from "../layers/NodeWatchtower.js"
import { SessionNegotiator } from "../services/SessionNegotiator.js"
import { clientFlags } from "./support/clientPaths.js"
import { storedLine } from "./support/eventLine.js"
import { withClient } from "./support/failure.js"
import * as flags from "./support/flags.js"
import { negotiateOnce } from "./support/negotiateOnce.js"
import { opening } from "./support/openDatabase.js"
import { policyFlags, proposalOf } from "./support/policyFlags.js"
import { Progress, stepLine } from "./support/progress.js"
import { sessionJson } from "./support/sessionViews.js"
import { summaries } from "./support/summaries.js"
import { json } from "./support/views.js"

/** The command. @since 0.1.0 @category constructors */
export const negotiate = Command.make(
  "negotiate",
  {
    ...clientFlags,
    ...policyFlags,
    count: flags.values.count,
    proxy: flags.values.proxy,
    json: flags.switches.json
  },
  (given) =>
    withClient(given, (client) =>
      Effect.gen(function* () {
        const proposal = yield* proposalOf(given, client.chain)
        const { isQuiet } = yield* Progress
        const count = Option.getOrElse(given.count, () => 1)
        const print = (line: string) =>
          given.json || isQuiet ? Effect.void : Effect.flatMap(stepLine(line), (text) => Console.log(text))
        yield* Effect.gen(function* () {
          const negotiator = yield* SessionNegotiator
          for (let at = 1; at <= count; at++) {
            const session = yield* negotiateOnce(negotiator, `session ${at} of ${count}`, print)
            if (given.json) yield* Console.log(json(sessionJson(session)))
            else if (isQuiet) yield* Console.log(storedLine(session))
          }
        }).pipe(
          Effect.provide(
            opening(
              client,
              NodeWatchtower.layer({
                ...proposal,
                key: client.key,
                database: client.database,
                proxy: Option.getOrUndefined(given.proxy)
              })
            )
          )
        )
      })
    )
).pipe(Command.withDescription(summaries.negotiate))

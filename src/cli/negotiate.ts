/** `wtclient negotiate`: gets sessions. @since 0.1.0 */
import * as Command from "@effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as NodeWatchtower from "../layers/NodeWatchtower.js"
import { SessionNegotiator } from "../services/SessionNegotiator.js"
import * as flags from "./flags.js"
import { explained } from "./open.js"
import { placeFlags, placeOf } from "./place.js"
import { policyFlags, proposalOf } from "./policy.js"
import { narratedRound } from "./round.js"
import { summaries } from "./summaries.js"
import { json, sessionJson } from "./views.js"

/** The command. @since 0.1.0 @category constructors */
export const negotiate = Command.make(
  "negotiate",
  {
    ...placeFlags,
    ...policyFlags,
    count: flags.values.count,
    proxy: flags.values.proxy,
    json: flags.switches.json
  },
  (given) =>
    Effect.gen(function* () {
      const place = yield* placeOf(given)
      const proposal = yield* proposalOf(given, place.chain)
      const tell = given.json ? () => Effect.void : (text: string) => Console.log(text)
      yield* Effect.gen(function* () {
        const negotiator = yield* SessionNegotiator
        for (let left = Option.getOrElse(given.count, () => 1); left > 0; left--) {
          const session = yield* narratedRound(negotiator, tell)
          if (given.json) yield* Console.log(json(sessionJson(session)))
        }
      }).pipe(
        Effect.provide(
          NodeWatchtower.layer({
            ...proposal,
            key: place.keyFile,
            database: place.database,
            proxy: Option.getOrUndefined(given.proxy)
          })
        ),
        explained(place)
      )
    })
).pipe(Command.withDescription(summaries.negotiate))

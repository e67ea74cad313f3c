/** `wtclient serve`: a tower for trying things out. @since 0.1.0 */
import * as Command from "@effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as TowerUri from "../schema/TowerUri.js"
import * as flags from "./flags.js"
import * as Loopback from "./loopback.js"
import { placeFlags, placeOf } from "./place.js"
import { summaries } from "./summaries.js"
import { json } from "./views.js"

/** The command. @since 0.1.0 @category constructors */
export const serve = Command.make(
  "serve",
  { ...placeFlags, port: flags.values.port, json: flags.switches.json },
  (given) =>
    Effect.scoped(
      Effect.gen(function* () {
        const place = yield* placeOf(given)
        const tell = (text: string, value: unknown) => Console.log(given.json ? json(value) : text)
        const tower = yield* Loopback.open(place, {
          port: Option.getOrUndefined(given.port),
          onSession: ({ id, lastApplied }) =>
            tell(`session ${id} (last applied ${lastApplied})`, { session: id, lastApplied })
        })
        const uri = TowerUri.print(tower.uri)
        yield* tell(
          [
            `A tower for ${place.chain.name} ${place.chain.network} listens. In another terminal, with the same --chain and --network:`,
            `  wtclient init`,
            `  wtclient add ${uri}`,
            `  wtclient negotiate`,
            "Ctrl-C ends it; its sessions end with it."
          ].join("\n"),
          { uri, chain: place.chain.name, network: place.chain.network }
        )
        yield* Effect.never
      })
    )
).pipe(Command.withDescription(summaries.serve))

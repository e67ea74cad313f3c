/** `wtclient serve`: a tower to try things out with. @since 0.1.0 */
import * as Command from "@effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as TowerUri from "../schema/TowerUri.js"
import { clientFlags, clientPaths } from "./support/clientPaths.js"
import * as flags from "./support/flags.js"
import * as LocalTower from "./support/localTower.js"
import { summaries } from "./support/summaries.js"
import { json } from "./support/views.js"

/** The command. @since 0.1.0 @category constructors */
export const serve = Command.make(
  "serve",
  { ...clientFlags, port: flags.values.port, json: flags.switches.json },
  (given) =>
    Effect.scoped(
      Effect.gen(function* () {
        const paths = yield* clientPaths(given)
        const print = (text: string, value: unknown) => Console.log(given.json ? json(value) : text)
        const tower = yield* LocalTower.open(paths, {
          port: Option.getOrUndefined(given.port),
          onSession: ({ id, lastApplied }) =>
            print(`session ${id} (last applied ${lastApplied})`, { session: id, lastApplied })
        })
        const uri = TowerUri.print(tower.uri)
        yield* print(
          [
            `A tower for ${paths.chain.name} ${paths.chain.network} listens. In another terminal, with the same --chain and --network:`,
            `  wtclient init`,
            `  wtclient add ${uri}`,
            `  wtclient negotiate`,
            "Ctrl-C ends it; its sessions end with it."
          ].join("\n"),
          { uri, chain: paths.chain.name, network: paths.chain.network }
        )
        yield* Effect.never
      })
    )
).pipe(Command.withDescription(summaries.serve))

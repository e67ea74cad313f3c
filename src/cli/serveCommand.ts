/** `wtclient serve`: a tower to try things out with. @since 0.1.0 */
import * as Command from "@effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as TowerUri from "../schema/TowerUri.js"
import { clientFlags } from "./support/clientPaths.js"
import { withClient } from "./support/failure.js"
import * as flags from "./support/flags.js"
import * as LocalTower from "./support/localTower.js"
import { summaries } from "./support/summaries.js"
import { json } from "./support/views.js"

/** The command. @since 0.1.0 @category constructors */
export const serve = Command.make(
  "serve",
  { ...clientFlags, port: flags.values.port, json: flags.switches.json },
  (given) =>
    withClient(given, (client) =>
      Effect.scoped(
        Effect.gen(function* () {
          const print = (text: string, value: unknown) => Console.log(given.json ? json(value) : text)
          const tower = yield* LocalTower.open(client, {
            port: Option.getOrUndefined(given.port),
            onSession: ({ id, lastApplied }) =>
              print(`session ${id} (last applied ${lastApplied})`, { session: id, lastApplied })
          })
          const uri = TowerUri.print(tower.uri)
          yield* print(
            [
              `A tower for ${client.chain.name} ${client.chain.network} listens. In another terminal:`,
              ...[["init"], ["add", uri], ["negotiate"]].map((words) => `  ${client.command(...words)}`),
              "Ctrl-C ends it; its sessions end with it."
            ].join("\n"),
            { uri, chain: client.chain.name, network: client.chain.network }
          )
          return yield* Effect.never
        })
      )
    )
).pipe(Command.withDescription(summaries.serve))

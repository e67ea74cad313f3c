/** `wtclient run`: the tower client as a service. @since 0.1.0 */
import * as Command from "@effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as KeyFile from "../layers/KeyFile.js"
import * as AddressFile from "./support/addressFile.js"
import { UsageError } from "./support/CliError.js"
import { clientFlags, databaseName } from "./support/clientPaths.js"
import { withClient } from "./support/failure.js"
import * as flags from "./support/flags.js"
import { policiesOf, policyFlags } from "./support/policyFlags.js"
import { Progress } from "./support/progress.js"
import { summaries } from "./support/summaries.js"
import * as Systemd from "./support/systemd.js"
import * as TokenFile from "./support/tokenFile.js"
import { json } from "./support/views.js"

/** Where the flags say to listen. */
const listenOf = (given: {
  readonly listen: Option.Option<{ readonly host: "127.0.0.1" | "::1"; readonly port: number }>
  readonly socket: Option.Option<string>
}) => {
  if (Option.isNone(given.socket)) return Effect.succeed(Option.getOrElse(given.listen, () => flags.usualListen))
  return Option.isSome(given.listen)
    ? new UsageError({ message: "--listen and --socket are both given. The service listens in one place." })
    : Effect.succeed({ path: given.socket.value })
}

/** A service logs, unless it is told to be quiet. */
const withLogs = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.gen(function* () {
    const { isQuiet } = yield* Progress
    const level = yield* FiberRef.get(FiberRef.currentMinimumLogLevel)
    return yield* isQuiet || level !== LogLevel.None ? effect : Logger.withMinimumLogLevel(effect, LogLevel.Info)
  })

/** The command. @since 0.1.0 @category constructors */
export const service = Command.make(
  "run",
  {
    ...clientFlags,
    listen: flags.values.listen,
    socket: flags.values.socket,
    spare: flags.values.spare,
    blobTypes: flags.blobTypes,
    copies: flags.values.copies,
    maxUpdates: policyFlags.maxUpdates,
    sweepFeeRate: policyFlags.sweepFeeRate,
    proxy: flags.values.proxy,
    json: flags.switches.json
  },
  ({ blobTypes, ...given }) =>
    withClient(given, (client) =>
      Effect.gen(function* () {
        const listen = yield* listenOf(given)
        const terms = yield* policiesOf(given, client.chain, Option.getOrUndefined(blobTypes))
        // Before anything is made: without a key there is no client.
        yield* KeyFile.read(client.keyFile, client.key.readableBy)
        const token = yield* TokenFile.readOrCreate(client)
        const { start } = yield* Effect.promise(() => import("./support/service.js"))
        const { address, client: towerClient } = yield* start({
          chain: client.chain,
          listen,
          token,
          watchtower: {
            ...terms,
            key: client.key,
            database: client.database,
            spare: Option.getOrElse(given.spare, () => 1),
            copies: Option.getOrUndefined(given.copies),
            proxy: Option.getOrUndefined(given.proxy)
          }
        })
        const at = AddressFile.atOf(address)
        yield* AddressFile.publish(client, at)
        const tokenFile = TokenFile.tokenPath(client)
        yield* Console.log(
          given.json
            ? json({ ...at, tokenFile })
            : [
                `The tower client of ${client.chain.name} ${client.chain.network} listens on ${"url" in at ? at.url : at.socketPath}.`,
                `Its token is in ${tokenFile}, its database is ${databaseName(client)}.`
              ].join("\n")
        )
        yield* Systemd.ready(Effect.map(towerClient.status, ({ role }) => role !== "stopped"))
        return yield* Effect.never
      }).pipe(Effect.scoped, withLogs)
    )
).pipe(Command.withDescription(summaries.run))

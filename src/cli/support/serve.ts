/**
 * The service from its start to its end: it listens in one place all the time, and builds everything behind it again when its
 * configuration changes.
 *
 * @since 0.1.0
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import * as KeyFile from "../../layers/KeyFile.js"
import * as SqliteOrPostgres from "../../layers/sqliteOrPostgres.js"
import * as AddressFile from "./addressFile.js"
import type { CommandError } from "./CliError.js"
import { type ClientPaths, databaseVariable } from "./clientPaths.js"
import type { Configuration } from "./configuration.js"
import { shownDatabase } from "./configurationReport.js"
import * as Hangups from "./hangups.js"
import { withLog } from "./logging.js"
import * as Reload from "./reload.js"
import { listenOf, termsOf } from "./serviceTerms.js"
import * as Systemd from "./systemd.js"
import * as TokenFile from "./tokenFile.js"
import { json } from "./views.js"

/** Where it listens and what it uses; a database that the environment names may not be meant. */
const introduction = (client: ClientPaths, at: AddressFile.At): string => {
  const { name, network } = client.chain
  const database = SqliteOrPostgres.isPostgres(client.database)
    ? `its database is ${shownDatabase(client)}, as ${databaseVariable} in the environment says`
    : `its database is ${client.database.filename}`
  return [
    `The tower client of ${name} ${network} listens on ${"url" in at ? at.url : at.socketPath}.`,
    `Its token is in ${TokenFile.tokenPath(client)}, ${database}.`
  ].join("\n")
}

/** A service until it is stopped, or until it cannot go on. @since 0.1.0 @category constructors */
export const serve = (client: ClientPaths, first: Configuration, isJson: boolean) =>
  Effect.gen(function* () {
    yield* Effect.forEach(first.warnings, (warning) => Effect.logWarning(warning))
    // Before anything is made: without a key there is no client.
    yield* termsOf(client, first.inputs)
    yield* KeyFile.read(client.key.path, client.key.readableBy)
    const token = yield* TokenFile.readOrCreate(client)
    const signals = yield* Hangups.make
    const supervisor = yield* Systemd.make
    const service = yield* Effect.promise(() => import("./service.js"))
    const { address, lasting } = yield* service.listen(listenOf(first.inputs))
    const scope = yield* Effect.scope

    /** Runs with a configuration until another one is to take its place. */
    const until = (configuration: Configuration, whenReady: Effect.Effect<void, CommandError>) =>
      Effect.gen(function* () {
        const watchtower = yield* termsOf(client, configuration.inputs)
        const collector = configuration.inputs.telemetry.endpoint
        const { status } = yield* service.start({ chain: client.chain, collector, lasting, token, watchtower })
        yield* whenReady
        yield* supervisor.ready
        yield* supervisor.watch(Effect.map(status, ({ role }) => role !== "stopped"))
        return yield* Reload.next(client, configuration, signals, supervisor)
      }).pipe(Effect.scoped, withLog(configuration.inputs.log))

    const at = AddressFile.atOf(address)
    const introduce = Effect.zipRight(
      Scope.extend(AddressFile.publish(client, at), scope),
      Console.log(isJson ? json({ ...at, tokenFile: TokenFile.tokenPath(client) }) : introduction(client, at))
    )
    // It was checked; what fails all the same, such as a database that is gone since, ends the service as it would at its start.
    yield* Effect.iterate(yield* until(first, introduce), {
      while: () => true,
      body: (next) => until(next, Effect.logInfo("the new configuration is used"))
    })
  }).pipe(Effect.scoped, withLog(first.inputs.log))

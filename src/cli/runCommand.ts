/** `wtclient run`: the tower client as a service. @since 0.1.0 */
import * as Command from "@effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as KeyFile from "../layers/KeyFile.js"
import * as SqliteOrPostgres from "../layers/sqliteOrPostgres.js"
import * as AddressFile from "./support/addressFile.js"
import { type ClientPaths, clientFlags, databaseVariable } from "./support/clientPaths.js"
import { messageText } from "./support/commandText.js"
import * as Configuration from "./support/configuration.js"
import { check } from "./support/configurationCheck.js"
import { reportOf, rowsOf, shownDatabase } from "./support/configurationReport.js"
import { withClient } from "./support/failure.js"
import * as flags from "./support/flags.js"
import { withLog } from "./support/logging.js"
import { policyFlags } from "./support/policyFlags.js"
import { listenOf, termsOf } from "./support/serviceTerms.js"
import { summaries } from "./support/summaries.js"
import * as Systemd from "./support/systemd.js"
import { terminalWidth } from "./support/table.js"
import * as TokenFile from "./support/tokenFile.js"
import { json } from "./support/views.js"

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

const serve = (client: ClientPaths, { inputs, warnings }: Configuration.Configuration, isJson: boolean) =>
  Effect.gen(function* () {
    yield* Effect.forEach(warnings, (warning) => Effect.logWarning(warning))
    const watchtower = yield* termsOf(client, inputs)
    // Before anything is made: without a key there is no client.
    yield* KeyFile.read(client.key.path, client.key.readableBy)
    const token = yield* TokenFile.readOrCreate(client)
    const { start } = yield* Effect.promise(() => import("./support/service.js"))
    const listen = listenOf(inputs)
    const { address, client: towerClient } = yield* start({ chain: client.chain, listen, token, watchtower })
    const at = AddressFile.atOf(address)
    yield* AddressFile.publish(client, at)
    yield* Console.log(isJson ? json({ ...at, tokenFile: TokenFile.tokenPath(client) }) : introduction(client, at))
    yield* Systemd.ready(Effect.map(towerClient.status, ({ role }) => role !== "stopped"))
    return yield* Effect.never
  }).pipe(Effect.scoped, withLog(inputs.log))

const print = (client: ClientPaths, configuration: Configuration.Configuration, isJson: boolean) =>
  Effect.gen(function* () {
    const rows = yield* rowsOf(client, configuration)
    yield* Console.log(isJson ? json(rows) : reportOf(rows, yield* terminalWidth))
  })

const rightSentence = (file: string | undefined): string =>
  `Nothing is wrong with the configuration${file === undefined ? ", which has no file" : ` in ${file}`}.`

/** The command. What its flags say is read together with environment and file (`Configuration.load`). @since 0.1.0 @category constructors */
export const service = Command.make(
  "run",
  {
    ...clientFlags,
    config: flags.values.config,
    listen: flags.values.listen,
    socket: flags.values.socket,
    spare: flags.values.spare,
    blobTypes: flags.blobTypes,
    copies: flags.values.copies,
    maxUpdates: policyFlags.maxUpdates,
    sweepFeeRate: policyFlags.sweepFeeRate,
    proxy: flags.values.proxy,
    logFormat: flags.values["log-format"],
    checkConfig: flags.switches["check-config"],
    printConfig: flags.switches["print-config"],
    json: flags.switches.json
  },
  ({ chain, checkConfig, dataDir, json: isJson, keyReadableBy, network, printConfig }) =>
    withClient({ chain, dataDir, keyReadableBy, network }, (client) =>
      Effect.gen(function* () {
        const configuration = yield* Configuration.load(client)
        const { file, warnings } = configuration
        if (!checkConfig && !printConfig) return yield* serve(client, configuration, isJson)
        yield* Effect.forEach(warnings, (warning) => Console.error(messageText(warning)))
        if (checkConfig) yield* check(client, configuration)
        if (printConfig) yield* print(client, configuration, isJson)
        else yield* Console.log(isJson ? json({ file, warnings }) : rightSentence(file))
      })
    )
).pipe(Command.withDescription(summaries.run))

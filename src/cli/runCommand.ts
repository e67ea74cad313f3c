/** `wtclient run`: the tower client as a service. @since 0.1.0 */
import * as Command from "@effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { type ClientPaths, clientFlags } from "./support/clientPaths.js"
import { messageText } from "./support/commandText.js"
import * as Configuration from "./support/configuration.js"
import { check } from "./support/configurationCheck.js"
import { reportOf, rowsOf } from "./support/configurationReport.js"
import { withClient } from "./support/failure.js"
import * as flags from "./support/flags.js"
import { policyFlags } from "./support/policyFlags.js"
import { serve } from "./support/serve.js"
import { summaries } from "./support/summaries.js"
import { terminalWidth } from "./support/table.js"
import { json } from "./support/views.js"

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
    otlpEndpoint: flags.values["otlp-endpoint"],
    checkConfig: flags.switches["check-config"],
    printConfig: flags.switches["print-config"],
    json: flags.switches.json
  },
  ({ chain, checkConfig, dataDir, json: isJson, keyReadableBy, network, printConfig }) =>
    withClient({ chain, dataDir, keyReadableBy, network }, (client) =>
      Effect.gen(function* () {
        const configuration = yield* Configuration.load(client)
        const { file, warnings } = configuration
        if (!checkConfig && !printConfig) {
          yield* serve(client, configuration, isJson)
          return
        }
        yield* Effect.forEach(warnings, (warning) => Console.error(messageText(warning)))
        if (checkConfig) yield* check(client, configuration)
        if (printConfig) yield* print(client, configuration, isJson)
        else yield* Console.log(isJson ? json({ file, warnings }) : rightSentence(file))
      })
    )
).pipe(Command.withDescription(summaries.run))

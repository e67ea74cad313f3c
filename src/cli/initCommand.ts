/** `wtclient init`: makes a key file. @since 0.1.0 */
import * as Command from "@effect/cli/Command"
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeStream from "@effect/platform-node/NodeStream"
import * as Chunk from "effect/Chunk"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { concat } from "../internal/bytes.js"
import * as KeyFile from "../layers/KeyFile.js"
import * as PrivateFile from "../layers/keys/privateFile.js"
import { defaultOf } from "../schema/KeyLayout.js"
import { CommandError } from "./support/CliError.js"
import { clientFlags } from "./support/clientPaths.js"
import { nextLines } from "./support/commandText.js"
import { withClient } from "./support/failure.js"
import * as flags from "./support/flags.js"
import { summaries } from "./support/summaries.js"
import { json } from "./support/views.js"
import { writeKeyFile } from "./support/writeKeyFile.js"

const readText = (from: string): Effect.Effect<Redacted.Redacted<string>, CommandError, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const bytes =
      from === "-"
        ? concat(...Chunk.toReadonlyArray(yield* Stream.runCollect(NodeStream.stdin)))
        : yield* fs.readFile(from)
    return Redacted.make(new TextDecoder().decode(bytes))
  }).pipe(
    Effect.catchTags({
      BadArgument: (error) =>
        new CommandError({ message: `The file ${from} cannot be read: ${PrivateFile.troubleOf(error)}.` }),
      SystemError: (error) =>
        new CommandError({
          message:
            error.reason === "NotFound"
              ? `There is no file ${from}.`
              : `The file ${from} cannot be read: ${PrivateFile.troubleOf(error)}.`
        })
    })
  )

const rootFrom = (source: string) =>
  Effect.flatMap(readText(source), (text) => KeyFile.parseRoot(text, source === "-" ? "standard input" : source))

/** The command. @since 0.1.0 @category constructors */
export const init = Command.make(
  "init",
  {
    ...clientFlags,
    from: flags.values.import,
    layout: flags.values.layout,
    legacyCoinType: flags.switches["legacy-coin-type"],
    account: flags.values.account,
    json: flags.switches.json
  },
  (given) =>
    withClient(given, (client) =>
      Effect.gen(function* () {
        const { root } = yield* Option.match(given.from, {
          onNone: () => KeyFile.generate,
          onSome: (source) => Effect.map(rootFrom(source), (root) => ({ root }))
        })
        const layout = Option.getOrElse(given.layout, () => defaultOf(client.chain))
        const publicKey = yield* writeKeyFile(client, {
          root,
          layout,
          ...(given.legacyCoinType ? { legacyCoinType: true } : {}),
          account: Option.getOrUndefined(given.account)
        })
        yield* Console.log(
          given.json
            ? json({ keyFile: client.keyFile, layout, publicKey })
            : [
                `Wrote the key file ${client.keyFile} (${client.chain.name} ${client.chain.network}, layout ${layout}).`,
                "Keep a copy of it in a safe place: without it the sessions cannot be used.",
                ...nextLines([client.command("add", "PUBLICKEY@HOST")])
              ].join("\n")
        )
      })
    )
).pipe(Command.withDescription(summaries.init))

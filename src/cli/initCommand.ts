/** `wtclient init`: makes a key file. @since 0.1.0 */
import * as Command from "@effect/cli/Command"
import * as Prompt from "@effect/cli/Prompt"
import { SystemError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeStream from "@effect/platform-node/NodeStream"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as KeyFile from "../layers/KeyFile.js"
import * as PrivateFile from "../layers/keys/privateFile.js"
import { defaultOf, type KeyLayout } from "../schema/KeyLayout.js"
import { CommandError, UsageError } from "./support/CliError.js"
import { clientFlags } from "./support/clientPaths.js"
import { messageText, nextLines, shellWord } from "./support/commandText.js"
import { withClient } from "./support/failure.js"
import * as flags from "./support/flags.js"
import { summaries } from "./support/summaries.js"
import { json } from "./support/views.js"
import { writeKeyFile } from "./support/writeKeyFile.js"

const cannotRead = (what: string, why: string) => new CommandError({ message: `${what} cannot be read: ${why}.` })

/** Not `NodeStream.stdin`, which dies of an input that cannot be read. */
const standardInput = NodeStream.fromReadable(
  () => process.stdin,
  (cause) => new SystemError({ module: "Stream", method: "stdin", reason: "Unknown", cause }),
  { closeOnDone: false }
)

/** What is typed at a terminal is not shown; a pipe is read to its end. */
const fromStandardInput = (isJson: boolean) =>
  Effect.gen(function* () {
    if (!process.stdin.isTTY) return yield* PrivateFile.textOf(standardInput)
    // A prompt goes to standard output: into the result, where a program or a file takes that, and past the person.
    if (isJson || !process.stdout.isTTY) {
      return yield* new UsageError({
        message:
          "A seed can be typed only where standard output is a terminal and without --json. Give it to --import - through a pipe."
      })
    }
    return Redacted.value(yield* Prompt.run(Prompt.hidden({ message: "The seed in hex, or the extended private key" })))
  }).pipe(
    Effect.mapError((error) => {
      if (error._tag === "UsageError") return error
      return error._tag === "QuitException"
        ? new CommandError({ message: "No seed was given, and nothing was written." })
        : cannotRead("Standard input", PrivateFile.troubleOf(error))
    })
  )

/** A pipe without a writer is never opened, and one that a shell has opened cannot be read as files are. */
const fromFile = (path: string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    if ((yield* fs.stat(path)).type !== "File") {
      return yield* cannotRead(`The file ${path}`, "it is no file; what a pipe brings can be read with --import -")
    }
    return yield* PrivateFile.textOf(fs.stream(path))
  }).pipe(
    Effect.mapError((error) => {
      if (error._tag === "CommandError") return error
      return error._tag === "SystemError" && error.reason === "NotFound"
        ? new CommandError({ message: `There is no file ${path}.` })
        : cannotRead(`The file ${path}`, PrivateFile.troubleOf(error))
    })
  )

/** Options that mean nothing for this layout or chain would be kept, and be taken for a part of the path of the keys. */
const checkPath = (
  layout: KeyLayout,
  { account, legacyCoinType }: { account: Option.Option<number>; legacyCoinType: boolean }
) => {
  if (Option.isSome(account) && layout !== "dcrlndRemote") {
    return new UsageError({
      message: `The layout ${layout} has no accounts: --account is for the layout dcrlndRemote.`
    })
  }
  return legacyCoinType && layout === "lnd"
    ? new UsageError({ message: "The layout lnd has one coin type: --legacy-coin-type is for the layouts of dcrlnd." })
    : Effect.void
}

/** The root is kept in our own file from now on; the one that it came from stays behind. */
const warnIfReadable = (path: string) =>
  Effect.gen(function* () {
    const { mode, type } = yield* (yield* FileSystem.FileSystem).stat(path)
    if (type !== "File" || (mode & 0o077) === 0) return
    yield* Console.error(
      messageText(`The file ${path} can be read by others, and holds the secret of all keys. Make it yours alone.`, [
        `chmod 600 ${shellWord(path)}`
      ])
    )
  }).pipe(Effect.ignore)

const rootFrom = (source: string, isJson: boolean) =>
  Effect.gen(function* () {
    const text = yield* source === "-" ? fromStandardInput(isJson) : fromFile(source)
    const root = yield* KeyFile.parseRoot(Redacted.make(text), source === "-" ? "standard input" : source)
    if (source !== "-") yield* warnIfReadable(source)
    return root
  })

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
        const layout = Option.getOrElse(given.layout, () => defaultOf(client.chain))
        yield* checkPath(layout, given)
        const { root } = yield* Option.match(given.from, {
          onNone: () => KeyFile.generate,
          onSome: (source) => Effect.map(rootFrom(source, given.json), (root) => ({ root }))
        })
        const publicKey = yield* writeKeyFile(client, {
          root,
          layout,
          ...(given.legacyCoinType ? { legacyCoinType: true } : {}),
          account: Option.getOrUndefined(given.account)
        })
        yield* Console.log(
          given.json
            ? json({ keyFile: client.key.path, layout, publicKey })
            : [
                `Wrote the key file ${client.key.path} (${client.chain.name} ${client.chain.network}, layout ${layout}).`,
                "Keep a copy of it in a safe place: without it the sessions cannot be used.",
                ...nextLines([client.command("add", "PUBLICKEY@HOST")])
              ].join("\n")
        )
      })
    )
).pipe(Command.withDescription(summaries.init))

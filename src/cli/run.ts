/**
 * `wtclient` as a function from its arguments to its exit code. Every failure is one sentence on standard error; standard
 * output is for results only.
 *
 * @since 0.1.0
 */
import type * as CliApp from "@effect/cli/CliApp"
import * as CliConfig from "@effect/cli/CliConfig"
import * as Command from "@effect/cli/Command"
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as ValidationError from "@effect/cli/ValidationError"
import * as Cause from "effect/Cause"
import type * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Record from "effect/Record"
import { add } from "./addCommand.js"
import { db } from "./dbCommand.js"
import { demo } from "./demoCommand.js"
import { init } from "./initCommand.js"
import { negotiate } from "./negotiateCommand.js"
import { remove } from "./removeCommand.js"
import { serve } from "./serveCommand.js"
import { sessions } from "./sessionsCommand.js"
import * as flags from "./support/flags.js"
import { type Grammar, reorderArguments } from "./support/reorderArguments.js"
import { summaries } from "./support/summaries.js"
import { version } from "./support/version.js"
import { table } from "./support/views.js"
import { tower } from "./towerCommand.js"
import { towers } from "./towersCommand.js"

const wtclient = Command.make("wtclient").pipe(
  Command.withDescription("Gets watchtower sessions from the towers of lnd and dcrlnd, and keeps them"),
  Command.withSubcommands([init, add, remove, towers, tower, negotiate, sessions, demo, serve, db])
)

const grammar: Grammar = {
  values: { ...Record.map(flags.values, () => []), ...flags.builtIn.values },
  switches: [...Object.keys(flags.switches), ...flags.builtIn.switches],
  commands: { ...Record.map(summaries, () => []), db: ["check", "skip-keys"] }
}

const overview = [
  "wtclient gets watchtower sessions from the towers of lnd and dcrlnd, and keeps them.",
  "",
  "Usage: wtclient COMMAND [FLAGS] [ARGUMENTS]",
  "",
  table(["COMMAND", ""], Object.entries(summaries)),
  "",
  "Every command takes --help, and --chain, --network and --data-dir, which say whose keys and database are meant:",
  "those in ~/.wtclient/bitcoin/mainnet, or for demo those in .wtclient-demo/bitcoin/regtest, unless told otherwise.",
  "Where DATABASE_URL is set, to postgresql://..., it is that database instead of a file; demo keeps to its files.",
  "Further flags for all: --version, --log-level LEVEL (default: warning; logs go to standard error)."
].join("\n")

const app = Command.run(wtclient, { name: "wtclient", version })

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is looked for
const ansi = /\u001b\[[0-9;]*m/g

const plain = (text: string): string => text.replace(ansi, "")

// What @effect/cli says about every flag and argument.
const noise = /^ *(A user-defined piece of text|A true or false value|This setting is optional)\.\n\n?/gm

/** The sentence and the exit code of an error: 2 when the command line is wrong, else 1. */
const verdict = (error: { readonly _tag: string; readonly message: string } | ValidationError.ValidationError) => {
  const usage = ValidationError.isValidationError(error)
  const sentence = usage ? plain(HelpDoc.toAnsiText(error.error)).replace(/\s+/g, " ").trim() : error.message
  return {
    code: usage || error._tag === "UsageError" ? 2 : 1,
    sentence: /[.?!]$/.test(sentence) ? sentence : `${sentence}.`
  }
}

/**
 * Runs the command of these arguments (those after the program's name).
 *
 * @since 0.1.0
 * @category constructors
 */
export const run = (input: ReadonlyArray<string>): Effect.Effect<number, never, CliApp.CliApp.Environment> =>
  Effect.consoleWith((console) => {
    // @effect/cli prints its errors, which we print ourselves, and colours its help even where no terminal is.
    const quiet: Console.Console = {
      ...console,
      error: () => Effect.void,
      log: (...args) =>
        console.log(...args.map((arg) => (typeof arg === "string" ? plain(arg).replace(noise, "") : arg)))
    }
    let command: ReadonlyArray<string> = []
    const logger = Logger.map(Logger.logfmtLogger, (line) => console.unsafe.error(line))
    return Effect.gen(function* () {
      const { path, words } = yield* reorderArguments(grammar, input)
      command = path
      if (words.length === 0 || (words[0] === "--help" && path.length === 0)) yield* console.log(overview)
      else yield* Effect.withConsole(app(["node", "wtclient", ...words]), quiet)
      return 0
    }).pipe(
      Effect.catchAll((error) => {
        const { code, sentence } = verdict(error)
        const hint = code === 2 ? ` See ${["wtclient", ...command, "--help"].join(" ")}` : ""
        return Effect.as(console.error(`wtclient: ${sentence}${hint}`), code)
      }),
      Effect.catchAllDefect((defect) =>
        Effect.logDebug(Cause.die(defect)).pipe(
          Effect.andThen(console.error(`wtclient: this is a bug: ${plain(String(defect))}`)),
          Effect.as(1)
        )
      ),
      Effect.provide(Logger.replace(Logger.defaultLogger, logger)),
      Effect.provide(CliConfig.layer({ showBuiltIns: false })),
      Logger.withMinimumLogLevel(LogLevel.Warning)
    )
  })

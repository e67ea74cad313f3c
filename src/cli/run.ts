/**
 * `wtclient` as a function from its arguments to its exit code. Every failure is a sentence on standard error and, with
 * --json, an object on standard output; standard output is for results only.
 *
 * @since 0.1.0
 */
import type * as CliApp from "@effect/cli/CliApp"
import * as CliConfig from "@effect/cli/CliConfig"
import * as Command from "@effect/cli/Command"
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as Usage from "@effect/cli/Usage"
import * as ValidationError from "@effect/cli/ValidationError"
import type { CommandExecutor } from "@effect/platform/CommandExecutor"
import * as Cause from "effect/Cause"
import type * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Record from "effect/Record"
import { Curve } from "../services/Curve.js"
import { add } from "./addCommand.js"
import { channels } from "./channelsCommand.js"
import { check } from "./dbCheckCommand.js"
import { db } from "./dbCommand.js"
import { skipKeys } from "./dbSkipKeysCommand.js"
import { deactivate } from "./deactivateCommand.js"
import { demo } from "./demoCommand.js"
import { doctor } from "./doctorCommand.js"
import { init } from "./initCommand.js"
import { negotiate } from "./negotiateCommand.js"
import { page } from "./pageCommand.js"
import { policy } from "./policyCommand.js"
import { remove } from "./removeCommand.js"
import { service } from "./runCommand.js"
import { serve } from "./serveCommand.js"
import { session } from "./sessionCommand.js"
import { sessions } from "./sessionsCommand.js"
import { terminate } from "./sessionTerminateCommand.js"
import { stats } from "./statsCommand.js"
import { status } from "./statusCommand.js"
import { bashCompletions } from "./support/bashCompletions.js"
import { UsageError } from "./support/CliError.js"
import { commandText, messageText, Program } from "./support/commandText.js"
import { completionWords } from "./support/completionWords.js"
import { exitCodes } from "./support/exitCodes.js"
import { type CommandFailed, type Told, told, toldDefect, toldUsage } from "./support/failure.js"
import { fishCompletions } from "./support/fishCompletions.js"
import * as allFlags from "./support/flags.js"
import { GivenFlags } from "./support/givenFlags.js"
import { logLine } from "./support/logLine.js"
import * as Progress from "./support/progress.js"
import { type CommandGrammar, type Grammar, reorderArguments } from "./support/reorderArguments.js"
import { summaries } from "./support/summaries.js"
import { table } from "./support/table.js"
import { version, versionLine } from "./support/version.js"
import { json } from "./support/views.js"
import { zshCompletions } from "./support/zshCompletions.js"
import { tower } from "./towerCommand.js"
import { towers } from "./towersCommand.js"
import { watch } from "./watchCommand.js"

const wtclient = Command.make("wtclient").pipe(
  Command.withDescription("Gets watchtower sessions from the towers of lnd and dcrlnd, and keeps them"),
  Command.withSubcommands([
    init,
    add,
    remove,
    deactivate,
    towers,
    tower,
    negotiate,
    sessions,
    session,
    channels,
    stats,
    policy,
    status,
    watch,
    doctor,
    service,
    page,
    demo,
    serve,
    db
  ])
)

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is looked for
const ansi = /\u001b\[[0-9;]*m/g

const plain = (text: string): string => text.replace(ansi, "")

const textOf = (doc: HelpDoc.HelpDoc): string => plain(HelpDoc.toAnsiText(doc)).replace(/\s+/g, " ").trim()

/** What a command takes, from its usage: `add [--json] <tower> [<address>]`. */
const grammarOf =
  (usage: () => Usage.Usage): (() => CommandGrammar) =>
  () => {
    const text = textOf(Usage.getHelp(usage()))
    const names = (form: RegExp) => [...text.matchAll(form)].map(([, name = ""]) => name)
    return {
      flags: names(/--([a-z-]+)/g),
      required: names(/ <(\w+)>/g),
      optional: names(/ \[<(\w+)>\]/g)
    }
  }

/** The grammar of the program. @since 0.1.0 @category config */
export const grammar: Grammar = {
  values: { ...Record.map(allFlags.values, () => []), ...allFlags.builtIn.values },
  switches: [...Object.keys(allFlags.switches), ...allFlags.builtIn.switches, ...allFlags.own],
  lists: allFlags.lists,
  common: [...Object.keys(allFlags.builtIn.values), ...allFlags.builtIn.switches, ...allFlags.own],
  own: allFlags.own,
  // To make a usage takes longer than to start: only that of the command that is given is made.
  commands: Record.map(
    {
      init: () => Command.getUsage(init),
      add: () => Command.getUsage(add),
      remove: () => Command.getUsage(remove),
      deactivate: () => Command.getUsage(deactivate),
      towers: () => Command.getUsage(towers),
      tower: () => Command.getUsage(tower),
      negotiate: () => Command.getUsage(negotiate),
      sessions: () => Command.getUsage(sessions),
      "session terminate": () => Command.getUsage(terminate),
      channels: () => Command.getUsage(channels),
      stats: () => Command.getUsage(stats),
      policy: () => Command.getUsage(policy),
      status: () => Command.getUsage(status),
      watch: () => Command.getUsage(watch),
      doctor: () => Command.getUsage(doctor),
      run: () => Command.getUsage(service),
      page: () => Command.getUsage(page),
      demo: () => Command.getUsage(demo),
      serve: () => Command.getUsage(serve),
      "db check": () => Command.getUsage(check),
      "db skip-keys": () => Command.getUsage(skipKeys)
    },
    grammarOf
  )
}

/** A script for a shell; `sh` has no completions, and what is called so may be bash. */
const completions = (shell: string | undefined): string => {
  const words = completionWords(grammar, { choices: allFlags.choices, flags: allFlags.sentences, commands: summaries })
  return shell === "zsh" ? zshCompletions(words) : shell === "fish" ? fishCompletions(words) : bashCompletions(words)
}

const overview = [
  "wtclient gets watchtower sessions from the towers of lnd and dcrlnd, and keeps them.",
  "",
  "Usage: wtclient COMMAND [FLAGS] [ARGUMENTS]",
  "",
  table<readonly [string, string]>(
    [[["COMMAND", ([name]) => name]], [["", ([, summary]) => summary]]],
    Object.entries(summaries)
  ),
  "",
  "Every command takes --help, and --chain, --network and --data-dir, which say whose keys and database are meant:",
  "those in ~/.wtclient/bitcoin/mainnet, or for demo those in .wtclient-demo/bitcoin/regtest, unless told otherwise.",
  "Where DATABASE_URL is set, to postgresql://..., it is that database instead of a file; demo keeps to its files.",
  "Further flags for all: --version, --log-level LEVEL (default: none; logs go to standard error), and --quiet or -q, which",
  "leaves out the steps and the progress."
].join("\n")

// What @effect/cli says about every flag and argument.
const noise = /^ *(A user-defined piece of text|A true or false value|This setting is optional)\.\n\n?/gm

/** The console of @effect/cli itself: what it says about a wrong command line is told by `tell`, and its colours need a terminal. */
const ofEffectCli = (console: Console.Console): Console.Console => ({
  ...console,
  error: () => Effect.void,
  log: (...args) => console.log(...args.map((arg) => (typeof arg === "string" ? plain(arg).replace(noise, "") : arg)))
})

/** The commands print to the console itself: what they say can have the words that are noise in a help text. */
const app = (shownVersion: string, console: Console.Console) =>
  Command.run(Command.transformHandler(wtclient, Effect.withConsole(console)), {
    name: "wtclient",
    version: shownVersion
  })

/**
 * Runs the command of these arguments (those after the program's name).
 *
 * @since 0.1.0
 * @category constructors
 */
export const run = (
  input: ReadonlyArray<string>
): Effect.Effect<number, never, CliApp.CliApp.Environment | CommandExecutor> =>
  Effect.gen(function* () {
    const { flags, path, words } = reorderArguments(grammar, input)
    const terminal = yield* Progress.StandardError
    const given = yield* Effect.consoleWith(Effect.succeed)
    const { console, teller } =
      terminal === undefined || flags.has("quiet")
        ? { console: given, teller: { isQuiet: flags.has("quiet"), doing: () => Effect.void } }
        : yield* Progress.make(terminal, given)
    const logger = Logger.map(logLine, (line) => console.unsafe.error(line))

    const tell = ({ code, json: object, next, sentence }: Told) =>
      console
        .error(messageText(sentence, next))
        .pipe(
          Effect.andThen(object !== undefined && flags.has("json") ? console.log(json(object)) : Effect.void),
          Effect.as(code)
        )
    const help = commandText(yield* Program, [...path, "--help"])

    return yield* Effect.gen(function* () {
      const ordered = yield* words
      if (ordered.length === 0 || (ordered[0] === "--help" && path.length === 0)) yield* console.log(overview)
      else if (flags.has("completions")) yield* console.log(completions(flags.get("completions")))
      else {
        // The curve takes time to load, and other commands may not need it.
        const shownVersion = ordered.includes("--version") ? versionLine(yield* Curve) : version
        yield* Effect.withConsole(app(shownVersion, console)(["node", "wtclient", ...ordered]), ofEffectCli(console))
      }
      return exitCodes.done.code
    }).pipe(
      Effect.catchAll((error: UsageError | CommandFailed | ValidationError.ValidationError) =>
        tell(
          ValidationError.isValidationError(error)
            ? toldUsage(new UsageError({ message: textOf(error.error) }), help)
            : error._tag === "UsageError"
              ? toldUsage(error, help)
              : told(error, help)
        )
      ),
      Effect.catchAllDefect((defect) =>
        Effect.andThen(Effect.logDebug(Cause.die(defect)), tell(toldDefect(plain(String(defect)))))
      ),
      Effect.provide(Logger.replace(Logger.defaultLogger, logger)),
      Effect.provide(CliConfig.layer({ showBuiltIns: false })),
      Effect.provideService(Progress.Progress, teller),
      Effect.provideService(GivenFlags, flags),
      // What a person should know is said by the command; --log-level asks for more.
      Logger.withMinimumLogLevel(LogLevel.None)
    )
  }).pipe(Effect.scoped)

/**
 * The process of `wtclient`.
 *
 * @since 0.1.0
 */
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import { untilStopped } from "../layers/concurrency/firstOf.js"
import { run } from "./run.js"
import { Program, programOf } from "./support/commandText.js"
import { exitCodes } from "./support/exitCodes.js"
import { exit, onStop } from "./support/processEnd.js"
import { type ErrorTerminal, StandardError } from "./support/progress.js"

/** The terminal at standard error, if there is one. */
const errorTerminal = (): ErrorTerminal | undefined => {
  const { stderr } = process
  return stderr.isTTY ? { columns: () => stderr.columns || 80, write: (text) => void stderr.write(text) } : undefined
}

/** Runs the command that this process was started with, and ends the process. @since 0.1.0 @category combinators */
export const main = (): void => {
  run(process.argv.slice(2))
    .pipe(
      (program) => untilStopped(program, onStop),
      Effect.catchAll((ending) => Effect.succeed(exitCodes[ending].code)),
      Effect.provideService(
        Program,
        programOf({ script: process.argv[1] ?? "", environment: process.env, versions: process.versions })
      ),
      Effect.provideService(StandardError, errorTerminal()),
      // By itself it takes names apart at each underscore, and cannot list them.
      Effect.withConfigProvider(ConfigProvider.fromEnv({ pathDelim: ".", seqDelim: "," })),
      Effect.provide(NodeContext.layer),
      Effect.runPromise
    )
    .then(exit)
}

/**
 * The process of `wtclient`. Importing it runs it.
 *
 * @since 0.1.0
 */
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { run } from "./run.js"

// A reader of our output that stops early, as `head` does, is no error.
process.stdout.on("error", () => process.exit(0))

run(process.argv.slice(2)).pipe(
  Effect.tap((code) =>
    Effect.sync(() => {
      process.exitCode = code
    })
  ),
  Effect.provide(NodeContext.layer),
  NodeRuntime.runMain({
    disableErrorReporting: true,
    // `run` logs to standard error itself.
    disablePrettyLogger: true,
    // 130 means stopped by a signal, as in shells.
    teardown: (exit, onExit) => onExit(Exit.isSuccess(exit) ? Number(process.exitCode ?? 0) : 130)
  })
)

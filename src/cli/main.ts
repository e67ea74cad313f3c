/**
 * The process of `wtclient`: words from its arguments, the result as its exit code. Importing it runs it.
 *
 * @since 0.1.0
 */
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { run } from "./run.js"

// The reader of our output may stop early, as `head` does.
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
    // The program has a logger of its own, on standard error.
    disablePrettyLogger: true,
    // 130: stopped by a signal, as shells have it.
    teardown: (exit, onExit) => onExit(Exit.isSuccess(exit) ? Number(process.exitCode ?? 0) : 130)
  })
)

/**
 * How the process ends: by a signal, by output that cannot be written, or with a code when all that it wrote has gone out.
 *
 * @since 0.1.0
 */
import { messageText } from "./commandText.js"
import { type Ending, exitCodes } from "./exitCodes.js"
import { outputTrouble } from "./outputTrouble.js"

const signals = { SIGHUP: "hangup", SIGINT: "interrupt", SIGTERM: "terminate" } as const

/**
 * Calls back when the program is told to stop, or when its output has nowhere to go.
 *
 * @since 0.1.0
 * @category combinators
 */
export const onStop = (stop: (ending: Ending) => void): (() => void) => {
  const listeners = Object.entries(signals).map(([signal, ending]) => [signal, () => stop(ending)] as const)
  for (const [signal, listener] of listeners) process.on(signal, listener)
  for (const stream of [process.stdout, process.stderr]) {
    // What is written last fails after the program's end: without a listener that error would be thrown, so these two stay.
    stream.on("error", () => {})
    // Each line that cannot be written fails: the first one says it.
    stream.once("error", (error: NodeJS.ErrnoException) => {
      const ending = endingOf(error)
      if (ending === "cannotWrite" && stream === process.stdout) console.error(messageText(outputTrouble(error)))
      process.exitCode = exitCodes[ending].code
      stop(ending)
    })
  }
  // A signal ends the process at once when the program has ended, or is ending because of another one: a reader that takes
  // nothing can hold up its last output for ever.
  return () => {
    for (const [signal, listener] of listeners) process.off(signal, listener)
  }
}

/** How output ends that cannot be written. */
const endingOf = ({ code }: { readonly code?: string | undefined }): Ending =>
  code === "EPIPE" ? "readerGone" : "cannotWrite"

/** Ends the process when what it wrote has gone out: a slow pipe would lose the rest. @since 0.1.0 @category combinators */
export const exit = (code: number): void => {
  const { stderr, stdout } = process
  // The error of what was written last comes in the next turn at the latest, and sets the exit code.
  const end = () => setImmediate(() => process.exit(code || process.exitCode))
  stdout.write("", () => stderr.write("", end))
}

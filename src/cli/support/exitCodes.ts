/**
 * How the program ends: the only place that knows the numbers. docs/command-line.md has the same table.
 *
 * @since 0.1.0
 */

/** Each way to end, with its number and what it means to a script. @since 0.1.0 @category config */
export const exitCodes = {
  done: { code: 0, meaning: "Done." },
  failed: { code: 1, meaning: "The command was right and could not be done, or `--check` found something wrong." },
  usage: {
    code: 2,
    meaning: "The command line, the environment or the configuration file is wrong; nothing was tried."
  },
  defect: { code: 70, meaning: "A bug of the program." },
  cannotWrite: { code: 74, meaning: "Standard output cannot be written, for example because its disk is full." },
  hangup: {
    code: 129,
    meaning: "Stopped by SIGHUP: the terminal was closed. `run` reads its configuration again instead."
  },
  interrupt: { code: 130, meaning: "Stopped by SIGINT: Ctrl-C." },
  readerGone: { code: 141, meaning: "Stopped because the reader of standard output has gone, as `head` does." },
  terminate: { code: 143, meaning: "Stopped by SIGTERM." }
} as const

/** A way to end. @since 0.1.0 @category models */
export type Ending = keyof typeof exitCodes

/** The number of an ending. @since 0.1.0 @category models */
export type ExitCode = (typeof exitCodes)[Ending]["code"]

/**
 * Commands as a person can paste them into a shell.
 *
 * @since 0.1.0
 */
import * as path from "node:path"
import * as Context from "effect/Context"

/** How this program is called, as shell text: `wtclient`, or what it is on this machine. @since 0.1.0 @category services */
export class Program extends Context.Reference<Program>()("effect-watchtower/cli/Program", {
  defaultValue: () => "wtclient"
}) {}

/** A word as a POSIX shell reads it back. @since 0.1.0 @category combinators */
export const shellWord = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`

/** A command of this program. Words in capitals, such as PUBLICKEY@HOST, are for the reader to fill in. @since 0.1.0 @category combinators */
export const commandText = (program: string, words: ReadonlyArray<string>): string =>
  [program, ...words.map(shellWord)].join(" ")

/** What a process knows about how it was started. @since 0.1.0 @category models */
export interface Start {
  /** The path of the script, as `process.argv[1]` has it: links are not followed. */
  readonly script: string
  readonly environment: Readonly<Record<string, string | undefined>>
  /** What runs it, as `process.versions` has it. */
  readonly versions: Readonly<Record<string, string | undefined>>
}

const runnerOf = ({ bun, deno }: Start["versions"]): string =>
  bun !== undefined ? "bun" : deno !== undefined ? "deno run -A" : "node"

/** Where Node is installed beside Bun, `bunx` alone would run the program with Node. */
const packageRunnerOf = ({ environment, versions }: Start): string =>
  versions.bun !== undefined ? "bunx --bun" : environment.npm_config_user_agent?.startsWith("bun/") ? "bunx" : "npx"

/**
 * How the person at the shell calls this program again: `npx wtclient` under npx, and in the same way under bunx, `wtclient` where a shell
 * finds it by that name, and the script's path elsewhere, as in a checkout.
 *
 * @since 0.1.0
 * @category constructors
 */
export const programOf = (start: Start): string => {
  const { environment, script, versions } = start
  const npm = environment.npm_command || "none"
  if (npm === "exec") return `${packageRunnerOf(start)} wtclient`
  // npm puts folders of its own in front of PATH, which a person's shell does not have.
  const isFound = npm === "none" && isOnPath(path.dirname(script), environment.PATH)
  return isFound && path.basename(script) === "wtclient" ? "wtclient" : `${runnerOf(versions)} ${shellWord(script)}`
}

const isOnPath = (folder: string, searched = ""): boolean => searched.split(path.delimiter).includes(folder)

/** What a person can do next, a command a line. @since 0.1.0 @category combinators */
export const nextLines = (commands: ReadonlyArray<string>): ReadonlyArray<string> =>
  commands.map((command) => `Next: ${command}`)

/** What the program says on standard error: a sentence, and what a person can do next. @since 0.1.0 @category combinators */
export const messageText = (sentence: string, next: ReadonlyArray<string> = []): string =>
  [`wtclient: ${sentence}`, ...nextLines(next)].join("\n")

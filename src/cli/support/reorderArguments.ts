/**
 * Puts a command line into the order that @effect/cli reads: command, flags, arguments. So flags work before and after the
 * command, and between and after the arguments; and a mistyped flag is an error here, where @effect/cli would take it for
 * an argument.
 *
 * @since 0.1.0
 */
import { parseArgs } from "node:util"
import * as Either from "effect/Either"
import * as Record from "effect/Record"
import { UsageError } from "./CliError.js"

/** The flags that are known, without their dashes, and the commands; a command may have commands of its own. @since 0.1.0 @category models */
export interface Grammar {
  /** Those that take a value, with the values that they take (none: the command decides). */
  readonly values: { readonly [name: string]: ReadonlyArray<string> }
  readonly switches: ReadonlyArray<string>
  readonly commands: { readonly [name: string]: ReadonlyArray<string> }
}

/** A command line: the command's path, and all words in the order that @effect/cli reads. @since 0.1.0 @category models */
export interface Reordered {
  readonly path: ReadonlyArray<string>
  readonly words: ReadonlyArray<string>
}

/**
 * The words after the program's name, reordered. A flag given twice counts as given last; behind `--` there are no flags.
 *
 * @since 0.1.0
 * @category combinators
 */
export const reorderArguments = (
  grammar: Grammar,
  input: ReadonlyArray<string>
): Either.Either<Reordered, UsageError> => {
  const fail = (message: string) => Either.left(new UsageError({ message }))
  const { tokens } = parseArgs({
    args: [...input],
    options: {
      ...Record.map(grammar.values, () => ({ type: "string" as const })),
      ...Record.fromIterableWith(grammar.switches, (name) => [name, { type: "boolean" as const }]),
      help: { type: "boolean", short: "h" }
    },
    // What is not as it must be is told below, in our words.
    strict: false,
    allowPositionals: true,
    tokens: true
  })
  const flags = new Map<string, ReadonlyArray<string>>()
  const words: Array<string> = []
  let terminator: ReadonlyArray<string> = []
  for (const token of tokens) {
    if (token.kind === "positional") {
      words.push(token.value)
      continue
    }
    if (token.kind === "option-terminator") {
      terminator = ["--"]
      continue
    }
    const { inlineValue, name, value } = token
    // Letters behind one dash are a token each; the sentence names them as they were written.
    const written = token.rawName.startsWith("--") ? token.rawName : (input[token.index] ?? token.rawName)
    if (grammar.switches.includes(name)) {
      if (value !== undefined) return fail(`${written} takes no value.`)
      flags.set(name, [`--${name}`])
    } else if (Object.hasOwn(grammar.values, name)) {
      if (value === undefined || (!inlineValue && value.startsWith("--"))) return fail(`${written} needs a value.`)
      const takes = grammar.values[name] ?? []
      if (takes.length > 0 && !takes.includes(value))
        return fail(`${written} takes ${takes.join(", ")}, not "${value}".`)
      flags.set(name, [`--${name}`, value])
    } else {
      return fail(`There is no flag ${written}.`)
    }
  }
  const [command, ...rest] = words
  const given = [...flags.values()].flat()
  if (command === undefined) return Either.right({ path: [], words: given })
  const children = Object.hasOwn(grammar.commands, command) ? grammar.commands[command] : undefined
  if (children === undefined) {
    return fail(`There is no command "${command}". Commands are ${Object.keys(grammar.commands).join(", ")}.`)
  }
  const [child] = children.length > 0 ? rest : []
  if (child !== undefined && !children.includes(child)) {
    return fail(
      `There is no command "${command} ${child}". Commands are ${children.map((one) => `${command} ${one}`).join(", ")}.`
    )
  }
  const path = child === undefined ? [command] : [command, child]
  const help = flags.has("help") || (children.length > 0 && child === undefined)
  // Help for a command is only found when its parents are asked for it too.
  return Either.right({
    path,
    words: help
      ? ["--help", ...path.flatMap((one) => [one, "--help"])]
      : [...path, ...given, ...terminator, ...words.slice(path.length)]
  })
}

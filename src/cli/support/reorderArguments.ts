/**
 * Puts a command line into the order that @effect/cli reads: command, flags, arguments. So flags work before and after the
 * command, and between and after the arguments; and a mistyped flag is an error here, where @effect/cli would take it for
 * an argument.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import { UsageError } from "./CliError.js"

/** The flags that are known, without their dashes, and the commands; a command may have commands of its own. @since 0.1.0 @category models */
export interface Grammar {
  /** Those that take a value, with the values that they take (none: whatever the command makes of it). */
  readonly values: { readonly [name: string]: ReadonlyArray<string> }
  readonly switches: ReadonlyArray<string>
  readonly commands: { readonly [name: string]: ReadonlyArray<string> }
}

/** A command line: the command's path, and all words in the order that @effect/cli reads. @since 0.1.0 @category models */
export interface Reordered {
  readonly path: ReadonlyArray<string>
  readonly words: ReadonlyArray<string>
}

/** Reorders the words after the program's name. A flag given twice counts as given last. @since 0.1.0 @category combinators */
export const reorderArguments = (
  grammar: Grammar,
  input: ReadonlyArray<string>
): Either.Either<Reordered, UsageError> => {
  const fail = (message: string) => Either.left(new UsageError({ message }))
  const flags = new Map<string, ReadonlyArray<string>>()
  const words: Array<string> = []
  for (let at = 0; at < input.length; at++) {
    const token = input[at] ?? ""
    if (token === "--") {
      words.push(...input.slice(at + 1))
      break
    }
    if (token === "-" || !token.startsWith("-")) {
      words.push(token)
      continue
    }
    const [written = "", ...inline] = token.split("=")
    const name = written === "-h" ? "help" : written.replace(/^--/, "")
    if (grammar.switches.includes(name)) {
      if (inline.length > 0) return fail(`${written} takes no value.`)
      flags.set(name, [`--${name}`])
    } else if (Object.hasOwn(grammar.values, name)) {
      const value = inline.length > 0 ? inline.join("=") : input[++at]
      if (value === undefined || (inline.length === 0 && value.startsWith("--")))
        return fail(`${written} needs a value.`)
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
      : [...path, ...given, ...words.slice(path.length)]
  })
}

/**
 * Puts a command line into the order that @effect/cli reads: command, flags, arguments. So flags work before and after the
 * command, and between and after the arguments; and what is mistyped is an error here, where @effect/cli would take it for
 * something else.
 *
 * @since 0.1.0
 */
import { parseArgs } from "node:util"
import * as Either from "effect/Either"
import * as Record from "effect/Record"
import { nearest } from "../../internal/nearest.js"
import { UsageError } from "./CliError.js"

/** What a command takes: flags, without their dashes, and arguments. @since 0.1.0 @category models */
export interface CommandGrammar {
  readonly flags: ReadonlyArray<string>
  /** The names of those that must be given, and of those that can be. */
  readonly required: ReadonlyArray<string>
  readonly optional: ReadonlyArray<string>
}

/** All flags, and the commands by their words, such as "db check". @since 0.1.0 @category models */
export interface Grammar {
  /** Those that take a value, with the values that they take (none: the command decides). */
  readonly values: { readonly [name: string]: ReadonlyArray<string> }
  readonly switches: ReadonlyArray<string>
  /** The flags that every command takes. */
  readonly common: ReadonlyArray<string>
  /** Of these, the switches that are not for @effect/cli. */
  readonly own: ReadonlyArray<string>
  /** The flags that can be given several times: their values are joined by commas. */
  readonly lists: ReadonlyArray<string>
  readonly commands: { readonly [words: string]: () => CommandGrammar }
}

/** What a command line says. @since 0.1.0 @category models */
export interface Reordered {
  /** The words of the command, as far as they are known; a group of commands has none of its own. */
  readonly path: ReadonlyArray<string>
  /** The flags that are given, with their values; a switch has the value "". */
  readonly flags: ReadonlyMap<string, string>
  /** All words in the order that @effect/cli reads. */
  readonly words: Either.Either<ReadonlyArray<string>, UsageError>
}

/** The words of the command at the beginning of these words, and whether they are a command or only a group of commands. */
const pathOf = (grammar: Grammar, words: ReadonlyArray<string>) => {
  const names = Object.keys(grammar.commands).map((name) => name.split(" "))
  const isKnown = (path: ReadonlyArray<string>) =>
    names.some((name) => path.every((word, index) => name[index] === word))
  const [one = "", two = ""] = words
  const path = one !== "" && isKnown([one]) ? (isKnown([one, two]) && two !== "" ? [one, two] : [one]) : []
  return { path, command: grammar.commands[path.join(" ")]?.() }
}

const didYouMean = (guess: string | undefined): string => (guess === undefined ? "" : ` Did you mean ${guess}?`)

/**
 * The words after the program's name, reordered. A flag given twice counts as given last, unless it makes a list; behind `--` there
 * are no flags.
 *
 * @since 0.1.0
 * @category combinators
 */
export const reorderArguments = (grammar: Grammar, input: ReadonlyArray<string>): Reordered => {
  const { tokens } = parseArgs({
    args: [...input],
    options: {
      ...Record.map(grammar.values, () => ({ type: "string" as const })),
      ...Record.fromIterableWith(grammar.switches, (name) => [name, { type: "boolean" as const }]),
      help: { type: "boolean", short: "h" },
      quiet: { type: "boolean", short: "q" }
    },
    // What is not as it must be is told below, in our words.
    strict: false,
    allowPositionals: true,
    tokens: true
  })
  const positionals = tokens.flatMap((token) => (token.kind === "positional" ? [token.value] : []))
  const { command, path } = pathOf(grammar, positionals)
  const given = tokens.flatMap((token) => (token.kind === "option" ? [token] : []))
  const flags = new Map<string, string>()
  for (const { name, value = "" } of given) {
    const before = grammar.lists.includes(name) ? flags.get(name) : undefined
    flags.set(name, before === undefined ? value : `${before},${value}`)
  }

  const refusal = (): string | undefined => {
    for (const token of given) {
      const { inlineValue, name, value } = token
      // Letters behind one dash are a token each; the sentence names them as they were written.
      const written = token.rawName.startsWith("--") ? token.rawName : (input[token.index] ?? token.rawName)
      const takesValue = Object.hasOwn(grammar.values, name)
      if (!takesValue && !grammar.switches.includes(name)) {
        const guess = nearest(name, [...Object.keys(grammar.values), ...grammar.switches])
        return `There is no flag ${written}.${didYouMean(guess && `--${guess}`)}`
      }
      if (!takesValue && value !== undefined) return `${written} takes no value.`
      if (takesValue) {
        if (value === undefined || (!inlineValue && value.startsWith("--"))) return `${written} needs a value.`
        const takes = grammar.values[name] ?? []
        if (takes.length > 0 && !takes.includes(value)) return `${written} takes ${takes.join(", ")}, not "${value}".`
      }
      if (command !== undefined && !grammar.common.includes(name) && !command.flags.includes(name)) {
        const takers = Object.keys(grammar.commands).filter((one) => grammar.commands[one]?.().flags.includes(name))
        return `The command ${path.join(" ")} does not take ${written}. It is for ${takers.join(", ")}.`
      }
    }
    const isHelp = flags.has("help")
    if (path.length < positionals.length && command === undefined) {
      const tried = positionals.slice(0, path.length + 1).join(" ")
      const known = Object.keys(grammar.commands).filter((one) => path.length === 0 || one.startsWith(`${path[0]} `))
      const guess = nearest(tried, known)
      return `There is no command "${tried}".${guess === undefined ? ` Commands are ${known.join(", ")}.` : didYouMean(guess)}`
    }
    if (command === undefined || isHelp) return undefined
    const { optional, required } = command
    const words = positionals.slice(path.length)
    const missing = required[words.length]
    if (missing !== undefined) return `The command ${path.join(" ")} needs the argument ${missing.toUpperCase()}.`
    const extra = words[required.length + optional.length]
    return extra === undefined
      ? undefined
      : `The command ${path.join(" ")} takes ${countOf(required.length + optional.length)}, and "${extra}" is one too many.`
  }

  const ordered = (): ReadonlyArray<string> => {
    // Help for a command is only found when its parents are asked for it too.
    if (flags.has("help") || (path.length > 0 && command === undefined)) {
      return ["--help", ...path.flatMap((one) => [one, "--help"])]
    }
    const terminator = tokens.some(({ kind }) => kind === "option-terminator") ? ["--"] : []
    const words = [...flags].flatMap(([name, value]) =>
      grammar.own.includes(name) ? [] : grammar.switches.includes(name) ? [`--${name}`] : [`--${name}`, value]
    )
    return [...path, ...words, ...terminator, ...positionals.slice(path.length)]
  }
  const message = refusal()
  return {
    path,
    flags,
    words: message === undefined ? Either.right(ordered()) : Either.left(new UsageError({ message }))
  }
}

const countOf = (count: number): string =>
  count === 0 ? "no arguments" : count === 1 ? "one argument" : `at most ${count} arguments`

/**
 * What a shell can offer, whichever shell it is. The completions of @effect/cli offer no values in fish and bash, and no words
 * behind a command of a group, such as `db check`.
 *
 * @since 0.1.0
 */
import type { Grammar } from "./reorderArguments.js"

/** A word, and what it is about; "" where nothing is said. @since 0.1.0 @category models */
export interface Word {
  readonly word: string
  readonly about: string
}

/** What can be typed. @since 0.1.0 @category models */
export interface CompletionWords {
  /** The commands by their words; a group, such as `db`, is one too. */
  readonly paths: ReadonlyArray<string>
  /** What can stand behind each of these; "" is the beginning. */
  readonly behind: ReadonlyMap<string, ReadonlyArray<Word>>
  /** The values of flags, each with its dashes. */
  readonly values: ReadonlyMap<string, ReadonlyArray<string>>
  /** The flags whose value is a path. */
  readonly files: ReadonlyArray<string>
  /** The flags whose value no shell knows. */
  readonly others: ReadonlyArray<string>
}

const files: ReadonlyArray<string> = ["data-dir", "import"]

/** What is known beside the grammar: the values of flags, and sentences about flags and commands. @since 0.1.0 @category models */
export interface Known {
  readonly choices: { readonly [flag: string]: ReadonlyArray<string> }
  readonly flags: { readonly [flag: string]: string }
  readonly commands: { readonly [command: string]: string }
}

/** What can be typed at a program of this grammar. @since 0.1.0 @category constructors */
export const completionWords = (
  { commands, common, values }: Grammar,
  { choices, commands: summaries, flags }: Known
): CompletionWords => {
  const leaves = Object.keys(commands)
  const firstOf = (path: string) => path.split(" ")[0] ?? ""
  const firsts = [...new Set(leaves.map(firstOf))]
  const groups = firsts.filter((first) => commands[first] === undefined)
  const dashed = (name: string) => `--${name}`
  const flagWords = (names: ReadonlyArray<string>): ReadonlyArray<Word> =>
    names.map((name) => ({ word: dashed(name), about: flags[name] ?? "" }))
  const commandWords = (names: ReadonlyArray<string>): ReadonlyArray<Word> =>
    names.map((word) => ({ word, about: summaries[word] ?? "" }))
  const chosen = Object.keys(values).filter((name) => (choices[name] ?? []).length > 0)
  return {
    paths: [...firsts, ...leaves.filter((path) => path.includes(" "))],
    behind: new Map([
      ["", [...commandWords(firsts), ...flagWords(common)]],
      ...groups.map((group): [string, ReadonlyArray<Word>] => [
        group,
        commandWords(leaves.flatMap((path) => (firstOf(path) === group ? [path.slice(group.length + 1)] : [])))
      ]),
      ...leaves.map((path): [string, ReadonlyArray<Word>] => [
        path,
        flagWords([...(commands[path]?.().flags ?? []), ...common])
      ])
    ]),
    values: new Map(chosen.map((name) => [dashed(name), choices[name] ?? []])),
    files: files.map(dashed),
    others: Object.keys(values)
      .filter((name) => !files.includes(name) && !chosen.includes(name))
      .map(dashed)
  }
}

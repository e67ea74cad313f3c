/**
 * Completions for bash. Those of @effect/cli complete no words behind a command of a group, such as `db check`, and no values.
 *
 * @since 0.1.0
 */
import type { Grammar } from "./reorderArguments.js"

/** The flags whose value is a path. */
const files: ReadonlyArray<string> = ["data-dir", "import"]

/** A `case` of bash: a pattern and what is done where it matches. */
const branch = (pattern: string, words: ReadonlyArray<string>): string =>
  `    ${pattern}) words="${words.join(" ")}" ;;`

/** The script that `wtclient --completions bash` prints. @since 0.1.0 @category combinators */
export const bashCompletions = (
  { commands, common, values }: Grammar,
  choices: { readonly [flag: string]: ReadonlyArray<string> }
): string => {
  const paths = Object.keys(commands)
  const groups = [...new Set(paths.flatMap((path) => (path.includes(" ") ? [path.split(" ")[0] ?? ""] : [])))]
  const firsts = [...new Set(paths.map((path) => path.split(" ")[0] ?? ""))]
  const dashed = (names: ReadonlyArray<string>) => names.map((name) => `--${name}`)
  const chosen = Object.keys(values).filter((name) => (choices[name] ?? []).length > 0)
  const others = Object.keys(values).filter((name) => !files.includes(name) && !chosen.includes(name))
  return [
    "_wtclient() {",
    `  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" path="" words="" word`,
    `  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do`,
    '    case "$path $word" in',
    ...[...firsts.map((first) => ` ${first}`), ...paths.filter((path) => path.includes(" "))].map(
      (path) => `      "${path}") path="${path.trim()}" ;;`
    ),
    "    esac",
    "  done",
    "  COMPREPLY=()",
    '  case "$prev" in',
    `    ${dashed(files).join("|")}) COMPREPLY=($(compgen -f -- "$cur")); return ;;`,
    ...chosen.map((name) => branch(`--${name}`, choices[name] ?? [])),
    `    ${dashed(others).join("|")}) return ;;`,
    '    *) case "$path" in',
    branch('""', [...firsts, ...dashed(common)]),
    ...groups.map((group) =>
      branch(
        `"${group}"`,
        paths.flatMap((path) => (path.startsWith(`${group} `) ? [path.slice(group.length + 1)] : []))
      )
    ),
    ...paths.map((path) => branch(`"${path}"`, dashed([...(commands[path]?.().flags ?? []), ...common]))),
    "    esac ;;",
    "  esac",
    '  COMPREPLY=($(compgen -W "$words" -- "$cur"))',
    "}",
    "complete -F _wtclient wtclient"
  ].join("\n")
}

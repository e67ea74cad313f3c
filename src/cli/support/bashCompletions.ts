/** Completions for bash. @since 0.1.0 */
import type { CompletionWords } from "./completionWords.js"

/** A `case` of bash: a pattern and what is offered where it matches. */
const branch = (pattern: string, words: ReadonlyArray<string>): string =>
  `    ${pattern}) words="${words.join(" ")}" ;;`

/** The script that `wtclient --completions bash` prints. @since 0.1.0 @category combinators */
export const bashCompletions = ({ behind, files, others, paths, values }: CompletionWords): string =>
  [
    "_wtclient() {",
    `  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" path="" words="" word`,
    `  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do`,
    '    case "$path $word" in',
    ...paths.map((path) => `      "${path.includes(" ") ? path : ` ${path}`}") path="${path}" ;;`),
    "    esac",
    "  done",
    "  COMPREPLY=()",
    '  case "$prev" in',
    `    ${files.join("|")}) COMPREPLY=($(compgen -f -- "$cur")); return ;;`,
    ...Array.from(values, ([flag, words]) => branch(flag, words)),
    `    ${others.join("|")}) return ;;`,
    '    *) case "$path" in',
    ...Array.from(behind, ([path, words]) =>
      branch(
        `"${path}"`,
        words.map(({ word }) => word)
      )
    ),
    "    esac ;;",
    "  esac",
    '  COMPREPLY=($(compgen -W "$words" -- "$cur"))',
    "}",
    "complete -F _wtclient wtclient"
  ].join("\n")

/** Completions for zsh. @since 0.1.0 */
import { shellWord } from "./commandText.js"
import type { CompletionWords, Word } from "./completionWords.js"

/** What `_describe` reads. */
const described = ({ about, word }: Word): string => shellWord(about === "" ? word : `${word}:${about}`)

/** The script that `wtclient --completions zsh` prints: for a shell's own file, and for a file `_wtclient` in `fpath`. @since 0.1.0 @category combinators */
export const zshCompletions = ({ behind, files, others, paths, values }: CompletionWords): string =>
  [
    "#compdef wtclient",
    "_wtclient() {",
    // Not `path`, which is where zsh looks for programs.
    '  local given="" word',
    "  local -a offered",
    `  for word in "\${(@)words[2,CURRENT-1]}"; do`,
    '    case "$given $word" in',
    ...paths.map((path) => `      "${path.includes(" ") ? path : ` ${path}`}") given="${path}" ;;`),
    "    esac",
    "  done",
    `  case "\${words[CURRENT-1]}" in`,
    `    ${files.join("|")}) _files; return ;;`,
    ...Array.from(values, ([flag, words]) => `    ${flag}) compadd -- ${words.map(shellWord).join(" ")}; return ;;`),
    `    ${others.join("|")}) return ;;`,
    "  esac",
    '  case "$given" in',
    ...Array.from(behind, ([path, words]) => `    "${path}") offered=(${words.map(described).join(" ")}) ;;`),
    "  esac",
    "  _describe -t words wtclient offered",
    "}",
    // As a file of `fpath` it is the function itself; elsewhere it is made known here.
    'if [ "$funcstack[1]" = "_wtclient" ]; then _wtclient "$@"; else compdef _wtclient wtclient; fi'
  ].join("\n")

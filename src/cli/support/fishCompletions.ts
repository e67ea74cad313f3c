/** Completions for fish. @since 0.1.0 */
import type { CompletionWords } from "./completionWords.js"

/** A word as fish reads it back. */
const fishWord = (word: string): string => `'${word.replaceAll(/[\\']/g, "\\$&")}'`

/** The script that `wtclient --completions fish` prints. @since 0.1.0 @category combinators */
export const fishCompletions = ({ behind, files, others, paths, values }: CompletionWords): string =>
  [
    "function __wtclient",
    // Only what stands before the cursor.
    "  set -l given (commandline -opc)",
    "  set -l path ''",
    "  for word in $given[2..-1]",
    '    switch "$path $word"',
    ...paths.map(
      (path) => `      case ${fishWord(path.includes(" ") ? path : ` ${path}`)}; set path ${fishWord(path)}`
    ),
    "    end",
    "  end",
    "  switch $given[-1]",
    `    case ${files.join(" ")}; __fish_complete_path (commandline -ct); return`,
    ...Array.from(
      values,
      ([flag, words]) => `    case ${flag}; printf '%s\\n' ${words.map(fishWord).join(" ")}; return`
    ),
    `    case ${others.join(" ")}; return`,
    "  end",
    "  switch $path",
    ...Array.from(
      behind,
      ([path, words]) =>
        `    case ${fishWord(path)}; printf '%s\\t%s\\n' ${words.flatMap(({ about, word }) => [fishWord(word), fishWord(about)]).join(" ")}`
    ),
    "  end",
    "end",
    "complete -c wtclient -f -a '(__wtclient)'"
  ].join("\n")

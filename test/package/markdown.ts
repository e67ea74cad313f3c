/** The code blocks of README and docs, and those of the docstrings. */
import { readdirSync, readFileSync } from "node:fs"
import { join, resolve } from "node:path"

export const checkout = resolve(import.meta.dirname, "../..")

export interface Block {
  readonly file: string
  readonly line: number
  /** What follows the fence: `ts`, `sh`, `console`, `mermaid`, or `text` for what is only shown. */
  readonly language: string
  /** Why it cannot be run here, from the comment above it: `<!-- not run: needs systemd -->`. */
  readonly notRun: string | undefined
  readonly text: string
}

/** A fence may stand in a list or in a docstring: each line of its block begins as it does. */
const blocksOf = (file: string): ReadonlyArray<Block> => {
  const text = readFileSync(join(checkout, file), "utf8")
  const blocks = [
    ...text.matchAll(/(?:^ *<!-- not run: ([^\n]*) -->\n)?^( *(?:\* )?)```([^\n]*)\n(.*?)^\2```$/gms)
  ].map(({ 0: whole, 1: notRun, 2: margin = "", 3: language = "", 4: body = "", index }) => ({
    file,
    line: text.slice(0, index + whole.indexOf("```")).split("\n").length,
    language,
    notRun,
    text: body
      .split("\n")
      .map((line) => line.slice(margin.length))
      .join("\n")
  }))
  const fences = [...text.matchAll(/^[ *]*```/gm)].length
  if (fences !== 2 * blocks.length) throw new Error(`${file} has a code block that would not be tried`)
  return blocks
}

const under = (folder: string, ending: string): ReadonlyArray<string> =>
  readdirSync(join(checkout, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(ending))
    .map((name) => join(folder, name))

/** All of them, the README's first. */
export const all: ReadonlyArray<Block> = ["README.md", ...under("docs", ".md")].flatMap(blocksOf)

/** Those of the docstrings: they show how something is used, and are not run. */
export const docstrings: ReadonlyArray<Block> = under("src", ".ts").flatMap(blocksOf)

/** Those that can be run here, of a language, in all files or in one. */
export const of = (language: string, file?: string): ReadonlyArray<Block> =>
  all.filter(
    (block) => block.language === language && block.notRun === undefined && (file === undefined || block.file === file)
  )

export const where = ({ file, line }: Block): string => `${file}:${line}`

/** The lines of an `sh` block, and what comes after each `$` of a `console` block. */
export const commandsOf = ({ language, text }: Block): ReadonlyArray<string> =>
  text
    .split("\n")
    .flatMap((line) => (language === "sh" ? (line === "" ? [] : [line]) : (line.match(/^\$ (.*)/)?.slice(1) ?? [])))

/** What an install line names: a package, and the version or range behind its last @. */
export const specsOf = (line: string): ReadonlyArray<{ readonly name: string; readonly range: string | undefined }> =>
  line
    .split(" ")
    .slice(2)
    .filter((word) => !word.startsWith("-"))
    .map((word) => {
      const at = word.lastIndexOf("@")
      return at > 0 ? { name: word.slice(0, at), range: word.slice(at + 1) } : { name: word, range: undefined }
    })

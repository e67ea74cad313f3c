/** The code blocks of README and docs. */
import { readdirSync, readFileSync } from "node:fs"
import { join, resolve } from "node:path"

export const checkout = resolve(import.meta.dirname, "../..")

export interface Block {
  readonly file: string
  readonly line: number
  /** What follows the fence: `ts`, `sh`, `console`, or nothing for what is only shown. */
  readonly language: string
  readonly text: string
}

const blocksOf = (file: string): ReadonlyArray<Block> => {
  const text = readFileSync(join(checkout, file), "utf8")
  return [...text.matchAll(/^```([^\n]*)\n(.*?)^```$/gms)].map(({ 1: language = "", 2: body = "", index }) => ({
    file,
    line: text.slice(0, index).split("\n").length,
    language,
    text: body
  }))
}

const documents = readdirSync(join(checkout, "docs"), { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".md"))
  .map((name) => join("docs", name))

/** All of them, the README's first. */
export const all: ReadonlyArray<Block> = ["README.md", ...documents].flatMap(blocksOf)

/** Those of a language, in all files or in one. */
export const of = (language: string, file?: string): ReadonlyArray<Block> =>
  all.filter((block) => block.language === language && (file === undefined || block.file === file))

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

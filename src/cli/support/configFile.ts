/**
 * The configuration file of the service: TOML, whose keys are those of the options, such as `backup.copies` or, below `[backup]`,
 * `copies`.
 *
 * @since 0.1.0
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { parse, TomlError, type TomlTable, type TomlValue } from "smol-toml"
import { nearest } from "../../internal/nearest.js"
import * as Table from "../../internal/optionTable.js"
import { troubleOf } from "../../layers/keys/privateFile.js"
import { UsageError } from "./CliError.js"
import type { Setting } from "./settings.js"

/** What a file says for an option: the text that a flag would have, and where it stands. @since 0.1.0 @category models */
export interface Said {
  readonly text: string
  readonly line: number
}

/** A file that was read, and checked. @since 0.1.0 @category models */
export interface ConfigFile {
  readonly path: string
  /** By the keys of the options. */
  readonly said: ReadonlyMap<string, Said>
}

const isTable = (value: TomlValue): value is TomlTable =>
  typeof value === "object" && !Array.isArray(value) && Object.getPrototypeOf(value) === null

/** A part of a key that must be in quotes keeps them, so that `"backup.copies"` is not taken for two parts. */
const partOf = (name: string): string => (/^[\w-]+$/.test(name) ? name : JSON.stringify(name))

const entriesOf = (table: TomlTable, above: ReadonlyArray<string> = []): ReadonlyArray<readonly [string, TomlValue]> =>
  Object.entries(table).flatMap(([name, value]) => {
    const path = [...above, partOf(name)]
    return isTable(value) ? entriesOf(value, path) : [[path.join("."), value] as const]
  })

/** More lines than any value of an option has. */
const longestValue = 100

/**
 * The line of each key, which the reader does not tell: the file is read a statement at a time, below the name of its table. A statement
 * ends with the first line at which it can be read. `unread` is where one begins that does not end soon; the lines of what follows are
 * not known.
 */
const linesOf = (text: string): { readonly known: ReadonlyMap<string, number>; readonly unread: number } => {
  const lines = text.split("\n")
  const known = new Map<string, number>()
  let table = ""
  let begin = 0
  for (let end = 1; end <= lines.length && end - begin <= longestValue; end++) {
    const statement = lines.slice(begin, end).join("\n")
    const isTable = /^\s*\[/.test(statement)
    const read = Either.try(() => parse(isTable ? statement : `${table}\n${statement}`, options))
    if (Either.isLeft(read)) continue
    if (isTable) table = statement
    for (const [key] of entriesOf(read.right)) known.set(key, begin + 1)
    begin = end
  }
  return { known, unread: begin + 1 }
}

// A number that does not fit is refused by the option, not by the reader.
const options = { integersAsBigInt: "asNeeded" } as const

/** Far more than all options with a comment each. */
const longest = 64 * 1024

/** The text of a value, where it is of the type of what is read from that text: `copies = "2"` and `host = 5` are mistakes. */
const textOf = ({ kind }: Table.AnyEntry, value: TomlValue): string | undefined => {
  if (Array.isArray(value)) {
    const texts = value.map(String)
    return Array.isArray(kind.parse(texts.join(","))) ? texts.join(",") : undefined
  }
  if (typeof value === "object") return undefined
  const text = String(value)
  const given = kind.parse(text)
  const isNumber = typeof given === "number" || typeof given === "bigint"
  switch (typeof value) {
    case "string":
      return typeof given === "boolean" || (isNumber && String(given) === text) ? undefined : text
    case "boolean":
      return typeof given === "boolean" ? text : undefined
    default:
      return isNumber || Array.isArray(given) ? text : undefined
  }
}

const shown = (value: TomlValue): string => (Array.isArray(value) ? JSON.stringify(value) : Table.quoted(value))

const refusal = ({ entry, key }: Setting, value: TomlValue): string =>
  `${key} takes ${Table.takes(entry.kind)}${entry.kind.show(value) === undefined ? "" : `, not ${shown(value)}`}.`

/** What is wrong with an entry of the file; undefined where nothing is. */
type Trouble = (key: string) => string | undefined

const unknownKey = (key: string, settings: ReadonlyArray<Setting>): string => {
  const known = settings.map((one) => one.key)
  const guess = known.find((one) => one.endsWith(`.${key}`)) ?? nearest(key, known)
  return `there is no option ${key}.${guess === undefined ? "" : ` Did you mean ${guess}?`}`
}

const read = (path: string): Effect.Effect<Option.Option<string>, UsageError, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const { size, type } = yield* fs.stat(path)
    // A device may never end. A pipe is what a shell makes of `<(...)`, and its size is zero.
    if (type === "CharacterDevice" || type === "BlockDevice") {
      return yield* new UsageError({ message: `The configuration file ${path} is a device. Name a file.` })
    }
    const bytes = size > longest ? undefined : yield* fs.readFile(path)
    if (bytes === undefined || bytes.length > longest) {
      return yield* new UsageError({ message: `The configuration file ${path} is too long. The most is 64 KiB.` })
    }
    return Option.some(new TextDecoder().decode(bytes))
  }).pipe(
    Effect.catchTags({
      SystemError: (error) =>
        error.reason === "NotFound"
          ? Effect.succeed(Option.none())
          : new UsageError({ message: `The configuration file ${path} cannot be read: ${troubleOf(error)}.` }),
      BadArgument: (error) =>
        new UsageError({ message: `The configuration file ${path} cannot be read: ${troubleOf(error)}.` })
    })
  )

const parsed = (path: string, text: string): Either.Either<TomlTable, UsageError> =>
  Either.try({
    try: () => parse(text, options),
    catch: (thrown) => {
      const { line, message } = thrown instanceof TomlError ? thrown : { line: 1, message: "it cannot be taken apart" }
      const [first = ""] = message.replace("Invalid TOML document: ", "").split("\n")
      return new UsageError({ message: `In ${path}, line ${line}: this is not TOML (${first}).` })
    }
  })

/**
 * Reads a file; none where there is none. `troubleOfKey` says what is wrong with a key that is none of these options, where there is
 * more to say.
 *
 * @since 0.1.0
 * @category constructors
 */
export const load = (
  path: string,
  settings: ReadonlyArray<Setting>,
  troubleOfKey: Trouble
): Effect.Effect<Option.Option<ConfigFile>, UsageError, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const text = Option.getOrUndefined(yield* read(path))
    if (text === undefined) return Option.none()
    const table = yield* parsed(path, text)
    const { known: lines, unread } = linesOf(text)
    const said = new Map<string, Said>()
    for (const [key, value] of entriesOf(table)) {
      const line = lines.get(key) ?? unread
      const refuse = (sentence: string) => new UsageError({ message: `In ${path}, line ${line}: ${sentence}` })
      const known = settings.find((one) => one.key === key)
      if (known === undefined) return yield* refuse(troubleOfKey(key) ?? unknownKey(key, settings))
      const text = textOf(known.entry, value)
      if (text === undefined || Either.isLeft(Table.fromText(key, known.entry, text))) {
        return yield* refuse(refusal(known, value))
      }
      said.set(key, { text, line })
    }
    return Option.some({ path, said })
  })

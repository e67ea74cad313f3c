/**
 * What can be said in several places: as a flag, in the environment and, to `wtclient run`, in a file. Its names follow from the tables of
 * options.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Table from "../../internal/optionTable.js"
import { UsageError } from "./CliError.js"

/** An option, and what it is called in each place. @since 0.1.0 @category models */
export interface Setting<Entry extends Table.AnyEntry = Table.AnyEntry> {
  /** In the file, and where it is printed: `backup.hedge-delay`. */
  readonly key: string
  /** Where a `Config` finds it. */
  readonly path: ReadonlyArray<string>
  /** Without its dashes; undefined where there is none. */
  readonly flag: string | undefined
  /** The part of the flag's text that is this option, where a flag has more than one. */
  readonly ofFlag?: (text: string) => string
  readonly environment: string
  readonly entry: Entry
}

/** A name of a program as it is in files and flags. @since 0.1.0 @category combinators */
export const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

/** An option of a table. @since 0.1.0 @category constructors */
export const setting = <Options extends Table.Entries, Name extends keyof Options & string>(
  table: Table.Table<Options>,
  name: Name,
  flag?: string
): Setting<Options[Name]> => ({
  key: [...table.path, name].map(kebab).join("."),
  path: ["watchtower", ...table.path, name],
  flag,
  environment: Table.environmentName(table, name),
  entry: table.entries[name]
})

/**
 * The text of a variable of the environment. An empty one is taken for one that is not there: files of variables and of containers
 * leave them so.
 *
 * @since 0.1.0
 * @category constructors
 */
export const variable = (name: string): Effect.Effect<string | undefined> =>
  Effect.map(
    Effect.orElseSucceed(Config.string(name), () => ""),
    (text) => (text === "" ? undefined : text)
  )

/** The value that the environment has, or why it cannot be read: what is wrong is never passed over. @since 0.1.0 @category combinators */
export const fromEnvironment = <Entry extends Table.AnyEntry>({
  entry,
  environment
}: Setting<Entry>): Effect.Effect<Table.InputOf<Entry> | undefined, UsageError> =>
  Effect.flatMap(variable(environment), (text) => {
    if (text === undefined) return Effect.succeed(undefined)
    const read = Either.mapLeft(
      Table.fromText(environment, entry, text),
      (sentence) => new UsageError({ message: `In the environment, ${sentence}` })
    )
    // The type goes through the entry, whose type of input is lost in `AnyEntry`.
    return read as Either.Either<Table.InputOf<Entry>, UsageError>
  })

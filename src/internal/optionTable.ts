/**
 * Options as tables. A table states each option of a layer once: type, range, unit, default and meaning. From it follow the
 * type of the layer's options, their decoding, their `Config`, the flags of the command line, and docs/options.md.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { type Kind, takes } from "./optionKind.js"

// A table is written with the kinds of its options: `Table.wholeNumber(...)`.
export * from "./optionKind.js"

/** An option of a layer. `default` is in words; `fallback` is what is taken where nothing is given. @since 0.1.0 @category models */
export interface Entry<Input, Value, Presence extends "required" | "default" | "optional"> {
  readonly kind: Kind<Input, Value>
  readonly presence: Presence
  readonly fallback: Value | undefined
  readonly default: string
  readonly sentence: string
}

/** Any option. @since 0.1.0 @category models */
export type AnyEntry = Entry<unknown, unknown, "required" | "default" | "optional">

/** Options by their names. @since 0.1.0 @category models */
export type Entries = { readonly [name: string]: AnyEntry }

/** The options of a layer, and where its `Config` finds them: below `watchtower` and this path. @since 0.1.0 @category models */
export interface Table<Options extends Entries = Entries> {
  readonly layer: string
  readonly path: ReadonlyArray<string>
  readonly entries: Options
}

/** What a program gives for an option. @since 0.1.0 @category models */
export type InputOf<E> = E extends Entry<infer Input, unknown, infer _> ? Input : never
type ValueOf<E> =
  E extends Entry<unknown, infer Value, infer Presence>
    ? Presence extends "optional"
      ? Value | undefined
      : Value
    : never
type RequiredNames<E> = { [Name in keyof E]: E[Name] extends { readonly presence: "required" } ? Name : never }[keyof E]

/** What a program gives: plain data. @since 0.1.0 @category models */
export type Input<T extends Table> = {
  readonly [Name in RequiredNames<T["entries"]>]: InputOf<T["entries"][Name]>
} & {
  readonly [Name in Exclude<keyof T["entries"], RequiredNames<T["entries"]>>]?: InputOf<T["entries"][Name]> | undefined
}

/** What a layer works with: defaults filled in, times in milliseconds. @since 0.1.0 @category models */
export type Settings<T extends Table> = {
  readonly [Name in keyof T["entries"]]: ValueOf<T["entries"][Name]>
}

/** A table. @since 0.1.0 @category constructors */
export const table = <const Options extends Entries>(
  layer: string,
  path: ReadonlyArray<string>,
  entries: Options
): Table<Options> => ({ layer, path, entries })

/** An option that must be given. @since 0.1.0 @category constructors */
export const required = <Input, Value>(
  kind: Kind<Input, Value>,
  sentence: string
): Entry<Input, Value, "required"> => ({
  kind,
  presence: "required",
  fallback: undefined,
  default: "",
  sentence
})

/** An option with a default. @since 0.1.0 @category constructors */
export const withDefault = <Input, Value>(
  kind: Kind<Input, Value>,
  fallback: NoInfer<Input>,
  sentence: string
): Entry<Input, Value, "default"> => ({
  kind,
  presence: "default",
  fallback: kind.read(fallback),
  default: (kind.show(fallback) ?? "").replaceAll('"', ""),
  sentence
})

/** An option whose default depends on something else; these words say on what. @since 0.1.0 @category constructors */
export const optional = <Input, Value>(
  kind: Kind<Input, Value>,
  words: string,
  sentence: string
): Entry<Input, Value, "optional"> => ({ kind, presence: "optional", fallback: undefined, default: words, sentence })

/** What an option is, what it takes, and its default, as sentences. @since 0.1.0 @category combinators */
export const description = ({ default: words, kind, sentence }: AnyEntry): string =>
  [sentence, `Takes ${takes(kind)}`, ...(words === "" ? [] : [`Default: ${words}`])].map((part) => `${part}.`).join(" ")

/** The sentence that refuses a value. @since 0.1.0 @category combinators */
export const refusal = (name: string, { kind }: AnyEntry, given: unknown): string => {
  const shown = kind.show(given)
  return `${name} takes ${takes(kind)}${shown === undefined ? "" : `, not ${shown}`}.`
}

/** Reads an option from a text, or says why not. @since 0.1.0 @category combinators */
export const fromText = <Input, Value, Presence extends "required" | "default" | "optional">(
  name: string,
  entry: Entry<Input, Value, Presence>,
  text: string
): Either.Either<Input, string> => {
  const given = entry.kind.parse(text)
  return given !== undefined && entry.kind.fits(given) ? Either.right(given) : Either.left(refusal(name, entry, text))
}

const valuesOf = <T>(entries: Entries, value: (entry: AnyEntry, name: string) => T): { readonly [name: string]: T } =>
  Object.fromEntries(Object.entries(entries).map(([name, entry]) => [name, value(entry, name)]))

// A program without types may hand in a bare string, or null.
const givenAt = (given: unknown, name: string): unknown =>
  typeof given === "object" && given !== null ? Reflect.get(given, name) : undefined

/** Fills in the defaults, and looks at no range. @since 0.1.0 @category combinators */
export const settings = <T extends Table>(table: T, given: Input<T>): Settings<T> => {
  const filled = valuesOf(table.entries, ({ fallback, kind }, name) => {
    const value = givenAt(given, name)
    return value === undefined ? fallback : kind.read(value)
  })
  // The type goes through the table name by name, as `valuesOf` does.
  return filled as Settings<T>
}

/** Fills in the defaults, or says which value is outside of its range. @since 0.1.0 @category combinators */
export const decode = <T extends Table>(table: T, given: Input<T>): Either.Either<Settings<T>, string> => {
  for (const [name, entry] of Object.entries(table.entries)) {
    const value = givenAt(given, name)
    if (value === undefined && entry.presence === "required") {
      return Either.left(`${name} must be given; it takes ${takes(entry.kind)}.`)
    }
    if (value !== undefined && !entry.kind.fits(value)) return Either.left(refusal(name, entry, value))
  }
  return Either.right(settings(table, given))
}

const valueConfig = (entry: AnyEntry, name: string): Config.Config<unknown> =>
  Config.string(name).pipe(
    Config.mapOrFail((text) =>
      Either.mapLeft(fromText(name, entry, text), (sentence) => ConfigError.InvalidData([], sentence))
    ),
    Config.withDescription(description(entry))
  )

const optionalConfig = (entry: AnyEntry, name: string): Config.Config<unknown> =>
  Config.map(Config.option(valueConfig(entry, name)), Option.getOrUndefined)

const nested = <A>(path: ReadonlyArray<string>, config: Config.Config<A>): Config.Config<A> =>
  ["watchtower", ...path].reduceRight((inner, name) => Config.nested(inner, name), config)

/** The options from configuration. What is not there is left to the default. @since 0.1.0 @category config */
export const config = <T extends Table>({ entries, path }: T): Config.Config<Input<T>> => {
  const values = valuesOf(entries, (entry, name) =>
    entry.presence === "required" ? valueConfig(entry, name) : optionalConfig(entry, name)
  )
  // The type goes through the table name by name, as `valuesOf` does.
  return nested(path, Config.all(values)) as Config.Config<Input<T>>
}

/**
 * The options from configuration, or none where not one of them is there. An option without those that it needs is an
 * error: a proxy's port without its host must not become a connection without a proxy.
 *
 * @since 0.1.0
 * @category config
 */
export const configIfGiven = <T extends Table>({ entries, path }: T): Config.Config<Option.Option<Input<T>>> => {
  const values = Config.all(valuesOf(entries, optionalConfig)).pipe(
    Config.mapOrFail((values) => {
      const names = Object.keys(entries)
      if (names.every((name) => values[name] === undefined)) return Either.right(Option.none())
      const missing = names.find((name) => entries[name]?.presence === "required" && values[name] === undefined)
      return missing === undefined
        ? Either.right(Option.some(values))
        : Either.left(ConfigError.MissingData([missing], `${missing} is needed by the other options here`))
    })
  )
  // The type goes through the table name by name, as `valuesOf` does.
  return nested(path, values) as Config.Config<Option.Option<Input<T>>>
}

/** The name of an option in the environment, by `ConfigProvider.fromEnv` and `constantCase`. @since 0.1.0 @category combinators */
export const environmentName = ({ path }: Table, name: string): string =>
  ["watchtower", ...path, name].map((part) => part.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()).join("_")

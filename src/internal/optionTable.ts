/**
 * Options as tables. A table states each option of a layer once: type, range, unit, default and meaning. From it follow the
 * type of the layer's options, their decoding, their `Config`, the flags of the command line, and docs/options.md.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"

/**
 * Which values an option takes. `Input` is what a program gives and `parse` reads from a text; `Value` is what a layer works
 * with. `read` answers undefined to what is of another type, `fits` false to what is outside of the range too.
 *
 * @since 0.1.0
 * @category models
 */
export interface Kind<Input, Value = Input> {
  /** "a whole number" */
  readonly type: string
  /** "from 1 to 65535", or nothing */
  readonly range: string
  /** "updates", or how a value is written, or nothing */
  readonly unit: string
  readonly read: (given: unknown) => Value | undefined
  readonly fits: (given: unknown) => boolean
  readonly parse: (text: string) => Input | undefined
  /** A value in a sentence; undefined where the sentence must not hold it. */
  readonly show: (given: unknown) => string | undefined
}

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

/** A URL, a libpq connection string, or `user:password@host`: a password may be in it, so no sentence repeats it. */
const isConnectionString = (text: string): boolean =>
  /[a-z0-9+.-]{2,}:\/\//i.test(text) ||
  /^\s*postgres(ql)?:/i.test(text) ||
  /(^|[\s;])(host|hostaddr|server|port|dbname|database|user|user id|password|pwd|passfile|service|sslmode)\s*=/i.test(
    text
  ) ||
  /^[^/\\]+:[^/\\]*@/.test(text)

/** A value as a sentence calls it. @since 0.1.0 @category combinators */
export const quoted = (given: unknown): string => {
  switch (typeof given) {
    case "string":
      return isConnectionString(given) ? "a URL or a connection string" : JSON.stringify(given)
    case "object":
    case "function":
      return given === null ? "null" : "a value of another type"
    default:
      return String(given)
  }
}

/** Timers of the platform hold 31 bits of milliseconds. */
const longestTime: Duration.DurationInput = "24 days"

const millisOf = (given: unknown): number | undefined =>
  Option.getOrUndefined(Option.map(Duration.decodeUnknown(given), Duration.toMillis))

/** A length of time, above 0; `forever` takes `Infinity` too. @since 0.1.0 @category kinds */
export const time = (
  limits: { readonly atMost?: Duration.DurationInput; readonly forever?: true } = {}
): Kind<Duration.DurationInput, number> => {
  const most = Duration.toMillis(limits.atMost ?? longestTime)
  return {
    type: "a time",
    range: `above 0 and at most ${Duration.format(most)}${limits.forever ? ", or Infinity" : ""}`,
    unit: 'such as "1 second"',
    read: millisOf,
    fits: (given) => {
      const millis = millisOf(given) ?? 0
      return (millis > 0 && millis <= most) || (limits.forever === true && millis === Number.POSITIVE_INFINITY)
    },
    parse: (text) =>
      text === "Infinity"
        ? Duration.infinity
        : Option.getOrElse(Duration.decodeUnknown(text), () => compactMillis(text)),
    show: (given) => {
      const millis = millisOf(given)
      return millis === undefined ? quoted(given) : Duration.format(millis)
    }
  }
}

/** `1m 30s`, as times are printed. */
const compactTime = /^(?:(\d+)d)? ?(?:(\d+)h)? ?(?:(\d+)m)? ?(?:(\d+)s)? ?(?:(\d+)ms)?$/

const compactMillis = (text: string): number | undefined => {
  const parts = compactTime.exec(text.trim())
  if (parts === null) return undefined
  const [days = 0, hours = 0, minutes = 0, seconds = 0, millis = 0] = parts.slice(1).map((part) => Number(part ?? 0))
  return (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1_000 + millis
}

const wholeNumberOf = (given: unknown): number | undefined => (typeof given === "number" ? given : undefined)

/** A whole number. @since 0.1.0 @category kinds */
export const wholeNumber = (limits: {
  readonly least: number
  readonly most?: number
  readonly unit?: string
}): Kind<number> => {
  const { least, most = Number.MAX_SAFE_INTEGER, unit = "" } = limits
  return {
    type: "a whole number",
    range: limits.most === undefined ? `of at least ${least}` : `from ${least} to ${most}`,
    unit,
    read: wholeNumberOf,
    fits: (given) => typeof given === "number" && Number.isInteger(given) && given >= least && given <= most,
    parse: (text) => (/^\d{1,16}$/.test(text) ? Number(text) : undefined),
    show: quoted
  }
}

/** A whole number of 64 bits. @since 0.1.0 @category kinds */
export const bigWholeNumber = (limits: {
  readonly least: bigint
  readonly most: bigint
  readonly unit: string
}): Kind<bigint> => ({
  type: "a whole number",
  range: `from ${limits.least} to ${limits.most}`,
  unit: limits.unit,
  read: (given) => (typeof given === "bigint" ? given : undefined),
  fits: (given) => typeof given === "bigint" && given >= limits.least && given <= limits.most,
  parse: (text) => (/^\d{1,20}$/.test(text) ? BigInt(text) : undefined),
  show: (given) => (typeof given === "number" ? `${given}, which is no bigint` : quoted(given))
})

const truths: ReadonlyMap<string, boolean> = new Map([
  ["true", true],
  ["yes", true],
  ["on", true],
  ["1", true],
  ["false", false],
  ["no", false],
  ["off", false],
  ["0", false]
])

/** True or false; a text may say yes, no, on, off, 1 or 0 as well. @since 0.1.0 @category kinds */
export const truth: Kind<boolean> = {
  type: "true or false",
  range: "",
  unit: "",
  read: (given) => (typeof given === "boolean" ? given : undefined),
  fits: (given) => typeof given === "boolean",
  parse: (text) => truths.get(text),
  show: quoted
}

/** One of these words. @since 0.1.0 @category kinds */
export const oneOf = <const Word extends string>(words: ReadonlyArray<Word>): Kind<Word> => ({
  type: words.join(" or "),
  range: "",
  unit: "",
  read: (given) => words.find((word) => word === given),
  fits: (given) => words.some((word) => word === given),
  parse: (text) => words.find((word) => word === text),
  show: quoted
})

const textOf = (given: unknown): string | undefined => (typeof given === "string" ? given : undefined)

/** A text of this form, or any that is not empty. @since 0.1.0 @category kinds */
export const text = (type: string, form = /./s): Kind<string> => ({
  type,
  range: "",
  unit: "",
  read: textOf,
  fits: (given) => typeof given === "string" && form.test(given),
  parse: (text) => text,
  show: quoted
})

/**
 * The path of a file or folder. What names a database of a server is refused: its password would become part of a file's
 * name.
 *
 * @since 0.1.0
 * @category kinds
 */
export const path = (type: string): Kind<string> => ({
  ...text(type),
  fits: (given) => typeof given === "string" && given !== "" && !isConnectionString(given)
})

/** A secret text of this form; no sentence holds it. @since 0.1.0 @category kinds */
export const secret = (type: string, form: RegExp): Kind<Redacted.Redacted> => {
  const read = (given: unknown): Redacted.Redacted | undefined => {
    const value: unknown = Redacted.isRedacted(given) ? Redacted.value(given) : undefined
    return typeof value === "string" && form.test(value) ? Redacted.make(value) : undefined
  }
  return {
    type,
    range: "",
    unit: "",
    read,
    fits: (given) => read(given) !== undefined,
    parse: (text) => Redacted.make(text),
    show: () => undefined
  }
}

/** The part of a kind that this guard lets through, of that type. @since 0.1.0 @category combinators */
export const branded = <Value, Branded extends Value>(
  kind: Kind<Value>,
  isBranded: (value: unknown) => value is Branded
): Kind<Branded> => {
  const only = (value: Value | undefined): Branded | undefined => (isBranded(value) ? value : undefined)
  return {
    ...kind,
    read: (given) => only(kind.read(given)),
    fits: (given) => kind.fits(given) && isBranded(given),
    parse: (text) => only(kind.parse(text))
  }
}

/** Type, range and unit, as the end of a sentence that begins with "NAME takes". @since 0.1.0 @category combinators */
export const takes = ({ range, type, unit }: Kind<unknown>): string =>
  [type, range, unit === "" ? "" : `(${unit})`].filter((part) => part !== "").join(" ")

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

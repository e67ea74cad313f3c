/**
 * Kinds of values that an option takes: what is of the type, what is in the range, how a text is read, and how a sentence calls it.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
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

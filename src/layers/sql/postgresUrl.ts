/**
 * What a Postgres URL says, and what is wrong with its parameters. node-postgres passes over what it does not know, so a mistyped `sslmode`
 * would leave the connection in the clear.
 *
 * @since 0.1.0
 */
import { nearest } from "../../internal/nearest.js"

/** The words of libpq that are taken, and one of node-postgres. */
const modes = ["disable", "prefer", "require", "verify-ca", "verify-full", "no-verify"] as const

/** What node-postgres reads. A program that shares the URL may have further ones. */
const parameters = [
  "sslmode",
  "sslrootcert",
  "sslcert",
  "sslkey",
  "sslnegotiation",
  "uselibpqcompat",
  "ssl",
  "host",
  "port",
  "user",
  "password",
  "application_name",
  "fallback_application_name",
  "client_encoding",
  "options",
  "replication",
  "statement_timeout",
  "lock_timeout",
  "idle_in_transaction_session_timeout",
  "query_timeout"
] as const

/** More letters than this make another word of it. */
const mostLetters = 2

/** A word for the place of this one; undefined where it is known, or like none that is. */
const meant = (word: string, known: ReadonlyArray<string>): string | undefined =>
  known.includes(word) ? undefined : nearest(word.toLowerCase(), known, mostLetters)

/**
 * The parts of a URL; undefined where it cannot be read. That of a unix socket has a user and no host, `user@/database?host=/folder`, which no
 * other kind of URL may have.
 *
 * @since 0.1.0
 * @category constructors
 */
export const partsOf = (url: string): URL | undefined => {
  const withHost = url.replace(/^([a-z]+:\/\/[^/?#]*@)(?=\/[^?#@]*\?(?:[^#]*&)?host=)/, "$1localhost")
  return URL.canParse(withHost) ? new URL(withHost) : undefined
}

/** Does it choose the schema, and so the tables that are used? @since 0.1.0 @category combinators */
export const choosesSchema = (url: string): boolean =>
  /\bsearch_path\b/.test(partsOf(url)?.searchParams.get("options") ?? "")

/**
 * What is wrong, as the end of a sentence about the URL; undefined where nothing is. No value is repeated: what is not escaped in
 * a password can look like one.
 *
 * @since 0.1.0
 * @category combinators
 */
export const urlTrouble = (url: string): string | undefined => {
  for (const [name, value] of partsOf(url)?.searchParams ?? []) {
    const guess = meant(name, parameters)
    if (guess !== undefined) return `there is no parameter ${name}; did you mean ${guess}?`
    if (name === "sslmode" && !modes.some((mode) => mode === value)) {
      const mode = meant(value, modes)
      return `sslmode takes ${modes.join(", ")}${mode === undefined ? "" : `; did you mean ${mode}?`}`
    }
  }
  return undefined
}

/**
 * What the errors of the drivers mean: the only place that knows codes of SQLite, Postgres and the operating system.
 *
 * @since 0.1.0
 */
import { SqlError, SqlErrorTypeId } from "@effect/sql/SqlError"
import * as Data from "effect/Data"
import * as Predicate from "effect/Predicate"
import { DatabaseBusy, DatabaseUnavailable } from "../../schema/DbError.js"

/**
 * `busy`: another client holds what this one needs; nothing was stored. `disconnected`: the server cannot be reached; nothing
 * was stored, unless it was COMMIT that failed. Both are worth another try; `unavailable` is not.
 *
 * @since 0.1.0
 * @category models
 */
export type FailureKind = "busy" | "disconnected" | "unavailable"

/** The answer to COMMIT was lost: it may have gone through, now or later. Never leaves the adapter. @since 0.1.0 @category errors */
export class CommitLost extends Data.TaggedError("CommitLost")<{ readonly cause: SqlError }> {}

/** Is it an error of the SQL client? @since 0.1.0 @category combinators */
export const isSqlError = (error: unknown): error is SqlError => Predicate.hasProperty(error, SqlErrorTypeId)

/** Is the outcome of a COMMIT unknown? @since 0.1.0 @category combinators */
export const isCommitLost = (error: unknown): error is CommitLost => Predicate.isTagged(error, "CommitLost")

const codeOf = (error: SqlError): string =>
  Predicate.hasProperty(error.cause, "code") && typeof error.cause.code === "string" ? error.cause.code : ""

const messageOf = (error: SqlError): string =>
  Predicate.hasProperty(error.cause, "message") && typeof error.cause.message === "string"
    ? error.cause.message
    : error.message

// 40001, 40P01: serialization failure, deadlock. 55P03: no lock in time. 57014: a statement took too long, or was hit by a
// cancellation that was meant for another one. 53300: too many connections.
const postgresBusy = new Set(["40001", "40P01", "55P03", "57014", "53300"])

// Class 08 and 40003 are broken connections, 57P01 to 57P05 a server that stops, starts or hangs up, 25P03 and 25P04 its
// patience with our transaction.
const postgresGone = /^(08...|40003|57P0[1-5]|25P0[34])$/

// Without the code of a certificate for another host: that does not pass by itself.
const systemCode = /^E(?!RR_TLS_CERT)[A-Z]+/

// better-sqlite3 is installed without its binary, or with the binary for another version of Node.
const noBinary = /bindings file|NODE_MODULE_VERSION/

// What node-postgres says without a code.
const goneMessage = /terminated|timeout exceeded|not queryable/i
const noTlsMessage = /does not support SSL/

/** What the error means. @since 0.1.0 @category combinators */
export const failureKind = (error: SqlError): FailureKind => {
  const code = codeOf(error)
  if (code.startsWith("SQLITE_BUSY") || code.startsWith("SQLITE_LOCKED") || postgresBusy.has(code)) return "busy"
  if (postgresGone.test(code) || systemCode.test(code)) return "disconnected"
  return code === "" && goneMessage.test(messageOf(error)) ? "disconnected" : "unavailable"
}

/** Whether no connection could be made in time. @since 0.1.0 @category combinators */
export const isSlow = (error: SqlError): boolean => /timed out|timeout exceeded/.test(messageOf(error))

const unknownAuthority =
  "the authority of the server's certificate is not known: name it with sslrootcert=FILE in the URL"

const details: ReadonlyArray<readonly [prefix: string, detail: string]> = [
  ["SQLITE_FULL", "the disk or the database is full"],
  ["SQLITE_READONLY", "it is read-only"],
  ["SQLITE_NOTADB", "the file is not a database"],
  ["SQLITE_CORRUPT", "the file is damaged"],
  ["SQLITE_CANTOPEN", "the file cannot be opened"],
  ["SQLITE_IOERR", "the disk reports an error"],
  ["SQLITE_PERM", "permission denied"],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", unknownAuthority],
  ["SELF_SIGNED_CERT_IN_CHAIN", unknownAuthority],
  ["UNABLE_TO_", unknownAuthority],
  ["CERT_HAS_EXPIRED", "the server's certificate has expired: it needs a new one"],
  [
    "ERR_TLS_CERT_ALTNAME",
    "the server's certificate is for another host: use the name that it is for, or sslmode=verify-ca in the URL"
  ]
]

const detailOf = (error: SqlError): string => {
  const code = codeOf(error)
  const known = details.find(([prefix]) => code.startsWith(prefix))
  if (noTlsMessage.test(messageOf(error)))
    return "the server does not speak TLS: turn it on there, or say sslmode=disable in the URL"
  if (noBinary.test(messageOf(error)))
    return "better-sqlite3 has no binary for this Node: make one with npm rebuild better-sqlite3 (pnpm: pnpm approve-builds, then pnpm rebuild better-sqlite3)"
  return known === undefined ? messageOf(error) : `${known[1]} (${code})`
}

/** The cause, without that of a certificate for another host: it holds the certificate, which refers to itself. */
const causeOf = (error: SqlError): unknown => (codeOf(error).startsWith("ERR_TLS_CERT") ? undefined : error.cause)

/** The typed error of an operation that ended with an error of the client. @since 0.1.0 @category combinators */
export const toDbError =
  (operation: string) =>
  (error: SqlError): DatabaseBusy | DatabaseUnavailable =>
    failureKind(error) === "busy"
      ? new DatabaseBusy({ operation, cause: error.cause })
      : new DatabaseUnavailable({ operation, detail: detailOf(error), cause: causeOf(error) })

/** The typed error of a database that could not be opened, from whatever its driver threw. @since 0.1.0 @category combinators */
export const toOpenError = (thrown: unknown): DatabaseBusy | DatabaseUnavailable =>
  toDbError("open")(isSqlError(thrown) ? thrown : new SqlError({ cause: thrown, message: String(thrown) }))

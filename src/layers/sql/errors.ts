/**
 * What the errors of the drivers mean: the only place that knows codes of SQLite, Postgres and the operating system.
 *
 * @since 0.1.0
 */
import { SqlError, SqlErrorTypeId } from "@effect/sql/SqlError"
import * as Data from "effect/Data"
import * as Predicate from "effect/Predicate"
import { systemTrouble } from "../../internal/systemTrouble.js"
import { DatabaseBusy, DatabaseUnavailable, type UnavailableReason } from "../../schema/DbError.js"

/**
 * `busy`: another client holds what this one needs; nothing was stored. `disconnected`: the server cannot be reached; nothing
 * was stored, unless it was COMMIT that failed. Both are worth another try; `unavailable` is not.
 *
 * @since 0.1.0
 * @category models
 */
export type FailureKind = "busy" | "disconnected" | "unavailable"

/** The answer to COMMIT was lost: the transaction may be committed, now or later. Never leaves the adapter. @since 0.1.0 @category errors */
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

const noServer = "no server listens at its address"
const wrongLogin = "the server does not take this user name and password"
const noSuchDatabase = "the server has no database of this name"

/** By what is said where no code tells it: by node-postgres, by SQLite's driver, and by PgBouncer, which has 08P01 for all. */
const said: ReadonlyArray<readonly [words: RegExp, reason: UnavailableReason, detail: string]> = [
  [
    /does not support SSL/,
    "NoTls",
    "the server does not speak TLS: turn it on there, or say sslmode=disable in the URL"
  ],
  // Of a URL with verify-ca alone.
  [
    /sslmode=verify-ca requires specifying a CA/,
    "WrongCertificate",
    "sslmode=verify-ca needs the certificate of the server's authority: name it with sslrootcert=FILE in the URL, or say sslmode=verify-full"
  ],
  [
    /client password must be a string|no password supplied/,
    "WrongLogin",
    "the server asks for a password, and the URL has none"
  ],
  [
    noBinary,
    "DriverMissing",
    "better-sqlite3 has no binary for this Node: make one with npm rebuild better-sqlite3 (pnpm: pnpm approve-builds, then pnpm rebuild better-sqlite3)"
  ],
  [/^password authentication failed$|^no such user/, "WrongLogin", wrongLogin],
  [/^no such database|^database "[^"]*" does not exist$/, "NoSuchDatabase", noSuchDatabase],
  [
    /^unsupported startup parameter/,
    "Other",
    "the pooler in between does not take a parameter of the URL: take it out, and set what it says for the user at the server, such as ALTER ROLE name SET search_path = schema"
  ],
  [
    /^transaction blocks not allowed/,
    "Other",
    "the pooler in between keeps no transaction on one connection: set its pool_mode to transaction or session"
  ]
]

/** By the beginning of a driver's code. Those of files and folders are in `internal/systemTrouble`. */
const details: ReadonlyArray<readonly [prefix: string, reason: UnavailableReason, detail: string]> = [
  ["SQLITE_FULL", "DiskFull", "the disk or the database is full"],
  ["SQLITE_READONLY", "ReadOnly", "it is read-only"],
  ["SQLITE_NOTADB", "NotADatabase", "the file is not a database"],
  ["SQLITE_CORRUPT", "Damaged", "the file is damaged"],
  ["SQLITE_CANTOPEN", "CannotOpen", "the file cannot be opened"],
  ["SQLITE_IOERR", "DiskError", "the disk reports an error"],
  ["SQLITE_PERM", "NotAllowed", "this account may not do that there"],
  ["ECONNREFUSED", "NoServer", noServer],
  ["ECONNRESET", "NoServer", "the server hung up"],
  ["EPIPE", "NoServer", "the server hung up"],
  ["ENOTFOUND", "NoServer", "the host name of its server is not known"],
  ["EAI_AGAIN", "NoServer", "no name server answered"],
  ["ETIMEDOUT", "NoServer", "its server does not answer"],
  ["EHOSTUNREACH", "NoServer", "the network does not reach its server"],
  ["ENETUNREACH", "NoServer", "the network does not reach its server"],
  ["28", "WrongLogin", wrongLogin],
  ["3D000", "NoSuchDatabase", noSuchDatabase],
  ["3F000", "Other", "no schema of the search_path is there: make it with CREATE SCHEMA, or correct its name"],
  ["42501", "NotGranted", "the user may not do that in this database"],
  ["53100", "DiskFull", "the disk of the server is full"],
  ["25006", "ReadOnly", "the server is read-only"],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "WrongCertificate", unknownAuthority],
  ["SELF_SIGNED_CERT_IN_CHAIN", "WrongCertificate", unknownAuthority],
  ["UNABLE_TO_", "WrongCertificate", unknownAuthority],
  ["CERT_HAS_EXPIRED", "WrongCertificate", "the server's certificate has expired: it needs a new one"],
  [
    "ERR_TLS_CERT_ALTNAME",
    "WrongCertificate",
    "the server's certificate is for another host: use the name that it is for, or sslmode=verify-ca in the URL"
  ]
]

/** What those of files and folders mean for a database; others mean that it cannot be opened. */
const systemReasons: Readonly<Record<string, UnavailableReason>> = {
  ENOSPC: "DiskFull",
  EDQUOT: "DiskFull",
  EROFS: "ReadOnly",
  EACCES: "NotAllowed",
  EPERM: "NotAllowed",
  EIO: "DiskError"
}

type Why = Pick<DatabaseUnavailable, "reason" | "detail">

const whyOf = (error: SqlError): Why => {
  const code = codeOf(error)
  const message = messageOf(error)
  const told = said.find(([words]) => words.test(message))
  if (told !== undefined) return { reason: told[1], detail: told[2] }
  // The socket of a server on this machine, which is there while the server is.
  if (code === "ENOENT" && isConnect(error)) return { reason: "NoServer", detail: noServer + placeOf(error) }
  const known = details.find(([prefix]) => code.startsWith(prefix))
  if (known !== undefined) return { reason: known[1], detail: known[2] + placeOf(error) }
  const trouble = systemTrouble(code)
  if (trouble !== undefined) return { reason: systemReasons[code] ?? "CannotOpen", detail: trouble + placeOf(error) }
  return goneMessage.test(message)
    ? { reason: "NoServer", detail: "its server does not answer" }
    : { reason: "Other", detail: sentence(message) }
}

const isConnect = ({ cause }: SqlError): boolean =>
  Predicate.hasProperty(cause, "syscall") && cause.syscall === "connect"

/** Which file, folder or socket the system speaks of, where it says so. */
const placeOf = (error: SqlError): string => {
  const { cause } = error
  if (Predicate.hasProperty(cause, "path") && typeof cause.path === "string") return ` (${cause.path})`
  const isSocket = isConnect(error) && Predicate.hasProperty(cause, "address") && String(cause.address).startsWith("/")
  return isSocket ? ` (${cause.address})` : ""
}

/** The driver's own words, as the end of a sentence of ours: one line, without the full stop. */
const sentence = (message: string): string => (message.split("\n", 1)[0] ?? "").replace(/[.\s]+$/, "")

/** The cause, without that of a certificate for another host: it holds the certificate, which refers to itself. */
const causeOf = (error: SqlError): unknown => (codeOf(error).startsWith("ERR_TLS_CERT") ? undefined : error.cause)

/** The typed error of an operation that ended with an error of the client. @since 0.1.0 @category combinators */
export const toDbError =
  (operation: string) =>
  (error: SqlError): DatabaseBusy | DatabaseUnavailable =>
    failureKind(error) === "busy"
      ? new DatabaseBusy({ operation, cause: error.cause })
      : new DatabaseUnavailable({ operation, ...whyOf(error), cause: causeOf(error) })

/** The typed error of a database that could not be opened, from whatever its driver threw. @since 0.1.0 @category combinators */
export const toOpenError = (thrown: unknown): DatabaseBusy | DatabaseUnavailable =>
  toDbError("open")(isSqlError(thrown) ? thrown : new SqlError({ cause: thrown, message: String(thrown) }))

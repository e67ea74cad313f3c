import { SqlError } from "@effect/sql/SqlError"
import { assert, describe, it } from "@effect/vitest"
import { type FailureKind, failureKind, isSlow, toDbError, toOpenError } from "../../../src/layers/sql/errors.js"

const withCode = (code: string) => new SqlError({ cause: Object.assign(new Error(`said ${code}`), { code }) })
const withMessage = (message: string) => new SqlError({ cause: new Error(message), message: "Failed" })

const codes: ReadonlyArray<readonly [FailureKind, ReadonlyArray<string>]> = [
  ["busy", ["SQLITE_BUSY", "SQLITE_BUSY_SNAPSHOT", "SQLITE_BUSY_RECOVERY", "SQLITE_LOCKED_SHAREDCACHE"]],
  ["busy", ["40001", "40P01", "55P03", "57014", "53300"]],
  ["disconnected", ["08006", "08003", "40003", "57P01", "57P02", "57P03", "57P04", "57P05", "25P03", "25P04"]],
  ["disconnected", ["ECONNREFUSED", "ECONNRESET", "EPIPE", "EAI_AGAIN"]],
  ["unavailable", ["SQLITE_FULL", "SQLITE_READONLY", "SQLITE_NOTADB", "SQLITE_CORRUPT_VTAB", "SQLITE_IOERR_FSYNC"]],
  ["unavailable", ["SQLITE_CONSTRAINT_UNIQUE", "23505", "28P01", "3D000", "42P01", "25006", "53100"]],
  ["unavailable", ["DEPTH_ZERO_SELF_SIGNED_CERT", "UNABLE_TO_VERIFY_LEAF_SIGNATURE", "ERR_TLS_CERT_ALTNAME_INVALID"]]
]

describe("a driver's error", () => {
  for (const [kind, examples] of codes) {
    it(`is ${kind}: ${examples.join(" ")}`, () => {
      for (const code of examples) assert.strictEqual(failureKind(withCode(code)), kind, code)
    })
  }

  it("without a code is known by what node-postgres says", () => {
    const said = [
      "Connection terminated unexpectedly",
      "Connection terminated due to connection timeout",
      "timeout exceeded when trying to connect",
      "Client has encountered a connection error and is not queryable"
    ]
    for (const message of said) assert.strictEqual(failureKind(withMessage(message)), "disconnected", message)
    assert.strictEqual(failureKind(withMessage("The database connection is not open")), "unavailable")
  })

  it("with a code is known by that, whatever its words are", () => {
    const error = Object.assign(new Error("the word terminated is no name"), { code: "42601" })
    assert.strictEqual(failureKind(new SqlError({ cause: error })), "unavailable")
  })

  it("says whether a connection took too long", () => {
    const slow = ["Connection timed out", "timeout exceeded when trying to connect"]
    for (const message of slow) assert.isTrue(isSlow(withMessage(message)), message)
    assert.isFalse(isSlow(withMessage("Connection terminated unexpectedly")))
  })

  it("is the cause of the typed one, but for that of a certificate, which refers to itself", () => {
    const refused = withCode("ECONNREFUSED")
    assert.strictEqual(toDbError("store")(refused).cause, refused.cause)
    assert.isUndefined(toDbError("store")(withCode("ERR_TLS_CERT_ALTNAME_INVALID")).cause)
  })

  it("becomes a typed one that says what is the matter", () => {
    assert.strictEqual(toDbError("store")(withCode("SQLITE_BUSY"))._tag, "DatabaseBusy")
    const full = toDbError("store")(withCode("SQLITE_FULL"))
    assert.strictEqual(full.message, "The database cannot be used: the disk or the database is full.")
    const other = toDbError("store")(withCode("42P01"))
    assert.strictEqual(other.message, "The database cannot be used: said 42P01.")
  })

  it("is known by the words of PgBouncer, which has one code for all", () => {
    const reasonOf = (message: string) => {
      const error = toOpenError(Object.assign(new Error(message), { code: "08P01" }))
      return error._tag === "DatabaseUnavailable" ? error.reason : error._tag
    }
    assert.deepStrictEqual(
      [
        "password authentication failed",
        "no such user: somebody",
        "no such database: towers",
        'database "towers" does not exist',
        "unsupported startup parameter: options",
        "unsupported startup parameter in options: search_path",
        "transaction blocks not allowed in statement pooling mode"
      ].map(reasonOf),
      ["WrongLogin", "WrongLogin", "NoSuchDatabase", "NoSuchDatabase", "Other", "Other", "Other"]
    )
  })

  it("says that a schema is missing, or that the user may make no table", () => {
    assert.match(toDbError("migrate")(withCode("3F000")).message, /no schema of the search_path is there: make it/)
    assert.deepInclude(toDbError("migrate")(withCode("42501")), { reason: "NotGranted" })
  })

  it("that was thrown while opening does, too", () => {
    assert.match(toOpenError(Object.assign(new Error("x"), { code: "SQLITE_CANTOPEN" })).message, /cannot be opened/)
    assert.match(toOpenError("a string").message, /a string/)
    assert.strictEqual(toOpenError(withCode("SQLITE_BUSY"))._tag, "DatabaseBusy")
  })
})

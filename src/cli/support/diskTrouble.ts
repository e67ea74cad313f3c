/**
 * What is the matter with the disk of a database that SQLite cannot use. SQLite's own codes do not say: a full disk is
 * SQLITE_IOERR while its -shm file is made, and a read-only one SQLITE_CANTOPEN.
 *
 * @since 0.1.0
 */
import * as fs from "node:fs"
import * as path from "node:path"
import * as Predicate from "effect/Predicate"
import * as SqliteOrPostgres from "../../layers/sqliteOrPostgres.js"
import { DatabaseUnavailable } from "../../schema/DbError.js"
import type { ClientPaths } from "./clientPaths.js"

/** The code of the system's error; "" where it is none. @since 0.1.0 @category combinators */
export const codeOf = (thrown: unknown): string => (Predicate.hasProperty(thrown, "code") ? String(thrown.code) : "")

/** SQLite makes two files beside the database; the first of them has 32 KiB. */
const needed = 64 * 1024

/** Why nothing can be written into the folder: the system's code, or undefined. @since 0.1.0 @category combinators */
export const writeTrouble = (folder: string): string | undefined => {
  try {
    fs.accessSync(folder, fs.constants.W_OK)
    const { bavail, bsize } = fs.statfsSync(folder)
    return bavail * bsize < needed ? "ENOSPC" : undefined
  } catch (thrown) {
    return codeOf(thrown)
  }
}

const closer: Readonly<Record<string, Pick<DatabaseUnavailable, "reason" | "detail">>> = {
  EROFS: { reason: "ReadOnly", detail: "its disk is read-only" },
  EACCES: { reason: "NotAllowed", detail: "this account may not write to its folder" },
  ENOSPC: { reason: "DiskFull", detail: "its disk is full" }
}

/** The same failure, with what is the matter with the disk where SQLite did not know. @since 0.1.0 @category combinators */
export const lookedAfter = <E extends { readonly _tag: string }>(
  failure: E,
  { database }: ClientPaths
): E | DatabaseUnavailable => {
  if (!(failure instanceof DatabaseUnavailable) || SqliteOrPostgres.isPostgres(database)) return failure
  if (failure.reason !== "CannotOpen" && failure.reason !== "DiskError" && failure.reason !== "ReadOnly") return failure
  const found = closer[writeTrouble(path.dirname(database.filename)) ?? ""]
  return found === undefined ? failure : new DatabaseUnavailable({ ...failure, ...found })
}

/**
 * Small text files that only their owner can read.
 *
 * @since 0.1.0
 */
import * as Path from "node:path"
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"
import { concat, toHex } from "../../internal/bytes.js"
import { systemWords } from "../../internal/systemTrouble.js"
import { KeyFileError } from "../../schema/KeyFileError.js"
import { Entropy } from "../../services/Entropy.js"
import { scoped } from "../concurrency/scoped.js"

/** The most bytes that such a file, or a seed from elsewhere, may have. */
const longest = 4096

/** The text goes on after the most bytes that a key or a seed may have. @since 0.1.0 @category errors */
export class TooLong extends Data.TaggedError("TooLong") {
  override get message() {
    return `it has more than ${longest} bytes`
  }
}

/**
 * The text of a key or a seed, read to its end; a source without an end, such as a device, is read until it is too long.
 *
 * @since 0.1.0
 * @category combinators
 */
export const textOf = <E, R>(chunks: Stream.Stream<Uint8Array, E, R>): Effect.Effect<string, E | TooLong, R> =>
  Stream.runFoldWhile(
    chunks,
    concat(),
    (bytes) => bytes.length <= longest,
    (bytes, chunk) => concat(bytes, chunk)
  ).pipe(
    Effect.flatMap((bytes) =>
      bytes.length > longest ? new TooLong() : Effect.succeed(new TextDecoder().decode(bytes))
    )
  )

/** What is left of an open file: one read may bring less than all of it. */
const chunksOf = (file: FileSystem.File): Stream.Stream<Uint8Array, PlatformError> =>
  Stream.unfoldEffect(undefined, () =>
    Effect.map(
      file.readAlloc(longest),
      Option.map((bytes) => [bytes, undefined] as const)
    )
  )

/** Who may be able to read a file besides the system's administrator. @since 0.1.0 @category models */
export type Readers = "owner" | "group" | "everyone"

/** The bits of a mode that a file must not have. */
const forbidden: Record<Readers, number> = { owner: 0o077, group: 0o007, everyone: 0 }

/** Reads the text of a file; refuses a file that others than these can read. @since 0.1.0 @category combinators */
export const read = (
  path: string,
  readers: Readers = "owner"
): Effect.Effect<string, KeyFileError, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    // A pipe without a writer is never opened.
    if ((yield* fs.stat(path)).type !== "File") {
      return yield* new KeyFileError({ path, reason: "NotAKeyFile", detail: "it is no file" })
    }
    const file = yield* fs.open(path, { flag: "r" })
    const { mode, type } = yield* file.stat
    if (type !== "File") return yield* new KeyFileError({ path, reason: "NotAKeyFile", detail: "it is no file" })
    if ((mode & forbidden[readers]) !== 0) {
      return yield* new KeyFileError({ path, reason: "Readable", detail: (mode & 0o777).toString(8) })
    }
    return yield* textOf(chunksOf(file))
  }).pipe(
    scoped,
    Effect.catchTags({
      ...platformErrors(path),
      TooLong: ({ message }) => new KeyFileError({ path, reason: "NotAKeyFile", detail: message })
    })
  )

/** Without this a power failure can leave a synced file without its name. */
const syncFolder = (fs: FileSystem.FileSystem, folder: string): Effect.Effect<void, PlatformError> =>
  scoped(
    Effect.matchEffect(fs.open(folder, { flag: "r" }), {
      // Windows cannot open folders, and keeps names without this.
      onFailure: () => Effect.void,
      onSuccess: (opened) => opened.sync
    })
  )

/**
 * Makes a folder for its owner alone, and the missing folders above it, and syncs their names to the disk. An existing
 * folder stays as it is.
 *
 * @since 0.1.0
 * @category combinators
 */
export const makeFolder = (folder: string): Effect.Effect<void, PlatformError, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const parent = Path.dirname(folder)
    if (yield* fs.exists(folder)) return
    yield* makeFolder(parent)
    // One at a time: where no folder can be made, as in /proc, Node's `recursive` never returns.
    yield* fs.makeDirectory(folder, { mode: 0o700 }).pipe(
      // Another process made it since `exists`.
      Effect.catchIf(
        (error) => error._tag === "SystemError" && error.reason === "AlreadyExists",
        () => Effect.void
      )
    )
    yield* syncFolder(fs, parent)
  })

/**
 * Writes a new file with mode 0600, and syncs it and its name to the disk. An existing file stays as it is.
 *
 * @since 0.1.0
 * @category combinators
 */
export const create = (path: string, text: string): Effect.Effect<void, KeyFileError, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const entropy = yield* Entropy
    const draft = `${path}.${toHex(yield* entropy.bytes(8))}`
    const file = yield* fs.open(draft, { flag: "wx", mode: 0o600 })
    yield* Effect.gen(function* () {
      yield* file.writeAll(new TextEncoder().encode(text))
      yield* file.sync
      // It gets its name when it is whole: otherwise another process could read half a key.
      yield* fs.link(draft, path)
    }).pipe(Effect.ensuring(Effect.ignore(fs.remove(draft))))
    // After the draft is removed, so that one sync writes the new name and erases the draft's.
    yield* Effect.tapError(syncFolder(fs, Path.dirname(path)), () => Effect.ignore(fs.remove(path)))
  }).pipe(scoped, Effect.uninterruptible, Effect.catchTags(platformErrors(path)))

/** Why a file cannot be read or written, as the end of a sentence. @since 0.1.0 @category combinators */
export const troubleOf = (error: PlatformError | TooLong): string =>
  Predicate.hasProperty(error.cause, "code") ? systemWords(String(error.cause.code)) : error.message

const platformErrors = (path: string) => {
  const failed = (error: PlatformError) => new KeyFileError({ path, reason: "Failed", detail: troubleOf(error) })
  return {
    BadArgument: failed,
    SystemError: (error: Extract<PlatformError, { _tag: "SystemError" }>) =>
      error.reason === "NotFound"
        ? new KeyFileError({ path, reason: "Missing" })
        : error.reason === "AlreadyExists"
          ? new KeyFileError({ path, reason: "Exists" })
          : failed(error)
  }
}

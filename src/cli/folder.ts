/**
 * The folder of a place.
 *
 * @since 0.1.0
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import { CommandError } from "./CliError.js"
import type { Place } from "./place.js"

/** Makes the folder, for its owner alone, unless it is there. @since 0.1.0 @category combinators */
export const makeFolder = (place: Place): Effect.Effect<void, CommandError, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    yield* fs
      .makeDirectory(place.folder, { recursive: true, mode: 0o700 })
      .pipe(
        Effect.mapError(
          (error) => new CommandError({ message: `${place.folder} cannot be created: ${error.message}.` })
        )
      )
  })

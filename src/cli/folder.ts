/**
 * The folder of a place.
 *
 * @since 0.1.0
 */
import type * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as PrivateFile from "../layers/keys/privateFile.js"
import { CommandError } from "./CliError.js"
import type { Place } from "./place.js"

/** Makes the folder, for its owner alone, unless it is there. @since 0.1.0 @category combinators */
export const makeFolder = (place: Place): Effect.Effect<void, CommandError, FileSystem.FileSystem> =>
  Effect.mapError(
    PrivateFile.makeFolder(place.folder),
    (error) => new CommandError({ message: `${place.folder} cannot be created: ${error.message}.` })
  )

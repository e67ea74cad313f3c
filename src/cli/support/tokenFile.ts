/**
 * The file that has the token of the service: its owner alone can read it, and with it everybody who may use the service.
 *
 * @since 0.1.0
 */
import * as path from "node:path"
import type * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { toHex } from "../../internal/bytes.js"
import { trimmed } from "../../internal/invisible.js"
import * as PrivateFile from "../../layers/keys/privateFile.js"
import type { KeyFileError } from "../../schema/KeyFileError.js"
import { Entropy } from "../../services/Entropy.js"
import { CommandError } from "./CliError.js"
import type { ClientPaths } from "./clientPaths.js"
import { shellWord } from "./commandText.js"

/** The path of the file. @since 0.1.0 @category combinators */
export const tokenPath = ({ folder }: ClientPaths): string => path.join(folder, "token")

const form = /^[0-9a-f]{64}$/

const refused = (file: string, { detail = "it cannot be used", reason }: KeyFileError): CommandError =>
  reason === "Readable"
    ? new CommandError({
        message: `The token file ${file} can be read by others. Make it yours alone.`,
        next: [`chmod 600 ${shellWord(file)}`]
      })
    : new CommandError({
        message: `The token file ${file} cannot be used: ${reason === "Missing" ? "it is not there" : detail}.`
      })

/** The token. @since 0.1.0 @category combinators */
export const read = (client: ClientPaths): Effect.Effect<Redacted.Redacted, CommandError, FileSystem.FileSystem> => {
  const file = tokenPath(client)
  return PrivateFile.read(file).pipe(
    Effect.map(trimmed),
    Effect.mapError((error) => refused(file, error)),
    Effect.filterOrFail(
      (text) => form.test(text),
      () =>
        new CommandError({
          message: `The token file ${file} has no token of 64 hex digits. Remove it: a new one is made when the service starts.`
        })
    ),
    Effect.map((text) => Redacted.make(text))
  )
}

/** The token; a new one where there is no file. @since 0.1.0 @category constructors */
export const readOrCreate = (
  client: ClientPaths
): Effect.Effect<Redacted.Redacted, CommandError, FileSystem.FileSystem> => {
  const file = tokenPath(client)
  return Effect.flatMap(Entropy, ({ bytes }) => bytes(32)).pipe(
    Effect.flatMap((secret) => PrivateFile.create(file, `${toHex(secret)}\n`)),
    Effect.catchIf(
      // The usual case: it was made at an earlier start.
      ({ reason }) => reason === "Exists",
      () => Effect.void
    ),
    Effect.mapError((error) => refused(file, error)),
    Effect.zipRight(read(client))
  )
}

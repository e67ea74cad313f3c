/**
 * The arguments that name a tower.
 *
 * @since 0.1.0
 */
import * as Args from "@effect/cli/Args"
import type * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { PublicKey } from "../../schema/Ids.js"
import * as TowerUri from "../../schema/TowerUri.js"
import { CommandError } from "./CliError.js"

/** The URI of a tower to add. @since 0.1.0 @category config */
export const towerUri = Args.text({ name: "tower" }).pipe(
  Args.withDescription(
    "The tower as its operator prints it: publickey@host, or publickey@host:port (default port 9911)"
  )
)

/** The public key of a tower in the database. @since 0.1.0 @category config */
export const publicKey = Args.text({ name: "publickey" }).pipe(
  Args.withDescription("The tower's public key, 66 hex digits")
)

/** Reads a public key; a whole tower URI is accepted too. @since 0.1.0 @category combinators */
export const parsePublicKey = (text: string): Effect.Effect<PublicKey, CommandError> =>
  Either.mapLeft(TowerUri.parsePublicKey(text.split("@", 1)[0] ?? ""), ({ message }) => new CommandError({ message }))

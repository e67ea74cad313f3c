/**
 * The arguments that name a tower.
 *
 * @since 0.1.0
 */
import * as Args from "@effect/cli/Args"

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

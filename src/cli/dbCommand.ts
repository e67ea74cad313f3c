/** `wtclient db`: care of the database. @since 0.1.0 */
import * as Command from "@effect/cli/Command"
import { check } from "./dbCheckCommand.js"
import { skipKeys } from "./dbSkipKeysCommand.js"
import { summaries } from "./support/summaries.js"

/** The command. @since 0.1.0 @category constructors */
export const db = Command.make("db").pipe(
  Command.withDescription(summaries.db),
  Command.withSubcommands([check, skipKeys])
)

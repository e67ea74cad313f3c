/** `wtclient session`: what can be done with one session. @since 0.1.0 */
import * as Command from "@effect/cli/Command"
import { terminate } from "./sessionTerminateCommand.js"
import { summaries } from "./support/summaries.js"

/** The command. @since 0.1.0 @category constructors */
export const session = Command.make("session").pipe(
  Command.withDescription(summaries.session),
  Command.withSubcommands([terminate])
)

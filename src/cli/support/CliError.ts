/**
 * The failures of the command line itself. All others come from the library, which has a sentence for each.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/** The command was called wrongly; nothing was tried. Ends the program with code 2. @since 0.1.0 @category errors */
export class UsageError extends Schema.TaggedError<UsageError>()("UsageError", { message: Schema.String }) {}

/**
 * The command was done, its result is printed, and the result is bad. Ends the program with code 1; with --json nothing is
 * printed besides the result.
 *
 * @since 0.1.0
 * @category errors
 */
export class CheckFailed extends Schema.TaggedError<CheckFailed>()("CheckFailed", {
  message: Schema.String,
  next: Schema.optional(Schema.Array(Schema.String))
}) {}

/**
 * The command was right and could not be done. Ends the program with code 1. `next`: commands that lead further, complete
 * (`ClientPaths.command`).
 *
 * @since 0.1.0
 * @category errors
 */
export class CommandError extends Schema.TaggedError<CommandError>()("CommandError", {
  message: Schema.String,
  next: Schema.optional(Schema.Array(Schema.String))
}) {}

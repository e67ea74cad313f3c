/**
 * The flags as they were written, for what has to know where a value comes from.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"

/** Names without dashes, and texts; a switch has the text "". @since 0.1.0 @category services */
export class GivenFlags extends Context.Reference<GivenFlags>()("effect-watchtower/cli/GivenFlags", {
  defaultValue: (): ReadonlyMap<string, string> => new Map()
}) {}

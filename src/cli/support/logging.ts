/**
 * The log of the service.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as HashSet from "effect/HashSet"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as flags from "./flags.js"
import * as LogFormat from "./logFormat.js"
import { Progress } from "./progress.js"
import type { Inputs } from "./serviceOptions.js"

/** The lines of an effect go to standard error in this format, from this level on; with --quiet there are none. @since 0.1.0 @category combinators */
export const withLog =
  ({ format = "text", level = flags.logLevel.fallback }: Inputs["log"]) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.gen(function* () {
      const { isQuiet } = yield* Progress
      const console = yield* Effect.console
      const logger = Logger.map(LogFormat.loggers[format], (line) => console.unsafe.error(line))
      const least = LogLevel.allLevels.find(({ _tag }) => _tag.toLowerCase() === level)
      return yield* effect.pipe(
        Effect.locally(FiberRef.currentLoggers, HashSet.make(logger)),
        Logger.withMinimumLogLevel(isQuiet || least === undefined ? LogLevel.None : least)
      )
    })

/**
 * How lines of the log look. All have the time, the level and the message; what a line is about, such as `tower` and `negotiator`, is a
 * field of its own in those for programs.
 *
 * @since 0.1.0
 */
import * as HashMap from "effect/HashMap"
import * as Logger from "effect/Logger"
import { logLine } from "./logLine.js"
import { json } from "./views.js"

/** The formats by their names. @since 0.1.0 @category config */
export const names = ["text", "logfmt", "json"] as const

/** @since 0.1.0 @category models */
export type Name = (typeof names)[number]

/** Here all is of a watchtower: the prefix that our fields have in a larger program is left out. */
const withShortNames = <Output>(logger: Logger.Logger<unknown, Output>): Logger.Logger<unknown, Output> =>
  Logger.mapInputOptions(logger, (options: Logger.Logger.Options<unknown>) => ({
    ...options,
    annotations: HashMap.fromIterable(
      [...HashMap.entries(options.annotations)].map(([name, value]) => [name.replace(/^watchtower\./, ""), value])
    )
  }))

/** A logger of each format, whose output is a line. @since 0.1.0 @category constructors */
export const loggers: Record<Name, Logger.Logger<unknown, string>> = {
  text: logLine,
  logfmt: withShortNames(Logger.logfmtLogger),
  json: Logger.map(withShortNames(Logger.structuredLogger), ({ annotations, cause, logLevel, message, timestamp }) =>
    json({ ...annotations, timestamp, level: logLevel.toLowerCase(), message, cause })
  )
}

/**
 * Log lines for people: the time, the level, what happened, and the details. They appear where --log-level asks for them.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as HashMap from "effect/HashMap"
import * as Inspectable from "effect/Inspectable"
import * as Logger from "effect/Logger"

const textOf = (part: unknown): string => (typeof part === "string" ? part : Inspectable.toStringUnknown(part, 0))

/** A logger whose output is such a line. @since 0.1.0 @category constructors */
export const logLine: Logger.Logger<unknown, string> = Logger.make(
  ({ annotations, cause, date, logLevel, message }) => {
    const words = (Array.isArray(message) ? message : [message]).map(textOf)
    const details = [...HashMap.entries(annotations)].map(
      ([name, value]) => `${name.replace(/^watchtower\./, "")}=${textOf(value)}`
    )
    const causes = Cause.isEmpty(cause) ? [] : [`\n${Cause.pretty(cause)}`]
    return [date.toISOString(), logLevel.label.toLowerCase(), ...words, ...details, ...causes].join(" ")
  }
)

/**
 * Errors that are kept for longer, in a status.
 *
 * @since 0.1.0
 */

/**
 * Makes text of the stack traces of an error and of what caused it. Until somebody asks for that text, V8 keeps the functions and
 * receivers of the trace, and with them the fibers, connections and requests of what has failed: tens of kilobytes for each.
 *
 * @since 0.1.0
 * @category combinators
 */
export const writeOutTrace = (error: unknown): void => {
  let current: unknown = error
  // No longer than a chain of causes is: one can lead back to itself.
  for (let depth = 0; depth < 8 && current instanceof Error; depth++) {
    // To read it makes it.
    Reflect.get(current, "stack")
    current = current.cause
  }
}

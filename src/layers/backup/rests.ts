/**
 * How long something that has failed rests, in milliseconds.
 *
 * @since 0.1.0
 */

/** @since 0.1.0 @category models */
export const firstRestMs = 1000
/** @since 0.1.0 @category models */
export const longestRestMs = 5 * 60_000

/** Twice as long each time. @since 0.1.0 @category combinators */
export const doubled = (first: number, times: number, most: number): number =>
  Math.min(most, first * 2 ** Math.min(times, 30))

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

/**
 * How many rests of `doubled` have passed in this time, for what has failed all the while: so a process that starts again goes on with the
 * rest of the one before it.
 *
 * @since 0.1.0
 * @category combinators
 */
export const restsWithin = (first: number, millis: number): number =>
  Math.floor(Math.log2(1 + Math.max(0, millis) / first))

/**
 * Pages of lists.
 *
 * @since 0.1.0
 * @module
 */
import * as Schema from "effect/Schema"

/** The size of a page where none is asked for. @since 0.1.0 @category models */
export const usualPage = 100

/** How much of a list is asked for. @since 0.1.0 @category schemas */
export const pageParams = {
  limit: Schema.optional(Schema.compose(Schema.NumberFromString, Schema.Int.pipe(Schema.between(1, 1000))))
}

/** Sentences that are put together from parts. @since 0.1.0 */

/** A text with a full stop, unless it ends a sentence already. @since 0.1.0 @category combinators */
export const ended = (text: string): string => (/[.?!]$/.test(text) ? text : `${text}.`)

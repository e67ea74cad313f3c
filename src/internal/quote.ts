/** How many characters of a text from outside are shown: room for a public key and the longest host name. */
const shown = 400

/** A text from outside for a sentence: in quotes, and cut where it is long. @since 0.1.0 @category combinators */
export const quote = (text: string): string =>
  text.length > shown ? `${JSON.stringify(text.slice(0, shown))}... (${text.length} characters)` : JSON.stringify(text)

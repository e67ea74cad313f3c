/** Invisible characters that are copied along with a text from a page or a message. @since 0.1.0 */

// Blanks of all kinds, line ends and controls, the soft hyphen, zero-width characters, marks of direction, the byte order mark.
const invisible = "\\s\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u200b-\\u200f\\u2028-\\u202f\\u2060-\\u2064\\ufeff"

const around = new RegExp(`^[${invisible}]+|[${invisible}]+$`, "g")
const inside = new RegExp(`[${invisible}]`)

/** The text without what is around it and cannot be seen. @since 0.1.0 @category combinators */
export const trimmed = (text: string): string => text.replace(around, "")

/** The first character of the text that cannot be seen, as the end of a sentence; undefined where there is none. @since 0.1.0 @category combinators */
export const invisibleIn = (text: string): string | undefined => {
  const [found] = inside.exec(text) ?? []
  if (found === undefined) return undefined
  const code = found.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")
  const what = found === " " ? "a blank" : /[\r\n]/.test(found) ? "a line end" : `an invisible character (U+${code})`
  return `there is ${what} inside`
}

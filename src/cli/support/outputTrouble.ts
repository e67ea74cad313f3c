/** Standard output that cannot be written. @since 0.1.0 */
import { systemWords } from "../../internal/systemTrouble.js"

/** What is said about it; what was done before is done. @since 0.1.0 @category combinators */
export const outputTrouble = ({ code = "" }: NodeJS.ErrnoException): string =>
  `Standard output cannot be written: ${systemWords(code)}. What was done until now is kept, and the rest was not begun.`

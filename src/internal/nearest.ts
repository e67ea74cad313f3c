/** What a mistyped word may have meant. @since 0.1.0 */

/** How many letters must be changed, added, left out, or exchanged with their neighbour, to make one word of the other. */
const distance = (one: string, other: string): number => {
  const rows: Array<Array<number>> = [Array.from({ length: other.length + 1 }, (_, column) => column)]
  const at = (row: number, column: number): number => rows[row]?.[column] ?? Number.POSITIVE_INFINITY
  for (let row = 1; row <= one.length; row++) {
    const current = [row]
    rows.push(current)
    for (let column = 1; column <= other.length; column++) {
      const isSame = one[row - 1] === other[column - 1]
      const isSwapped = one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1]
      current.push(
        Math.min(
          at(row - 1, column) + 1,
          at(row, column - 1) + 1,
          at(row - 1, column - 1) + (isSame ? 0 : 1),
          isSwapped ? at(row - 2, column - 2) + 1 : Number.POSITIVE_INFINITY
        )
      )
    }
  }
  return at(one.length, other.length)
}

/** The known word that differs least, if it differs in a third of the letters at most, and not in more than `most`. @since 0.1.0 @category combinators */
export const nearest = (
  word: string,
  known: ReadonlyArray<string>,
  most = Number.POSITIVE_INFINITY
): string | undefined => {
  const [best] = known
    .map((one) => ({ one, away: distance(word, one) }))
    .filter(({ away, one }) => away <= Math.min(most, Math.max(1, Math.floor(Math.max(word.length, one.length) / 3))))
    .sort((a, b) => a.away - b.away)
  return best?.one
}

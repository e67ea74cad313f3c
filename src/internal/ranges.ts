/**
 * Sets of whole numbers as ascending ranges with gaps between them: a channel's heights come one after another, so a range
 * stands for a million states.
 *
 * @since 0.1.0
 */

/** From the first number to the last one, both included. @since 0.1.0 @category models */
export interface Range {
  readonly first: number
  readonly last: number
}

/** @since 0.1.0 @category models */
export type Ranges = ReadonlyArray<Range>

/** Ranges in any order, which may overlap or touch, as a set. @since 0.1.0 @category constructors */
export const union = (ranges: Iterable<Range>): Ranges => {
  const merged: Array<Range> = []
  for (const range of [...ranges].sort((one, other) => one.first - other.first)) {
    const before = merged.at(-1)
    if (before === undefined || range.first > before.last + 1) merged.push(range)
    else if (range.last > before.last) merged[merged.length - 1] = { first: before.first, last: range.last }
  }
  return merged
}

/** The numbers of one set that are not in the other. @since 0.1.0 @category combinators */
export const difference = (ranges: Ranges, without: Ranges): Ranges =>
  without.reduce<Ranges>(
    (left, cut) =>
      left.flatMap((range) =>
        cut.last < range.first || cut.first > range.last
          ? [range]
          : [
              ...(range.first < cut.first ? [{ first: range.first, last: cut.first - 1 }] : []),
              ...(range.last > cut.last ? [{ first: cut.last + 1, last: range.last }] : [])
            ]
      ),
    ranges
  )

/** The numbers up to this one. @since 0.1.0 @category combinators */
export const upTo = (ranges: Ranges, last: number): Ranges => difference(ranges, [{ first: last + 1, last: Infinity }])

/** @since 0.1.0 @category combinators */
export const has = (ranges: Ranges, number: number): boolean =>
  ranges.some(({ first, last }) => first <= number && number <= last)

/** How many numbers. @since 0.1.0 @category combinators */
export const count = (ranges: Ranges): number => ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0)

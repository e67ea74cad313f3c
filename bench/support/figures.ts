/** A figure of each run, and its title. */
export type Column<Figures> = readonly [title: string, figure: keyof Figures]

/** The median, and from least to most. */
const spread = (values: ReadonlyArray<number>): string => {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (share: number) => (sorted[Math.round(share * (sorted.length - 1))] ?? 0).toPrecision(3)
  return `${at(0.5)} (${at(0)} to ${at(1)})`
}

/** Prints for each name what its runs gave; a figure that they have not is left out. */
export const printFigures = <Figures extends { readonly [Figure in keyof Figures]?: number | undefined }>(
  found: ReadonlyMap<string, ReadonlyArray<Figures>>,
  columns: ReadonlyArray<Column<Figures>>
): void => {
  for (const [name, runs] of found) {
    console.log(`\n${name}`)
    for (const [title, figure] of columns) {
      const values = runs.flatMap((run): ReadonlyArray<number> => {
        const value = run[figure]
        return value === undefined ? [] : [value]
      })
      if (values.length > 0) console.log(`  ${title.padEnd(20)}${spread(values)}`)
    }
  }
}

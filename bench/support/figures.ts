/** A figure of each run, and its title. */
export type Column<Figures> = readonly [title: string, figure: keyof Figures]

const inOrder = (values: ReadonlyArray<number>) => {
  const sorted = [...values].sort((a, b) => a - b)
  return (share: number) => sorted[Math.round(share * (sorted.length - 1))] ?? 0
}

/** The one in the middle. */
export const median = (values: ReadonlyArray<number>): number => inOrder(values)(0.5)

/** Three digits; from a thousand on `toPrecision` would write a power of ten. */
const shown = (value: number): string => (value < 999.5 ? value.toPrecision(3) : value.toFixed(0))

/** The median, and from least to most. */
const spread = (values: ReadonlyArray<number>): string => {
  const at = (share: number) => shown(inOrder(values)(share))
  return `${at(0.5)} (${at(0)} to ${at(1)})`
}

type Numbers<Figures> = { readonly [Figure in keyof Figures]?: number | undefined }

const valuesOf = <Figures extends Numbers<Figures>>(runs: ReadonlyArray<Figures>, figure: keyof Figures) =>
  runs.flatMap((run): ReadonlyArray<number> => {
    const value = run[figure]
    return value === undefined ? [] : [value]
  })

/** Prints for each name what its runs gave; a figure that they have not is left out. */
export const printFigures = <Figures extends Numbers<Figures>>(
  found: ReadonlyMap<string, ReadonlyArray<Figures>>,
  columns: ReadonlyArray<Column<Figures>>
): void => {
  for (const [name, runs] of found) {
    console.log(`\n${name}`)
    for (const [title, figure] of columns) {
      const values = valuesOf(runs, figure)
      if (values.length > 0) console.log(`  ${title.padEnd(22)}${spread(values)}`)
    }
  }
}

/** Prints how much more a figure of one is than that of another in the same run: what the machine does then, it does to both. */
export const printRatios = <Figures extends Numbers<Figures>>(
  found: ReadonlyMap<string, ReadonlyArray<Figures>>,
  figure: keyof Figures,
  pairs: ReadonlyArray<readonly [one: string, other: string]>
): void => {
  console.log("")
  for (const [one, other] of pairs) {
    const below = valuesOf(found.get(other) ?? [], figure)
    const ratios = valuesOf(found.get(one) ?? [], figure).map((value, run) => value / (below[run] ?? Number.NaN))
    console.log(`${one} / ${other}: ${String(figure)} ${spread(ratios)}`)
  }
}

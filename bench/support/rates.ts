/** How often a second something can be done, by us and by others in turn: the machine drifts, so that only neighbours compare. */
import { median } from "./figures.js"

/** One of those that do the same work; answers how often it did it in a second, having tried for so long. */
export interface Contender {
  readonly name: string
  readonly rate: (millis: number) => number | Promise<number>
}

/** What the last work gave: a result that nobody takes need not be computed. */
const last: { result: unknown } = { result: undefined }

/** A contender of this process. */
export const contender = (name: string, work: () => unknown): Contender => ({
  name,
  rate: (millis) => {
    const began = performance.now()
    let [count, elapsed, batch] = [0, 0, 1]
    while (elapsed < millis) {
      for (let i = 0; i < batch; i++) last.result = work()
      count += batch
      elapsed = performance.now() - began
      // The clock is looked at a few dozen times, also where the work takes less than a look at it.
      if (elapsed < millis / 30) batch *= 2
    }
    return (1000 * count) / elapsed
  }
})

/** The rates of each contender, by name. */
export type Rates = Readonly<Record<string, ReadonlyArray<number>>>

/** Each contender so often in turn, after one round that does not count. */
export const inTurn = async (contenders: ReadonlyArray<Contender>, runs: number, millis: number): Promise<Rates> => {
  const found = new Map(contenders.map(({ name }): [string, Array<number>] => [name, []]))
  for (let run = -1; run < runs; run++) {
    for (const { name, rate } of contenders) {
      const value = await rate(millis)
      if (run >= 0) found.get(name)?.push(value)
    }
  }
  return Object.fromEntries(found)
}

/**
 * Prints a line for each contender: the median of its rates, least to most, how many microseconds that is each, and the ratio to
 * each of `beside` that took part.
 */
export const printRates = (title: string, rates: Rates, beside: ReadonlyArray<string>): void => {
  console.log(`\n${title}`)
  const width = Math.max(...Object.keys(rates).map((name) => name.length))
  for (const [name, values] of Object.entries(rates)) {
    const [least, most] = [Math.min(...values), Math.max(...values)].map((value) => value.toFixed(0))
    const ratios = beside
      .filter((other) => other !== name && rates[other] !== undefined)
      .map((other) => `, ${(median(values) / median(rates[other] ?? [])).toPrecision(3)} x ${other}`)
    const middle = median(values)
    const each = `${(1_000_000 / middle).toPrecision(3)} us each`
    console.log(
      `  ${name.padEnd(width)} ${middle.toFixed(0).padStart(9)} (${least} to ${most}), ${each}${ratios.join("")}`
    )
  }
}

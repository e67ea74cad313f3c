/** Chance by a seed: the same world for the same seed. */
import * as seeded from "../seeded.js"

export interface Chance {
  /** From 0 up to but not including 1. */
  readonly draw: () => number
  /** A whole number from `min` to `max`, both included. */
  readonly between: (min: number, max: number) => number
  /** True with a chance of one in `times`. */
  readonly oneIn: (times: number) => boolean
  readonly pick: <A>(first: A, ...others: ReadonlyArray<A>) => A
  /** The time to the next of events that come every so often, on average. */
  readonly gap: (average: number) => number
}

export const make = (...seed: ReadonlyArray<number>): Chance => {
  const draw = seeded.make(seed.reduce((mixed, part) => Math.imul(mixed ^ part, 0x9e3779b1) ^ (mixed >>> 15), 17))
  const between = (min: number, max: number) => min + Math.floor(draw() * (max - min + 1))
  return {
    draw,
    between,
    oneIn: (times) => draw() * times < 1,
    pick: (first, ...others) => others[between(0, others.length) - 1] ?? first,
    gap: (average) => 1 + Math.floor(-Math.log1p(-draw()) * average)
  }
}

/**
 * Small seeded random numbers for tests and simulations; never for secrets.
 */

/** Numbers from 0 up to but not including 1: always the same ones for the same seed (mulberry32). */
export const make = (seed: number): (() => number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }
}

/** How many trials it takes until one that succeeds once in `every` does (geometric; at least 1). */
export const gap = (random: number, every: number): number =>
  every <= 1 ? 1 : 1 + Math.floor(Math.log1p(-random) / Math.log1p(-1 / every))

/** Random numbers for tests: always the same ones for the same seed. */
import { PCGRandom } from "effect/Utils"

/** Numbers from 0 up to but not including 1. */
export const make = (seed: number): (() => number) => {
  const random = new PCGRandom(seed)
  return () => random.number()
}

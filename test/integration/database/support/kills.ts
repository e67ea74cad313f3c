import { FastCheck } from "effect"
import { type Breakpoint, breakpoints } from "./plan.js"
import type { Client, World } from "./world.js"

/** When a client is killed: at a breakpoint, or some milliseconds after it has begun. */
export type Kill =
  | { readonly _tag: "breakpoint"; readonly breakpoint: Breakpoint; readonly nth: number }
  | { readonly _tag: "instant"; readonly afterMs: number }

/** Clients that live and die together, and whether a tower swallows its replies during that time. */
export interface Life {
  readonly kills: ReadonlyArray<Kill>
  readonly swallows: boolean
}

const nth = FastCheck.integer({ min: 1, max: 3 })
const instant: FastCheck.Arbitrary<Kill> = FastCheck.record({
  _tag: FastCheck.constant("instant" as const),
  afterMs: FastCheck.integer({ min: 0, max: 500 })
})
const breakpoint: FastCheck.Arbitrary<Kill> = FastCheck.record({
  _tag: FastCheck.constant("breakpoint" as const),
  breakpoint: FastCheck.constantFrom(...breakpoints),
  nth
})
const life: FastCheck.Arbitrary<Life> = FastCheck.record({
  kills: FastCheck.array(FastCheck.oneof({ weight: 2, arbitrary: instant }, breakpoint), {
    minLength: 1,
    maxLength: 3
  }),
  swallows: FastCheck.boolean()
})

/** One life for every breakpoint, then random lives, until there are at least that many kills. */
export const lives = (kills: number, seed: number): ReadonlyArray<Life> => {
  const all: Array<Life> = breakpoints.map((breakpoint, n) => ({
    kills: [{ _tag: "breakpoint", breakpoint, nth: 1 + (n % 2) }],
    swallows: false
  }))
  const count = () => all.reduce((sum, { kills }) => sum + kills.length, 0)
  const more = FastCheck.sample(life, { numRuns: kills, seed })
  for (const next of more) {
    if (count() >= kills) break
    all.push(next)
  }
  return all
}

/** What became of the session that a killed client was about. */
export const fates = ["no key was shown", "shown only", "the tower's alone", "stored", "delivered"] as const
export type Fate = (typeof fates)[number]

/** What became of the last visit of a client. */
export const fateOf = (world: World, { said }: Client): Fate => {
  const visit = said.slice(said.findLastIndex(({ word }) => word === "reserved"))
  const id = visit.find(({ word }) => word === "shown")?.about[1]
  if (id === undefined) return "no key was shown"
  if (visit.some(({ word }) => word === "delivered")) return "delivered"
  if (world.stored().has(id)) return "stored"
  return world.accepted.has(id) ? "the tower's alone" : "shown only"
}

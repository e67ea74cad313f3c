import { FastCheck } from "effect"
import { type Breakpoint, breakpoints, type Plan } from "./plan.js"

/** One run of a tower client, and how it is killed: at its breakpoint, or else some milliseconds after it has begun. */
export interface Life extends Pick<Plan, "atFirstWindow"> {
  readonly at?: { readonly breakpoint: Breakpoint; readonly nth: number } | undefined
  readonly afterMs: number
  /** The towers refuse updates meanwhile. */
  readonly refuses: boolean
  /** The number of a tower that is killed too, and started again. */
  readonly kills?: number | undefined
}

/** What a client must be made to do, so that it comes to a breakpoint. */
const wayTo = (breakpoint: Breakpoint): Pick<Life, "atFirstWindow" | "refuses"> => ({
  atFirstWindow: breakpoint === "session given up" ? "gives up" : breakpoint === "moved" ? "removes tower" : undefined,
  refuses: breakpoint === "session terminal"
})

/** A client asks only for what an earlier one has left without an answer. */
const before = (breakpoint: Breakpoint): ReadonlyArray<Breakpoint> =>
  breakpoint === "question sent" || breakpoint === "question answered" ? ["reply read"] : []

/** Those that a client comes to more than once. */
const repeated: ReadonlyArray<Breakpoint> = [
  "state checked",
  "storing the state",
  "state stored",
  "window asked for",
  "binding",
  "window bound",
  "update sent",
  "reply read",
  "acking",
  "at COMMIT",
  "acks stored",
  "copy reported"
]

const afterMs = FastCheck.integer({ min: 0, max: 1000 })
const kills = FastCheck.option(FastCheck.nat(2), { nil: undefined, freq: 3 })

const atBreakpoint: FastCheck.Arbitrary<Life> = FastCheck.record({
  breakpoint: FastCheck.constantFrom(...repeated),
  nth: FastCheck.integer({ min: 1, max: 4 }),
  afterMs,
  kills
}).map(({ afterMs, breakpoint, kills, nth }) => ({ at: { breakpoint, nth }, afterMs, refuses: false, kills }))

const atInstant: FastCheck.Arbitrary<Life> = FastCheck.record({
  atFirstWindow: FastCheck.constantFrom(undefined, undefined, undefined, "gives up" as const, "removes tower" as const),
  afterMs,
  refuses: FastCheck.integer({ min: 0, max: 5 }).map((chance) => chance === 0),
  kills
})

/** A life for each of these breakpoints, then random ones, at least one, until there are that many. */
export const lives = (points: ReadonlyArray<Breakpoint>, count: number, seed: number): ReadonlyArray<Life> => {
  const lifeAt = (breakpoint: Breakpoint, nth: number): Life => ({
    at: { breakpoint, nth: repeated.includes(breakpoint) ? nth : 1 },
    afterMs: 0,
    ...wayTo(breakpoint)
  })
  const named = points.flatMap((breakpoint, n) => [
    ...before(breakpoint).map((earlier) => lifeAt(earlier, 1)),
    lifeAt(breakpoint, 1 + (n % 2))
  ])
  const again = FastCheck.constantFrom(...breakpoints.map((breakpoint) => lifeAt(breakpoint, 1)))
  const random = FastCheck.oneof({ weight: 2, arbitrary: atInstant }, atBreakpoint, again)
  return [...named, ...FastCheck.sample(random, { numRuns: Math.max(1, count - named.length), seed })]
}

/** What has become of what was on its way when a client was killed. */
export const fates = ["nothing", "waiting", "bound only", "the tower's alone"] as const
export type Fate = (typeof fates)[number]

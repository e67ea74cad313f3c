/** A random world of the tower client as plain data: what it is made of, and what happens in it. */
import * as fc from "fast-check"
import type { Route } from "../../../../src/schema/Ids.js"
import type { BackupDb } from "../../../../src/services/BackupDb.js"
import type { ClientDb } from "../../../../src/services/ClientDb.js"
import { type Kind, kinds } from "./kinds.js"
import { firstTaproot, hour, minute, second } from "./world.js"

export type Step =
  | { readonly do: "hand"; readonly states: number; readonly channel: number; readonly process: number }
  | { readonly do: "stop" | "kill"; readonly process: number; readonly route: Route; readonly other: Other }
  | { readonly do: "pause"; readonly process: number; readonly ms: number }
  | { readonly do: "copyDatabase" | "restoreDatabase" }
  | { readonly do: "failingDatabase"; readonly calls: number; readonly stores: boolean }
  | { readonly do: "become"; readonly tower: number; readonly kind: Kind }
  | { readonly do: "wipe" | "forgetLast" | "remove" | "deactivate" | "add"; readonly tower: number }
  | { readonly do: "move"; readonly tower: number; readonly adds: boolean; readonly removes: boolean }
  | { readonly do: "setClock"; readonly ms: number }
  | { readonly do: "terminate"; readonly session: number }
  | { readonly do: "wait" }

/** What a process is started with instead of the world's: undefined is as the world. */
interface Other {
  readonly copies: number | undefined
  readonly window: number | undefined
  /** Is its policy another one? Only where it is alone: processes with one database have one policy. */
  readonly hasOtherFees: boolean
}

/** How long the database takes at most before it does what it is asked, and again before it answers. */
export interface Slow {
  /** Where only one of its operations is slow: all else can happen while that is under way. */
  readonly operation: keyof BackupDb.Service | keyof ClientDb.Service | undefined
  readonly ms: number
}

/**
 * What happens last: a tower stops taking updates while states are handed in, other towers work again, and the first tower may be removed.
 * The sender looks at all states again when a session ends or stalls, or a tower is added or removed. So a state that it has passed over
 * stays missing only if nothing of that kind happens afterwards.
 */
interface End {
  readonly kind: Kind
  /** How many states are handed in before the others answer and after that, and the milliseconds between them. */
  readonly states: number
  readonly every: number
  readonly isRemoved: boolean
  /** How long after the last state it is removed. */
  readonly after: number
  /** Do only as many others answer as there are copies? */
  readonly isEnough: boolean
}

export interface Plan {
  /** How many tower clients are on the database. */
  readonly processes: number
  readonly copies: number
  readonly window: number
  readonly maxUpdates: number
  readonly towers: ReadonlyArray<Kind>
  readonly steps: ReadonlyArray<Step & { readonly after: number }>
  readonly moveAfter: number
  readonly slow: Slow
  readonly end: End
  readonly seed: number
}

const kind = fc.constantFrom(...(Object.keys(kinds) as ReadonlyArray<Kind>))
const tower = fc.integer({ min: 0, max: 4 })
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("hand" as const),
      states: fc.integer({ min: 1, max: 40 }),
      channel: fc.constantFrom(1, 2, 3, firstTaproot),
      process: fc.nat(1)
    })
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom("stop" as const, "kill" as const),
      process: fc.nat(1),
      route: fc.constantFrom<Route>("clear", "clear", "clear", "tor"),
      other: fc.record({
        copies: fc.constantFrom(undefined, undefined, undefined, 1, 2, 3),
        window: fc.constantFrom(undefined, undefined, 1, 5, 32),
        hasOtherFees: fc.constantFrom(false, false, false, true)
      })
    })
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("pause" as const),
      process: fc.nat(1),
      // Some shorter than the lease, some longer.
      ms: fc.integer({ min: 0, max: 2 * minute })
    })
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom("copyDatabase" as const, "restoreDatabase" as const) })
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("failingDatabase" as const),
      calls: fc.integer({ min: 1, max: 6 }),
      stores: fc.boolean()
    })
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("become" as const), tower, kind }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom(
        "wipe" as const,
        "forgetLast" as const,
        "remove" as const,
        "deactivate" as const,
        "add" as const
      ),
      tower
    })
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("move" as const), tower, adds: fc.boolean(), removes: fc.boolean() })
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("setClock" as const),
      ms: fc.oneof(fc.integer({ min: -minute, max: minute }), fc.integer({ min: -24 * hour, max: 24 * hour }))
    })
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("terminate" as const), session: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("wait" as const) }) }
)
const after = fc.oneof(
  fc.integer({ min: 0, max: 300 }),
  fc.integer({ min: 0, max: 5000 }),
  fc.integer({ min: 0, max: 5 * minute })
)
export const plans: fc.Arbitrary<Plan> = fc.record({
  processes: fc.constantFrom(1, 1, 2),
  copies: fc.constantFrom(1, 1, 2, 3),
  window: fc.constantFrom(1, 2, 5, 32),
  maxUpdates: fc.constantFrom(1, 2, 5, 20, 1024),
  towers: fc.array(kind, { minLength: 1, maxLength: 5 }),
  steps: fc.array(
    fc.tuple(step, after).map(([one, ms]) => ({ ...one, after: ms })),
    { minLength: 1, maxLength: 25 }
  ),
  moveAfter: fc.constantFrom(2 * second, 10 * second, minute),
  slow: fc.oneof(
    { weight: 1, arbitrary: fc.record({ operation: fc.constant(undefined), ms: fc.constantFrom(0, 5, 50, 500) }) },
    {
      weight: 2,
      arbitrary: fc.record({
        operation: fc.constantFrom<Slow["operation"]>(
          ...Array.from({ length: 6 }, () => "nextWindow" as const),
          "towerNeeds",
          "listSending",
          "endSession",
          "noteFailure",
          "addBackup",
          "createClientSession",
          "removeTower"
        ),
        ms: fc.constantFrom(500, 5000, 5000)
      })
    }
  ),
  end: fc.record({
    kind: fc.constantFrom("mute", "hangingUp", "hangingUp", "failing40", "slow"),
    states: fc.integer({ min: 1, max: 6 }),
    every: fc.constantFrom(20, 200, 1000),
    isRemoved: fc.boolean(),
    after: fc.oneof(fc.integer({ min: 0, max: 3 * second }), fc.integer({ min: 0, max: 15 * second })),
    isEnough: fc.constantFrom(true, true, true, false)
  }),
  seed: fc.nat()
})

/** The most copies that any of its processes asks for. */
export const mostCopies = ({ copies, steps }: Plan): number =>
  Math.max(copies, ...steps.map((step) => (step.do === "stop" || step.do === "kill" ? (step.other.copies ?? 0) : 0)))

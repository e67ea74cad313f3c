/**
 * A small world as plain data: the same one for the same seed, so that it can be printed, made smaller and run again.
 */
import type { Settings } from "../../../../src/layers/negotiator/Options.js"
import type { Stage } from "../../../../src/layers/testing/TowerScript.js"
import type { Context, Method } from "../../../guarantees/negotiator/context.js"
import * as seeded from "../../../seeded.js"
import type * as Faults from "../faults.js"
import { hour, minute, second } from "../world.js"

/** What a tower does in one connection. */
export type Behaviour =
  | { readonly kind: "good" | "wrongChain" | "requiresUnknown" }
  | { readonly kind: "replies"; readonly code: number; readonly bytes: number }
  | { readonly kind: "ends" | "silent"; readonly stage: Stage }
  | { readonly kind: "garbage" | "wrongMessage" | "errorMessage"; readonly stage: "init" | "reply" }

/** How fast it is, and how long after its last word it hangs up; null: never. In milliseconds. */
export interface Manner {
  readonly latency: number
  readonly hangUpAfter: number | null
}

/** A tower: what it does at its dials, in turn and from the start again, until all is well. `later`: not listed at the beginning. */
export interface TowerPlan {
  readonly addresses: number
  readonly onionOnly: boolean
  readonly later: boolean
  readonly dials: ReadonlyArray<Behaviour & Manner>
  readonly whenWell: Manner
}

export type Operation =
  | "nextSessionKeyIndex"
  | "freeSessionKeyIndex"
  | "createClientSession"
  | "saveStanding"
  | "loadStandings"
  | "deriveKey"
  | "ecdh"

/** Of calls `from` to `to` of an operation. */
export interface Fault extends Faults.Fault {
  readonly operation: Operation
  readonly from: number
  readonly to: number
}

/** When something is over: that many milliseconds later, or in the step of the event with that number. */
export type End = { readonly after: number } | { readonly event: number }

/** What is done to the negotiator and around it, in the order of time. */
export type Action =
  | { readonly at: number; readonly what: "add" | "remove"; readonly tower: number; readonly address: number | null }
  | { readonly at: number; readonly what: "jump"; readonly by: number }
  | { readonly at: number; readonly what: "request" }
  | { readonly at: number; readonly what: Method; readonly end: End | null }

export interface Plan {
  readonly seed: number
  readonly yieldEvery: number | null
  readonly settings: Context["settings"] & Pick<Settings, "maxPending" | "quarantineProbe">
  /** Has the transport timeouts of its own? */
  readonly patient: boolean
  readonly towers: ReadonlyArray<TowerPlan>
  readonly faults: ReadonlyArray<Fault>
  readonly actions: ReadonlyArray<Action>
  /** From then on towers, database and key ring are well. */
  readonly wellAt: number
  /** The scope is closed then, instead. */
  readonly stop: End | null
}

const stages: ReadonlyArray<Stage> = ["dial", "actTwo", "sendInit", "init", "sendCreateSession", "reply"]

/** The plan of a seed. */
export const make = (seed: number): Plan => {
  const draw = seeded.make(seed)
  for (let i = 0; i < 3; i++) draw()
  const below = (count: number) => Math.floor(draw() * count)
  const chance = (part: number) => draw() < part
  const one = <A>(...choices: readonly [A, ...Array<A>]): A => {
    const choice = choices[below(choices.length)]
    return choice === undefined ? choices[0] : choice
  }
  const many = <A>(count: number, make: () => A): ReadonlyArray<A> => Array.from({ length: count }, make)
  /** Instants fall together now and then. */
  const time = (limit: number) => (chance(0.6) ? 100 * below(limit / 100) : below(limit))

  const manner = (): Manner => ({
    latency: one(0, 0, 10, 50, 100, 300, 900, 1500),
    hangUpAfter: one(0, 0, 0, 100, 500, 2000, 3000, null)
  })
  const behaviour = (): Behaviour => {
    switch (below(9)) {
      case 0:
      case 1:
        return { kind: "good" }
      case 2:
      case 3: {
        const code = one(0, 40, 50, 60, 60, 61, 62, 63, 64, 70, 65535)
        return { kind: "replies", code, bytes: one(0, 0, 22, 1024, 1025) }
      }
      case 4:
        return { kind: "ends", stage: one("dial", ...stages) }
      case 5:
        return { kind: "silent", stage: one("dial", ...stages) }
      case 6:
        return { kind: "garbage", stage: one("init", "reply") }
      case 7:
        return { kind: one("wrongMessage", "errorMessage"), stage: one("init", "reply") }
      default:
        return { kind: one("wrongChain", "requiresUnknown", "good") }
    }
  }
  const tower = (): TowerPlan => ({
    addresses: one(0, 1, 1, 1, 2, 3),
    onionOnly: chance(0.05),
    later: chance(0.15),
    dials: many(1 + below(3), () => ({ ...behaviour(), ...manner() })),
    whenWell: manner()
  })

  const span = one(5 * second, 20 * second, minute, 3 * minute)
  const fault = (): Fault => {
    const operation = one<Operation>(
      "nextSessionKeyIndex",
      "freeSessionKeyIndex",
      "freeSessionKeyIndex",
      "createClientSession",
      "createClientSession",
      "saveStanding",
      "loadStandings",
      "deriveKey",
      "ecdh"
    )
    const from = 1 + below(6)
    const failure = operation === "createClientSession" ? "unknown" : "fails"
    const ofRing = operation === "deriveKey" || operation === "ecdh"
    return {
      operation,
      from,
      to: from + one(0, 0, 1, 5, 1000),
      takes: one(0, 0, 0, 100, 700, 3000, ofRing ? null : 5000),
      outcome: one("well", failure, failure, "failsAfterwards")
    }
  }
  const end = (): End | null =>
    chance(0.5) ? null : chance(0.5) ? { after: one(0, 1, 100, time(span)) } : { event: 1 + below(80) }
  const towers = many(1 + below(5), tower)
  const action = (): Action => {
    const at = time(span)
    switch (below(10)) {
      case 0:
      case 1:
      case 2:
        return { at, what: "next", end: end() }
      case 3:
        return { at, what: "request" }
      case 4:
        return { at, what: one("take", "take", "stream"), end: end() }
      case 5:
      case 6:
        return { at, what: "add", tower: 1 + below(towers.length), address: one(1, 1, 2, 3) }
      case 7:
        return { at, what: "remove", tower: 1 + below(towers.length), address: one(null, null, 1, 2) }
      default:
        return { at, what: "next", end: null }
    }
  }
  const negotiates = chance(0.3)
  const jumps = chance(0.15)
  const actions = [
    ...many(1 + below(8), action),
    ...(negotiates ? many(1 + below(3), (): Action => ({ at: time(span), what: "negotiate", end: end() })) : []),
    ...(jumps
      ? many(1 + below(2), (): Action => ({ at: time(span), what: "jump", by: one(1, -1) * one(second, minute, hour) }))
      : [])
  ].sort((a, b) => a.at - b.at)

  const minBackoff = one(second, 3 * second, 10 * second)
  return {
    seed,
    yieldEvery: chance(0.5) ? 100 : null,
    settings: {
      minBackoff,
      maxBackoff: minBackoff * one(1, 3, 8, 30),
      hedgeDelay: one(100, second, second, 5 * second),
      maxHedged: one(1, 2, 8),
      maxPending: one(1, 1, 3),
      maxKeyAttempts: one(1, 3, 3),
      visitTimeout: one(5 * second, 20 * second, 90 * second),
      quarantineProbe: one(20 * second, 5 * minute),
      hangUpWait: 2 * second
    },
    patient: chance(0.3),
    towers,
    faults: chance(0.5) ? [] : many(1 + below(3), fault),
    actions,
    wellAt: span,
    stop: chance(0.3) ? (chance(0.5) ? { after: time(span) } : { event: 1 + below(120) }) : null
  }
}

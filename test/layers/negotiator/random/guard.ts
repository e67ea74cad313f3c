/** What the guards of a world share. A guard hears each event in its step and is asked whenever time is about to pass. */
import type { PublicKey } from "../../../../src/schema/Ids.js"
import type { NegotiatorEvent } from "../../../../src/schema/NegotiatorEvent.js"
import type { NegotiatorStatus } from "../../../../src/schema/NegotiatorStatus.js"
import type { Tower } from "../../../../src/schema/Tower.js"
import type { World } from "../world.js"
import type { Plan } from "./plan.js"

/** What a guard can see of its world. */
export interface Scene {
  readonly plan: Plan
  readonly world: () => World
  /** The monotonic clock, in milliseconds. */
  readonly now: () => number
  readonly wall: () => number
  readonly status: () => NegotiatorStatus
  readonly candidates: () => ReadonlyArray<Tower>
  /** The longest that a call of the database takes. */
  readonly slowest: number
  /** What people did so far. */
  readonly deeds: {
    /** The towers that were added, or an address of them. */
    readonly additions: Array<PublicKey>
    /** Times that `negotiate` was withdrawn. */
    calledOff: number
    jumps: number
  }
  readonly fail: (rule: string) => void
}

export interface Guard {
  readonly hear: (event: NegotiatorEvent) => void
  /** Nothing more happens at this instant; nothing will happen before that one. */
  readonly pass?: (until: number) => void
}

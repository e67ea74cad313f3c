/**
 * Watches how session keys are shown (docs/negotiation.md, G2 and G3).
 *
 * @since 0.1.0
 */
import type { Instant, PublicKey } from "../../schema/Ids.js"
import { shownKeyRestMs } from "../../schema/Reservation.js"
import type { Dial } from "./TowerScript.js"

/**
 * What must not happen with a session key: two live connections with it; shown again although neither the tower's end was
 * seen nor 2 s have passed since it was closed; shown to two towers.
 *
 * @since 0.1.0
 * @category models
 */
export interface Violation {
  readonly rule: "one connection for a key" | "a shown key rests" | "one tower for a key"
  readonly at: Instant
  readonly dial: Dial
}

/** What is known of a key: who saw it, in how many live connections, and how the last one ended. */
interface Use {
  readonly tower: PublicKey
  live: number
  ended: boolean
  closedAt: bigint
}

/** @since 0.1.0 @category models */
export interface KeyWatch {
  readonly violations: ReadonlyArray<Violation>
  /** Act three is written, at a monotonic time in nanoseconds. */
  readonly shown: (dial: Dial, at: Instant, nanos: bigint) => void
  readonly closed: (dial: Dial, nanos: bigint) => void
}

/** @since 0.1.0 @category constructors */
export const make = (): KeyWatch => {
  const violations: Array<Violation> = []
  const uses = new Map<PublicKey, Use>()
  return {
    violations,
    shown: (dial, at, nanos) => {
      const use = uses.get(dial.publicKey) ?? { tower: dial.tower, live: 0, ended: true, closedAt: nanos }
      uses.set(dial.publicKey, use)
      if (use.tower !== dial.tower) violations.push({ rule: "one tower for a key", at, dial })
      if (use.live > 0) violations.push({ rule: "one connection for a key", at, dial })
      else if (!use.ended && nanos - use.closedAt < BigInt(shownKeyRestMs) * 1_000_000n) {
        violations.push({ rule: "a shown key rests", at, dial })
      }
      use.live += 1
    },
    closed: (dial, nanos) => {
      const use = dial.shownAt === undefined ? undefined : uses.get(dial.publicKey)
      if (use === undefined) return
      use.live -= 1
      use.ended = dial.endedAt !== undefined
      use.closedAt = nanos
    }
  }
}

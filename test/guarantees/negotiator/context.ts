/** What the guarantees may know of a negotiator's world, in one run: from the start of its layer to the end of its scope. */
import type { Settings } from "../../../src/layers/negotiator/Options.js"
import type { ScriptedTowerTransport } from "../../../src/layers/testing/ScriptedTowerTransport.js"
import type { PublicKey, SessionId } from "../../../src/schema/Ids.js"
import type * as Event from "../../../src/schema/NegotiatorEvent.js"
import type { NegotiatorStatus } from "../../../src/schema/NegotiatorStatus.js"
import type * as Guarantees from "../guarantee.js"
import type { Calls, Records } from "./database.js"

export type Guarantee = Guarantees.Guarantee<Event.NegotiatorEvent>

type Lengths = "minBackoff" | "maxBackoff" | "hedgeDelay" | "visitTimeout" | "hangUpWait"

/** Times are in milliseconds. Arrays grow as the run goes on. */
export interface Context {
  readonly settings: Pick<Settings, Lengths | "maxHedged" | "maxKeyAttempts">
  /** The monotonic clock. */
  readonly now: () => number
  readonly wall: () => number
  /** When the wall clock was set last, by the monotonic clock; -Infinity if it never was. */
  readonly clockSetAt: () => number
  /** Fibers yield to each other everywhere: an event may then come late. */
  readonly yields: boolean
  readonly violate: Guarantees.Violate
  readonly status: () => NegotiatorStatus
  /** The listed towers that the guarantees are about. None of them was quarantined before this run. */
  readonly candidates: () => Iterable<PublicKey>
  /** The towers that were added, or an address of them. */
  readonly additions: ReadonlyArray<PublicKey>
  /** The towers whose last visit before this run failed. */
  readonly failedBefore: Iterable<PublicKey>
  readonly callers: Callers
  /** The connections that are open, and what was violated with keys. */
  readonly transport: Pick<ScriptedTowerTransport, "open" | "violations">
  readonly records: Records
  readonly calls: Calls
  /** The longest that a call of the database takes. */
  readonly slowestCall: number
  /** How many sleeps and fibers there are. */
  readonly timers: () => number
  readonly fibers: () => number
}

export interface Callers {
  /** The sessions that callers have received, and whether `negotiate` returned them. */
  readonly received: ReadonlyArray<{ readonly id: SessionId; readonly byNegotiate: boolean }>
  /** The callers that were interrupted, and when. */
  readonly interrupted: ReadonlyArray<{ readonly at: number; readonly method: Method }>
  /** Is there one whose request must be in the status? */
  readonly isRequested: () => boolean
  /** Since when one waits that could have been served since then, and how long it may have to. */
  readonly waitsSince: () => number | undefined
  readonly patience: () => number
  /** How many stored sessions may be neither delivered nor undelivered when the run is stopped. */
  readonly mayBeLost: () => number
}

/** How a caller asks for sessions. */
export type Method = "next" | "take" | "stream" | "negotiate"

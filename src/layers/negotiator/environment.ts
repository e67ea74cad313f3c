/**
 * What all parts of one negotiator share: its ports, its rules and settings, and the few variables that more than one part
 * reads.
 *
 * @since 0.1.0
 */
import type { Reservation } from "../../schema/Reservation.js"
import type { Tower } from "../../schema/Tower.js"
import type { TowerAddress } from "../../schema/TowerAddress.js"
import type { CreateSession } from "../../schema/wire/CreateSession.js"
import type { Init } from "../../schema/wire/Init.js"
import type { ClientDb } from "../../services/ClientDb.js"
import type { KeyRing } from "../../services/KeyRing.js"
import type { TowerCandidates } from "../../services/TowerCandidates.js"
import type { TowerTransport } from "../../services/TowerTransport.js"
import type { Book } from "./book.js"
import type { Pick } from "./candidates.js"
import type { Condition } from "./condition.js"
import type { Journal } from "./journal.js"
import type { Settings } from "./Options.js"
import type { Rules } from "./Rules.js"

/**
 * A reservation whose freeing write failed, and when its key may be shown again (monotonic); or one that was to be ended,
 * since its key was used.
 *
 * @since 0.1.0
 * @category models
 */
export interface LeftReservation {
  readonly reservation: Reservation
  readonly freeFrom: number
  readonly isUsed: boolean
}

/** What happened to a tower since it is watched. @since 0.1.0 @category models */
export interface Watch {
  /** Was it, or that address of it, removed? */
  readonly isRemoved: (address?: TowerAddress) => boolean
  /** Was it, or an address of it, added? */
  readonly isAdded: () => boolean
}

/** Changes of the candidate list, counted. @since 0.1.0 @category models */
export interface News {
  /** How many towers and addresses were added so far. */
  readonly additions: () => number
  /** What happens to a tower from now on. */
  readonly watch: (tower: Tower) => Watch
}

/** @since 0.1.0 @category models */
export interface Environment {
  readonly settings: Settings
  /** What every tower is told: who we are, and what we ask for. */
  readonly init: Init
  readonly createSession: CreateSession
  readonly rules: Rules
  readonly db: ClientDb.Service
  readonly keyRing: KeyRing.Service
  readonly transport: TowerTransport.Service
  readonly book: Book
  readonly journal: Journal
  readonly pick: Pick
  readonly listCandidates: TowerCandidates.Service["list"]
  readonly news: News
  /** Reservations of this process whose freeing write failed. */
  readonly left: Set<LeftReservation>
  /** Signalled when news comes, when a visit ends, and when a claim changes. */
  readonly pulse: Condition
}

/**
 * What all parts of one negotiator share: its ports, its rules and settings, and the few variables that more than one part
 * reads.
 *
 * @since 0.1.0
 */
import type { CreateSession } from "../../schema/wire/CreateSession.js"
import type { Init } from "../../schema/wire/Init.js"
import type { ClientDb } from "../../services/ClientDb.js"
import type { KeyRing } from "../../services/KeyRing.js"
import type { TowerTransport } from "../../services/TowerTransport.js"
import type { Book } from "./book.js"
import type { CandidateChanges } from "./candidateChanges.js"
import type { Pick } from "./candidates.js"
import type { Condition } from "./condition.js"
import type { Journal } from "./journal.js"
import type { Settings } from "./Options.js"
import type { Rules } from "./Rules.js"
import type { Unreleased } from "./unreleased.js"

/** @since 0.1.0 @category models */
export interface Environment {
  /** The key of the negotiator's tag: which of several it is. */
  readonly name: string
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
  readonly candidates: CandidateChanges
  readonly unreleased: Unreleased
  /** Signalled when the candidate list changes, when a visit ends, and when a claim changes. */
  readonly pulse: Condition
}

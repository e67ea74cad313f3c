/**
 * What all parts of one negotiator share: its ports, its rules and settings, and what it knows of the towers.
 *
 * @since 0.1.0
 */
import type { CreateSession } from "../../schema/wire/CreateSession.js"
import type { Init } from "../../schema/wire/Init.js"
import type { ClientDb } from "../../services/ClientDb.js"
import type { KeyRing } from "../../services/KeyRing.js"
import type { TowerTransport } from "../../services/TowerTransport.js"
import type { Alarm } from "../concurrency/alarm.js"
import type { Mutex } from "../concurrency/mutex.js"
import type { CandidateChanges } from "./candidateChanges.js"
import type { Events } from "./events.js"
import type { Settings } from "./Options.js"
import type { Rules } from "./Rules.js"
import type { Pick } from "./ranking.js"
import type { Standings } from "./standings.js"
import type { Unreleased } from "./unreleased.js"

/** @since 0.1.0 @category models */
export interface Environment {
  /** The key of the negotiator's tag: which of several it is. */
  readonly name: string
  readonly settings: Settings
  /** What every tower is sent: who we are, and what we ask for. */
  readonly init: Init
  readonly createSession: CreateSession
  readonly rules: Rules
  readonly db: ClientDb.Service
  readonly keyRing: KeyRing.Service
  readonly transport: TowerTransport.Service
  readonly candidates: CandidateChanges
  readonly pick: Pick
  readonly standings: Standings
  readonly unreleased: Unreleased
  readonly events: Events
  /** For the waits of the loop, of rounds and of visits. */
  readonly alarm: Alarm
  /** Rounds exclude each other, those of the loop and those of `negotiate`. */
  readonly oneRound: Mutex
  /** The number of the next round, from 1. */
  readonly nextRound: () => number
}

/**
 * What all parts of one tower client share: its ports, its settings, its events.
 *
 * @since 0.1.0
 */

import type { Happening, TowerClientEvent } from "../../schema/TowerClientEvent.js"
import type { TowerClientStatus } from "../../schema/TowerClientStatus.js"
import type { BackupDb } from "../../services/BackupDb.js"
import type { KeyRing } from "../../services/KeyRing.js"
import type { TowerCandidates } from "../../services/TowerCandidates.js"
import type { TowerTransport } from "../../services/TowerTransport.js"
import type { EventLog } from "../support/eventLog.js"
import type { Settings } from "./Options.js"

/** @since 0.1.0 @category models */
export interface Environment {
  readonly settings: Settings
  readonly db: BackupDb.Service
  readonly keyRing: KeyRing.Service
  readonly towers: TowerCandidates.Service
  readonly transport: TowerTransport.Service
  readonly events: EventLog<Happening, TowerClientStatus>
}

/** @since 0.1.0 @category models */
export type { TowerClientEvent }

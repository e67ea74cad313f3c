/**
 * What all parts of one tower client share: its ports, its settings, its events.
 *
 * @since 0.1.0
 */

import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { DbError } from "../../schema/DbError.js"
import { Happening } from "../../schema/TowerClientEvent.js"
import type { TowerClientStatus } from "../../schema/TowerClientStatus.js"
import type { BackupDb } from "../../services/BackupDb.js"
import type { KeyRing } from "../../services/KeyRing.js"
import type { TowerCandidates } from "../../services/TowerCandidates.js"
import type { TowerTransport } from "../../services/TowerTransport.js"
import type { Alarm } from "../concurrency/alarm.js"
import type { EventLog } from "../support/eventLog.js"
import { writeOutTrace } from "../support/writeOutTrace.js"
import type { Settings } from "./Options.js"

/** @since 0.1.0 @category models */
export interface Environment {
  readonly settings: Settings
  /** That of all fibers of the client: in a synchronous step it is asked without an effect. */
  readonly clock: Clock.Clock
  /** For the time limits, most of which are called off: one or two fibers sleep for all of them. */
  readonly alarm: Alarm
  readonly db: BackupDb.Service
  readonly keyRing: KeyRing.Service
  readonly towers: TowerCandidates.Service
  readonly transport: TowerTransport.Service
  readonly events: EventLog<Happening, TowerClientStatus>
  /** Run at the end of an operation that never waited, so that timers and sockets get their turn. */
  readonly giveWay: Effect.Effect<void>
}

/** Tells that the database does not do its part, and when it is asked again. @since 0.1.0 @category combinators */
export const tellDatabaseFailed = ({ events }: Environment, failure: DbError, waitMs: number) =>
  Effect.map(Clock.currentTimeMillis, (now) => {
    // The status shows the last one for as long as this process runs.
    writeOutTrace(failure)
    events.emit(Happening.DatabaseFailed({ failure, until: now + waitMs }))
  })

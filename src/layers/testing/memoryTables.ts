/**
 * The tables that the databases in memory share: a backup is bound to a session of a tower.
 *
 * @since 0.1.0
 */
import type { ClientSession } from "../../schema/ClientSession.js"
import type { Instant, Route, SessionId, TowerId } from "../../schema/Ids.js"
import type { SessionEnd } from "../../schema/StoredBackup.js"
import type { Tower } from "../../schema/Tower.js"

/** @since 0.1.0 @category models */
export interface TowerRow {
  readonly tower: Tower
  readonly removed: boolean
}

/** @since 0.1.0 @category models */
export interface SessionRow {
  session: ClientSession
  readonly route: Route
  failingSince?: Instant | undefined
  refusals: number
  end?: SessionEnd | undefined
}

/** @since 0.1.0 @category models */
export interface Tables {
  readonly towers: Map<TowerId, TowerRow>
  readonly sessions: Map<SessionId, SessionRow>
  /** The same rows, by ascending key index. */
  readonly byKeyIndex: Array<SessionRow>
}

/** @since 0.1.0 @category constructors */
export const newTables = (): Tables => ({ towers: new Map(), sessions: new Map(), byKeyIndex: [] })

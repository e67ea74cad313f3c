/**
 * The tables that the databases in memory share: a backup is bound to a session of a tower.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { type ClientSession, SessionEnd } from "../../schema/ClientSession.js"
import type { Instant, Route, SessionId, TowerId } from "../../schema/Ids.js"
import type { Tower } from "../../schema/Tower.js"

/** @since 0.1.0 @category models */
export interface TowerRow {
  readonly tower: Tower
  readonly removed: boolean
}

/** Is the tower neither removed nor deactivated? @since 0.1.0 @category guards */
export const isTowerInUse = (row: TowerRow | undefined): boolean =>
  row !== undefined && !row.removed && row.tower.status === "active"

/** @since 0.1.0 @category models */
export interface SessionRow {
  session: ClientSession
  readonly route: Route
  failingSince?: Instant | undefined
  refusals: number
}

/** Was the session given up, or lost? @since 0.1.0 @category guards */
export const hasEnded = ({ session }: SessionRow): boolean => Schema.is(SessionEnd)(session.status)

/** @since 0.1.0 @category models */
export interface Tables {
  readonly towers: Map<TowerId, TowerRow>
  readonly sessions: Map<SessionId, SessionRow>
  /** The same rows, by ascending key index. */
  readonly byKeyIndex: Array<SessionRow>
}

/** @since 0.1.0 @category constructors */
export const newTables = (): Tables => ({ towers: new Map(), sessions: new Map(), byKeyIndex: [] })

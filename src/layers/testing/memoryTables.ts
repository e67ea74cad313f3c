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

const isEnd = Schema.is(SessionEnd)

/** Was the session given up, or lost? @since 0.1.0 @category guards */
export const hasEnded = ({ session }: SessionRow): boolean => isEnd(session.status)

/** The place of the first item with a greater number, in a list by ascending numbers. @since 0.1.0 @category combinators */
export const placeAfter = <A>(list: ReadonlyArray<A>, numberOf: (item: A) => number, number: number): number => {
  let [low, high] = [0, list.length]
  while (low < high) {
    const middle = (low + high) >> 1
    const item = list[middle]
    if (item === undefined || numberOf(item) <= number) low = middle + 1
    else high = middle
  }
  return low
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

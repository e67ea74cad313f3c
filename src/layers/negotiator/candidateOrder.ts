/**
 * The candidates in the order in which they are asked (docs/negotiation.md, A round). A place changes with its tower's standing and with
 * the time, one at a time: to look at all towers for each visit would let a session cost what the list is long.
 *
 * @since 0.1.0
 */
import type { Instant, TowerId } from "../../schema/Ids.js"
import type { Tower } from "../../schema/Tower.js"
import type { Settings } from "./Options.js"
import * as Standing from "./standingTransitions.js"

/** The towers of one list. @since 0.1.0 @category models */
export interface CandidateOrder {
  readonly towers: ReadonlyArray<Tower>
  /** The time for which the places hold: they are made again for an earlier one. */
  readonly time: () => Instant
  /** Finds the place of a tower of the list whose standing has changed. */
  readonly move: (tower: TowerId) => void
  /**
   * The next candidate among towers not yet visited: at the beginning of a round first the tower whose rest has ended and
   * that was visited longest ago, so that a recovered tower returns; then those whose last visit did not fail, the last
   * session longest ago first: that is the rotation; then the others whose rest has ended; then those that rest.
   */
  readonly next: (now: Instant, visited: ReadonlySet<TowerId>) => Tower | undefined
}

/** `quarantined` ones are left out until they may be asked again. */
type Group = "recovered" | "fine" | "resting" | "quarantined"

interface Place {
  readonly tower: Tower
  readonly group: Group
  /** A group is sorted by it; of the same instant, by the position in the list. */
  readonly since: number
  readonly position: number
}

/** The place of each tower. @since 0.1.0 @category constructors */
export const make = (
  towers: ReadonlyArray<Tower>,
  standings: ReadonlyMap<TowerId, Standing.Standing>,
  settings: Settings,
  begin: Instant
): CandidateOrder => {
  let time = begin
  const placeOf = (tower: Tower, position: number): Place => {
    const standing = Standing.of(standings, tower.id)
    const probe = Standing.probeAt(standing, settings)
    if (probe !== undefined && probe > time) return { tower, group: "quarantined", since: probe, position }
    const rests = Standing.restEnd(standing, settings)
    if (rests === undefined)
      return { tower, group: "fine", since: standing.lastSession ?? Number.NEGATIVE_INFINITY, position }
    if (rests > time) return { tower, group: "resting", since: rests, position }
    return { tower, group: "recovered", since: standing.lastVisit ?? Number.NEGATIVE_INFINITY, position }
  }

  const groups: Record<Group, Array<Place>> = { recovered: [], fine: [], resting: [], quarantined: [] }
  const places = new Map<TowerId, Place>()
  for (const [position, tower] of towers.entries()) {
    // A list of one's own may name a tower twice: the place that is not in the map would never move.
    if (places.has(tower.id)) continue
    const place = placeOf(tower, position)
    places.set(tower.id, place)
    groups[place.group].push(place)
  }
  for (const group of Object.values(groups)) group.sort(compare)

  const move = (id: TowerId): void => {
    const before = places.get(id)
    if (before === undefined) return
    const group = groups[before.group]
    group.splice(indexIn(group, before), 1)
    const after = placeOf(before.tower, before.position)
    places.set(id, after)
    groups[after.group].splice(indexIn(groups[after.group], after), 0, after)
  }
  /** Those whose time has come. */
  const release = (group: Array<Place>): void => {
    for (let first = group[0]; first !== undefined && first.since <= time; first = group[0]) move(first.tower.id)
  }

  return {
    towers,
    time: () => time,
    move,
    next: (now, visited) => {
      time = now
      release(groups.quarantined)
      release(groups.resting)
      const { fine, recovered, resting } = groups
      for (const group of visited.size === 0 ? [recovered, fine, resting] : [fine, recovered, resting]) {
        const place = group.find(({ tower }) => !visited.has(tower.id))
        if (place !== undefined) return place.tower
      }
      return undefined
    }
  }
}

const compare = (one: Place, other: Place): number =>
  one.since === other.since ? one.position - other.position : one.since < other.since ? -1 : 1

/** Where a place is in its group, or is to be. */
const indexIn = (group: ReadonlyArray<Place>, place: Place): number => {
  let [low, high] = [0, group.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    const found = group[middle]
    if (found !== undefined && compare(found, place) < 0) low = middle + 1
    else high = middle
  }
  return low
}

/**
 * What has happened between two looks at a client's database, a line each.
 *
 * @since 0.1.0
 */
import * as Record from "effect/Record"
import { countLine, type Status } from "./status.js"
import { failureWords, readinessLine, type TowerStatus } from "./towerStatus.js"

const ofTower = (before: TowerStatus | undefined, after: TowerStatus, now: number): ReadonlyArray<string> => {
  const { readiness, standing, tower } = after
  if (before === undefined) return [`was added, at ${tower.addresses.join(", ")}`]
  const sessions = standing.sessions - before.standing.sessions
  const failures = Record.map(
    standing.failuresByKind,
    (count, kind) => count - (before.standing.failuresByKind[kind] ?? 0)
  )
  const moved = tower.addresses.join() === before.tower.addresses.join() ? [] : [`is at ${tower.addresses.join(", ")}`]
  return [
    ...moved,
    ...(sessions > 0 ? [sessions === 1 ? "gave a session" : `gave ${sessions} sessions`] : []),
    ...failureWords(Record.filter(failures, (count) => count > 0)),
    ...(stateOf(before) === stateOf(after) ? [] : [readinessLine(readiness, now)])
  ]
}

const stateOf = ({ readiness }: TowerStatus): string =>
  "until" in readiness ? `${readiness._tag} ${readiness.until}` : readiness._tag

/** What is new, the oldest first. @since 0.1.0 @category combinators */
export const news = (before: Status, after: Status): ReadonlyArray<string> => {
  const known = new Map(before.towers.map((one) => [one.tower.id, one]))
  const left = new Set(after.towers.map(({ tower }) => tower.id))
  const counted = new Set(before.sessions.map(countLine))
  return [
    ...before.towers.flatMap(({ tower }) => (left.has(tower.id) ? [] : [`tower ${tower.id}: was removed`])),
    ...after.towers.flatMap((one) =>
      ofTower(known.get(one.tower.id), one, after.now).map((what) => `tower ${one.tower.id}: ${what}`)
    ),
    ...after.sessions.map(countLine).filter((line) => !counted.has(line))
  ]
}

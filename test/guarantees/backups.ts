/** The guarantees of docs/backups.md that the events of a tower client show: B1 in part, B5 and B8. */
import type { TowerClientEvent } from "../../src/schema/TowerClientEvent.js"
import { hour, minute } from "../layers/negotiator/world.js"
import { violations } from "./guarantee.js"

/**
 * A state waits at most for a tower that took it and fell silent (`moveAfter`), for its window (`windowTimeout`), and for the
 * hedges up to a good tower, once for each copy.
 */
const longestDelay = (copies: number) => copies * 3 * minute

/** W3 of docs/backups.md: a tower that gives sessions and refuses their updates is dialled 32 times an hour. */
const mostConnections = 40

/** Watches the events of all lives of a client that makes this many copies. */
export const watch = (copies: number) => {
  let at = 0
  let disturbedAt = Number.NEGATIVE_INFINITY
  const { found, violate } = violations(() => at)
  const keptAt = new Map<string, { readonly at: number; readonly towers: Set<number> }>()
  const towerOf = new Map<string, number>()
  const contacts = new Map<number, Array<number>>()
  const delays = { sum: 0, count: 0, worst: 0 }
  const counts = { copies: 0, lost: 0, sessions: 0, worstHour: 0 }
  /** Which states each tower has confirmed. */
  const confirmed = new Map<number, Array<readonly [channel: string, height: number]>>()
  const onEvent = (event: TowerClientEvent) => {
    const { happening } = event
    at = event.at
    switch (happening._tag) {
      case "StateKept":
        keptAt.set(`${happening.channelId} ${happening.commitHeight}`, { at, towers: new Set() })
        break
      case "CopyMade": {
        counts.copies += 1
        const there = confirmed.get(happening.towerId) ?? []
        there.push([happening.channelId, happening.commitHeight])
        confirmed.set(happening.towerId, there)
        const id = `${happening.channelId} ${happening.commitHeight}`
        const state = keptAt.get(id)
        state?.towers.add(happening.towerId)
        if (state === undefined || state.towers.size < copies) break
        keptAt.delete(id)
        if (state.at <= disturbedAt) break
        const delay = at - state.at
        delays.sum += delay
        delays.count += 1
        delays.worst = Math.max(delays.worst, delay)
        if (delay > longestDelay(copies)) violate("B5", `state ${id} had its copies after ${delay} ms`)
        break
      }
      case "ContactStarted": {
        const { session, towerId } = happening
        const known = towerOf.get(session)
        if (known !== undefined && known !== towerId) violate("B8", `session ${session} is used at two towers`)
        towerOf.set(session, towerId)
        const recent = (contacts.get(towerId) ?? []).filter((before) => before > at - hour)
        recent.push(at)
        contacts.set(towerId, recent)
        counts.worstHour = Math.max(counts.worstHour, recent.length)
        if (recent.length > mostConnections)
          violate("B5", `tower ${towerId} was contacted ${recent.length} times in an hour and took no update`)
        break
      }
      case "Acked":
        contacts.delete(happening.towerId)
        break
      case "SessionLost":
        counts.lost += happening.lost
        break
      case "SessionTaken":
        counts.sessions += 1
        break
      case "Stopped":
        violate("B1", `the sender has ended: ${String(happening.cause)}`)
        break
      default:
    }
  }
  const disturb = (now: number) => {
    disturbedAt = now
  }
  return { onEvent, violate, found, disturb, counts, delays, confirmed }
}

/** What sessions cost in this process, and how that is printed. */
import { monitorEventLoopDelay, PerformanceObserver } from "node:perf_hooks"
import type { Column } from "./figures.js"

/** Sessions a second, and milliseconds of a session; lnd's negotiator tells the first four. */
export interface Figures {
  readonly rate: number
  readonly p50: number
  readonly p99: number
  readonly cpu: number
  readonly block?: number
  readonly collections?: number
  readonly collecting?: number
}

export const columns: ReadonlyArray<Column<Figures>> = [
  ["sessions/s", "rate"],
  ["p50 ms", "p50"],
  ["p99 ms", "p99"],
  ["CPU ms", "cpu"],
  ["longest block ms", "block"],
  ["collections", "collections"],
  ["collecting ms", "collecting"]
]

/** Of the milliseconds that each session took. */
export const percentiles = (times: ReadonlyArray<number>): Pick<Figures, "p50" | "p99"> => {
  const sorted = [...times].sort((a, b) => a - b)
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] ?? 0
  return { p50: at(0.5), p99: at(0.99) }
}

export interface Meter {
  /** Records how many milliseconds a session took. */
  readonly took: (time: number) => void
  readonly stop: () => Required<Figures>
}

/** Measures from now on, so that what was warmed up before does not count. */
export const start = (): Meter => {
  const times: Array<number> = []
  let collections = 0
  let collecting = 0
  const count = (entries: ReadonlyArray<{ readonly duration: number }>) => {
    collections += entries.length
    for (const { duration } of entries) collecting += duration
  }
  const observer = new PerformanceObserver((list) => count(list.getEntries()))
  observer.observe({ entryTypes: ["gc"] })
  const loop = monitorEventLoopDelay({ resolution: 1 })
  loop.enable()
  const used = process.cpuUsage()
  const began = performance.now()
  return {
    took: (time) => void times.push(time),
    stop: () => {
      const elapsed = performance.now() - began
      const { system, user } = process.cpuUsage(used)
      loop.disable()
      // The observer is told in a later turn of the event loop: without this the last collections would be missing.
      count(observer.takeRecords())
      observer.disconnect()
      return {
        rate: (1000 * times.length) / elapsed,
        ...percentiles(times),
        cpu: (system + user) / 1000 / times.length,
        block: loop.max / 1e6,
        collections: collections / times.length,
        collecting: collecting / times.length
      }
    }
  }
}

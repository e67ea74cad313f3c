/** The faults of a plan, until all is well. */
import type { NextFault } from "../faults.js"
import type { Fault } from "./plan.js"

export interface Faults {
  readonly next: NextFault
  /** From now on calls are counted and faults happen; before and afterwards all is well. */
  readonly begin: () => void
  readonly end: () => void
  /** The longest that a call takes, in milliseconds. */
  readonly slowest: number
}

export const make = (faults: ReadonlyArray<Fault>): Faults => {
  const counts = new Map<string, number>()
  let isActive = false
  return {
    next: (operation) => {
      if (!isActive) return undefined
      const count = (counts.get(operation) ?? 0) + 1
      counts.set(operation, count)
      return faults.find((fault) => fault.operation === operation && fault.from <= count && count <= fault.to)
    },
    begin: () => {
      isActive = true
    },
    end: () => {
      isActive = false
    },
    slowest: Math.max(0, ...faults.map(({ takes }) => takes ?? 0))
  }
}

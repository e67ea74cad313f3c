/** Faults now and then: of the database, which is also away for minutes on end, and of the key ring. */
import type { Fault, NextFault } from "../layers/negotiator/faults.js"
import { minute } from "../layers/negotiator/world.js"
import type { Chance } from "./chance.js"

export interface Faults {
  readonly next: NextFault
  /** All operations of the database fail while this is true. */
  outage: boolean
}

/** No operation of the database takes longer, in milliseconds: the adapter's `storeTimeout`. */
export const slowest = 5_000

/** `onFault` is called for each failure and each slow answer. */
export const make = (chance: Chance, onFault: () => void): Faults => {
  const ofDb = (operation: string): Fault => {
    const fails = faults.outage || chance.oneIn(500)
    const isSlow = chance.oneIn(2_000)
    const isUnknown = !fails && operation === "createClientSession" && chance.oneIn(2_000)
    if (fails || isSlow || isUnknown) onFault()
    return {
      takes: isSlow ? chance.between(1_000, slowest) : chance.oneIn(20) ? chance.between(1, 100) : 0,
      outcome: isUnknown ? "failsAfterwards" : !fails ? "well" : chance.pick("busy", "fails")
    }
  }
  const ofRing = (fault: Fault, oneIn: number): Fault | undefined => {
    if (!chance.oneIn(oneIn)) return undefined
    onFault()
    return fault
  }
  const faults: Faults = {
    outage: false,
    next: (operation) => {
      if (operation === "deriveKey") return ofRing({ takes: 0, outcome: "fails" }, 1_000)
      return operation === "ecdh" ? ofRing({ takes: 2 * minute, outcome: "well" }, 5_000) : ofDb(operation)
    }
  }
  return faults
}

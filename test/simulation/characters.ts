/** Characters of towers: what they do at each dial. Half of a simulated world is faulty, each in its own way. */
import { Duration } from "effect"
import * as TowerScript from "../../src/layers/testing/TowerScript.js"
import { ChainHash, HexBytes } from "../../src/schema/Ids.js"
import { GarbledFrame, MalformedMessage } from "../../src/schema/TransportError.js"
import * as Code from "../../src/schema/wire/Code.js"
import { ErrorMessage } from "../../src/schema/wire/ErrorMessage.js"
import { Init } from "../../src/schema/wire/Init.js"
import { hour } from "../layers/negotiator/world.js"
import type { Chance } from "./chance.js"

/** Decides at each dial; it remembers nothing but its chance. */
export type Character = (dial: TowerScript.Dial) => TowerScript.Script

/** At most 300 ms a stage: a session within one hedge delay. */
export const good = (chance: Chance): Character => {
  const latency = chance.between(5, 250)
  const hangUpAfter = chance.pick(0, 0, 5, 200)
  return () => ({ latency: latency + chance.between(0, 50), hangUpAfter })
}

const failure = (error: Extract<TowerScript.Move, { readonly _tag: "Fail" }>["error"]) =>
  TowerScript.Move.Fail({ error })

const garbage = failure((address) => new GarbledFrame({ address }))

const malformed = (chance: Chance) =>
  failure(
    (address) =>
      new MalformedMessage({
        address,
        reason: chance.pick("UnknownType", "Truncated", "NonCanonicalSize", "FieldTooLong"),
        type: chance.between(0, 0xffff)
      })
  )

const stage = (chance: Chance) =>
  chance.pick<TowerScript.Stage>("dial", "actTwo", "sendInit", "init", "sendCreateSession", "reply")

const slow = (chance: Chance): Character => {
  const latency = chance.between(1_000, 20_000)
  return () => ({ latency })
}

/** By name; those that may give a session now and then are in `moody`. */
export const hostile: Readonly<Record<string, (chance: Chance) => Character>> = {
  dead: () => () => TowerScript.failsAt("dial"),
  "black hole": () => () => TowerScript.silentAt("dial"),
  "half open": (chance) => {
    const at = stage(chance)
    return () => TowerScript.silentAt(at)
  },
  "wrong key": () => () => TowerScript.failsAt("actTwo"),
  "hangs up early": (chance) => () => TowerScript.failsAt(stage(chance)),
  garbage: (chance) => () => TowerScript.at(chance.pick("init", "reply"), garbage),
  malformed: (chance) => () => TowerScript.at(chance.pick("init", "reply"), malformed(chance)),
  "always busy": () => () => TowerScript.replies(Code.temporaryFailure),
  "already exists": (chance) => () => TowerScript.replies(Code.alreadyExists, chance.between(0, 1024)),
  "unknown codes": (chance) => () => TowerScript.replies(chance.between(100, 0xffff)),
  refuses: (chance) => {
    const codes = [Code.permanentFailure, Code.rejectMaxUpdates, Code.rejectSweepFeeRate]
    const code = chance.pick(Code.rejectBlobType, ...codes)
    return () => TowerScript.replies(code)
  },
  "other chain": () => {
    const chainHash = ChainHash.make("09".repeat(32))
    return () => ({ init: () => new Init({ features: [1], chainHash }) })
  },
  "requires more": () => () => ({ init: ({ chainHash }) => new Init({ features: [100], chainHash }) }),
  "error messages": (chance) => () =>
    TowerScript.says(chance.pick("init", "reply"), new ErrorMessage({ code: 40, data: HexBytes.make("") })),
  "long script": () => () => TowerScript.replies(Code.ok, 0, HexBytes.make("00".repeat(2_000))),
  "silent and late": (chance) => () => ({ ...TowerScript.silentAt(stage(chance)), latency: 900 })
}

export const moody: Readonly<Record<string, (chance: Chance) => Character>> = {
  slow,
  "never hangs up": (chance) => {
    const latency = chance.between(5, 300)
    return () => ({ latency, hangUpAfter: Duration.infinity })
  },
  flapping: (chance) => {
    const period = chance.between(1, 12) * hour
    const down = chance.pick(TowerScript.failsAt("dial"), TowerScript.silentAt("dial"), TowerScript.silentAt("reply"))
    return ({ at }) => (Math.floor(at / period) % 2 === 0 ? { latency: 100 } : down)
  },
  liar: (chance) => () =>
    TowerScript.replies(chance.pick(0, 0, Code.temporaryFailure, Code.alreadyExists, Code.rejectBlobType, 12_345)),
  anything: (chance) => {
    const all = Object.values(hostile).map((character) => character(chance))
    return (dial) => (chance.oneIn(2) ? { latency: 50 } : (all[chance.between(0, all.length - 1)]?.(dial) ?? {}))
  }
}

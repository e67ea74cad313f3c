/** The towers of a plan: where they are, and what they do. */
import { Effect } from "effect"
import * as TowerScript from "../../../../src/layers/testing/TowerScript.js"
import { ChainHash, HexBytes } from "../../../../src/schema/Ids.js"
import { Tower } from "../../../../src/schema/Tower.js"
import { TowerAddress } from "../../../../src/schema/TowerAddress.js"
import { GarbledFrame, MalformedMessage } from "../../../../src/schema/TransportError.js"
import { ErrorMessage } from "../../../../src/schema/wire/ErrorMessage.js"
import { Init } from "../../../../src/schema/wire/Init.js"
import { StateUpdateReply } from "../../../../src/schema/wire/StateUpdateReply.js"
import type { ClientDb } from "../../../../src/services/ClientDb.js"
import { addressOf, type TowerSpec } from "../world.js"
import type { Behaviour, Manner, TowerPlan } from "./plan.js"

const wrongMessage = new StateUpdateReply({ code: 0, lastApplied: 0 })
const errorMessage = new ErrorMessage({ code: 40, data: HexBytes.make("") })

const parts = (behaviour: Behaviour): TowerScript.Script => {
  switch (behaviour.kind) {
    case "good":
      return TowerScript.ok
    case "wrongChain":
      return { init: ({ features }) => new Init({ features, chainHash: ChainHash.make("00".repeat(32)) }) }
    case "requiresUnknown":
      return { init: ({ chainHash }) => new Init({ features: [1000], chainHash }) }
    case "replies":
      return TowerScript.replies(behaviour.code, 7, HexBytes.make("51".repeat(behaviour.bytes)))
    case "ends":
      return TowerScript.failsAt(behaviour.stage)
    case "silent":
      return TowerScript.silentAt(behaviour.stage)
    case "garbage": {
      const { stage } = behaviour
      return TowerScript.at(
        stage,
        TowerScript.Move.Fail({
          error: (address) =>
            stage === "init" ? new GarbledFrame({ address }) : new MalformedMessage({ address, reason: "Truncated" })
        })
      )
    }
    case "wrongMessage":
      return TowerScript.says(behaviour.stage, wrongMessage)
    case "errorMessage":
      return TowerScript.says(behaviour.stage, errorMessage)
  }
}

/** A tower that ends a connection at a stage hangs up there. */
const script = (behaviour: Behaviour, { hangUpAfter, latency }: Manner): TowerScript.Script => ({
  ...parts(behaviour),
  latency,
  hangUpAfter: behaviour.kind === "ends" ? 0 : (hangUpAfter ?? Number.POSITIVE_INFINITY)
})

/** Stands for "no address": the database knows no tower without one. */
const nowhere = TowerAddress.make("192.0.2.1:9911")

/** A database whose towers have no address where it says `nowhere`. */
export const hidingNowhere = (db: ClientDb.Service): ClientDb.Service => {
  const hide = (tower: Tower) =>
    new Tower({ ...tower, addresses: tower.addresses.filter((address) => address !== nowhere) })
  return {
    ...db,
    createTower: (...args) => Effect.map(db.createTower(...args), hide),
    listTowers: Effect.map(db.listTowers, (towers) => towers.map(hide))
  }
}

const addresses = (plan: TowerPlan, n: number): ReadonlyArray<TowerAddress> =>
  plan.addresses === 0
    ? [nowhere]
    : Array.from({ length: plan.addresses }, (_, i) =>
        plan.onionOnly ? TowerAddress.make(`${"abc"[i] ?? "d"}${"a".repeat(55)}.onion:9911`) : addressOf(n, i + 1)
      )

/** Tower n as the world wants it. */
export const spec = (plan: TowerPlan, n: number, isWell: () => boolean): TowerSpec => ({
  script: (dial) => {
    const behaviour = plan.dials[(dial.number - 1) % plan.dials.length]
    return isWell() || behaviour === undefined ? script({ kind: "good" }, plan.whenWell) : script(behaviour, behaviour)
  },
  addresses: addresses(plan, n),
  later: plan.later
})

/** The outcomes of the recorded runs as scripts of towers; timeouts are none, since the script makes the stages fail. */
import * as TowerScript from "../../../src/layers/testing/TowerScript.js"
import { ChainHash, HexBytes } from "../../../src/schema/Ids.js"
import { ErrorMessage } from "../../../src/schema/wire/ErrorMessage.js"
import { Init } from "../../../src/schema/wire/Init.js"
import type { Message } from "../../../src/schema/wire/Message.js"
import { StateUpdateReply } from "../../../src/schema/wire/StateUpdateReply.js"
import type { ScenarioTower } from "./file.js"

const stages: ReadonlyMap<string, TowerScript.Stage> = new Map([
  ["dial", "dial"],
  ["sendInit", "sendInit"],
  ["sendCreate", "sendCreateSession"],
  ["init", "init"],
  ["reply", "reply"]
])

/** What arrives instead of the message that is due. */
const messages = (chainHash: ChainHash): ReadonlyMap<string, Message> =>
  new Map<string, Message>([
    ["wrongType", new StateUpdateReply({ code: 0, lastApplied: 0 })],
    ["errorMessage", new ErrorMessage({ code: 40, data: HexBytes.make("") })],
    ["chain", new Init({ features: [1, 3], chainHash: ChainHash.make(`09${"00".repeat(31)}`) })],
    ["unknownRequired", new Init({ features: [100], chainHash })]
  ])

const scriptOf = (outcome: string, tower: ScenarioTower, chainHash: ChainHash): TowerScript.Script => {
  const [where = "", how = "", ...rest] = outcome.split(":")
  const latency = tower.latencyMs
  if (outcome === "ok") return { latency }
  const stage = stages.get(where)
  if (stage === undefined) throw new Error(`unknown outcome ${outcome}`)
  if (how === "error" || how === "eof") return { latency, ...TowerScript.failsAt(stage) }
  if (how === "hang") {
    const usual = stage === "sendInit" || stage === "sendCreateSession" ? 0 : latency
    return { latency, ...TowerScript.failsAt(stage), delays: { [stage]: usual + Number(rest[0]) } }
  }
  const message = messages(chainHash).get(how)
  if (message !== undefined && (stage === "init" || stage === "reply")) {
    return { latency, ...TowerScript.says(stage, message) }
  }
  if (stage !== "reply" || how !== "code") throw new Error(`unknown outcome ${outcome}`)
  const [code, lastApplied = 0, data = ""] = rest
  return { latency, ...TowerScript.replies(Number(code), Number(lastApplied), HexBytes.make(data)) }
}

/** What the tower does in its `number`-th attempt, from 1. */
export const script = (tower: ScenarioTower, number: number, chainHash: ChainHash): TowerScript.Script =>
  scriptOf(tower.outcomes[number - 1] ?? tower.outcomes[tower.outcomes.length - 1] ?? "ok", tower, chainHash)

/** All that a tower can do instead of giving a session, each with its name. */
import * as TowerScript from "../../../src/layers/testing/TowerScript.js"
import { ChainHash, HexBytes } from "../../../src/schema/Ids.js"
import { ErrorMessage } from "../../../src/schema/wire/ErrorMessage.js"
import { Init } from "../../../src/schema/wire/Init.js"

const stages: ReadonlyArray<TowerScript.Stage> = ["dial", "actTwo", "sendInit", "init", "sendCreateSession", "reply"]
const codes = [40, 50, 60, 61, 62, 63, 64, 70, 65535]
const otherChain = ChainHash.make("00".repeat(32))
const otherInit = (init: Partial<Init>): TowerScript.Script => ({
  init: (theirs) => new Init({ ...TowerScript.goodInit(theirs), ...init })
})
const errorMessage = new ErrorMessage({ code: 40, data: HexBytes.make("") })
export const hostileScripts: ReadonlyArray<readonly [string, TowerScript.Script]> = [
  ...stages.map((stage) => [`ends at ${stage}`, TowerScript.failsAt(stage)] as const),
  ...stages.map((stage) => [`silent at ${stage}`, TowerScript.silentAt(stage)] as const),
  ...codes.map((code) => [`replies ${code}`, TowerScript.replies(code, 7)] as const),
  ["says Error instead of Init", TowerScript.says("init", errorMessage)],
  ["says Error instead of its reply", TowerScript.says("reply", errorMessage)],
  ["says Init twice", TowerScript.says("reply", new Init({ features: [], chainHash: otherChain }))],
  ["watches another chain", otherInit({ chainHash: otherChain })],
  ["requires an unknown feature", otherInit({ features: [1000] })],
  ["sends a long reward script", TowerScript.replies(0, 0, HexBytes.make("51".repeat(1025)))]
]

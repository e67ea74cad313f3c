import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { secretOf } from "../../src/layers/testing/FixedKeyRing.js"
import * as NodeLoopbackTower from "../../src/layers/testing/NodeLoopbackTower.js"
import { bitcoinRegtest } from "../../src/schema/Chain.js"
import * as TowerUri from "../../src/schema/TowerUri.js"

describe("examples/quickstart", () => {
  it.scopedLive("prints the session that it got", () =>
    Effect.gen(function* () {
      const tower = yield* NodeLoopbackTower.make({ chain: bitcoinRegtest, secretKey: Redacted.make(secretOf(1)) })
      const words = ["node_modules/vite-node/vite-node.mjs", "examples/quickstart.ts", TowerUri.print(tower.uri)]
      const { stdout } = yield* Effect.promise(() => promisify(execFile)(process.execPath, words))
      const [id] = (yield* tower.sessions).keys()
      assert.match(stdout, new RegExp(`^session ${id}, key index \\d+$`, "m"))
    })
  )
})

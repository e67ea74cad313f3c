// One session from one tower: npx vite-node examples/quickstart.ts PUBLICKEY@HOST:PORT
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect } from "effect"
import * as KeyFile from "../src/layers/KeyFile.js"
import * as NodeWatchtower from "../src/layers/NodeWatchtower.js"
import { bitcoinRegtest } from "../src/schema/Chain.js"
import * as TowerUri from "../src/schema/TowerUri.js"
import { SessionNegotiator } from "../src/services/SessionNegotiator.js"
import { TowerCandidates } from "../src/services/TowerCandidates.js"

const program = Effect.gen(function* () {
  const tower = yield* TowerUri.parse(process.argv.at(-1) ?? "")
  const candidates = yield* TowerCandidates
  yield* candidates.add(tower.publicKey, tower.address)
  const negotiator = yield* SessionNegotiator
  const session = yield* negotiator.nextSession
  yield* Console.log(`session ${session.id}, key index ${session.keyIndex}`)
})

// A program that keeps its sessions names files: { key: "key", database: "sessions.db" }.
const main = Effect.gen(function* () {
  const key = yield* KeyFile.generate
  yield* Effect.provide(program, NodeWatchtower.layer({ chain: bitcoinRegtest, key, database: ":memory:" }))
})
NodeRuntime.runMain(main)

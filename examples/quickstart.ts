import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect, Layer, Redacted } from "effect"
import { Chain, SessionNegotiator, TowerCandidates } from "effect-watchtower"
import * as KeyFile from "effect-watchtower/layers/KeyFile"
import * as NodeWatchtower from "effect-watchtower/layers/NodeWatchtower"
import * as NodeLoopbackTower from "effect-watchtower/layers/tower/NodeLoopbackTower"

const chain = Chain.bitcoinRegtest

// A tower to try with, on this machine. A real one has a URI: yield* TowerUri.parse("03...@tower.example:9911")
const towerSecret = Redacted.make(new Uint8Array(32).fill(1))
const ownTower = Effect.map(NodeLoopbackTower.make({ chain, secretKey: towerSecret }), (tower) => tower.uri)

const program = Effect.gen(function* () {
  const { address, publicKey } = yield* ownTower
  const candidates = yield* TowerCandidates.TowerCandidates
  yield* candidates.add(publicKey, address)
  const negotiator = yield* SessionNegotiator.SessionNegotiator
  const session = yield* negotiator.nextSession
  yield* Console.log(`session ${session.id}, key index ${session.keyIndex}`)
})

const watchtower = Layer.unwrapEffect(
  Effect.map(KeyFile.readOrCreate("key"), (key) =>
    NodeWatchtower.layer({ chain, key, database: { filename: "sessions.db" } })
  )
)

program.pipe(Effect.scoped, Effect.provide(watchtower), Effect.provide(NodeContext.layer), NodeRuntime.runMain)

import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect, Layer, Redacted } from "effect"
import { Chain, TowerCandidates, TowerClient } from "effect-watchtower"
import * as KeyFile from "effect-watchtower/layers/KeyFile"
import * as NodeWatchtower from "effect-watchtower/layers/NodeWatchtower"
import * as NodeLoopbackTower from "effect-watchtower/layers/tower/NodeLoopbackTower"
import { RevokedStates } from "effect-watchtower/testing"

const chain = Chain.bitcoinRegtest

// A tower to try with, on this machine. A real one has a URI: yield* TowerUri.parse("03...@tower.example:9911")
const towerSecret = Redacted.make(new Uint8Array(32).fill(1))
const ownTower = Effect.map(NodeLoopbackTower.make({ chain, secretKey: towerSecret }), (tower) => tower.uri)

// A channel to try with. Your node has real ones: new Channel.Channel({ id, type, sweepPkScript }), and for each state that was
// revoked a RevokedState.RevokedState and the keys to sign with, for instance of JusticeKeys.fromChannel.
const ownChannel = RevokedStates.make({ chain, type: "anchors" })

const program = Effect.gen(function* () {
  const { address, publicKey } = yield* ownTower
  const candidates = yield* TowerCandidates.TowerCandidates
  yield* candidates.add(publicKey, address)

  const client = yield* TowerClient.TowerClient
  const { at, channel } = yield* ownChannel
  yield* client.registerChannel(channel)
  for (const { sign, state } of [at(1), at(2), at(3)]) {
    // When it succeeds, the encrypted state is in the database, and gets its copies even after a crash.
    yield* client.backupState(state, sign)
  }
  yield* client.awaitBackup(channel.id, at(3).state.commitHeight)
  const { complete, handedIn } = yield* client.channel(channel.id)
  yield* Console.log(`${complete} of ${handedIn} states have their copy at a tower`)
})

const towerClient = Layer.unwrapEffect(
  Effect.map(KeyFile.readOrCreate("key"), (key) =>
    NodeWatchtower.towerClient({ chain, key, database: { filename: "backups.db" } })
  )
)

program.pipe(Effect.scoped, Effect.provide(towerClient), Effect.provide(NodeContext.layer), NodeRuntime.runMain)

import { assert, it } from "@effect/vitest"
import { Effect, Layer, Record, Redacted } from "effect"
import { Chain, type Channel, RootKey, TowerCandidates, TowerClient } from "effect-watchtower"
import * as NodeWatchtower from "effect-watchtower/layers/NodeWatchtower"
import * as NodeLoopbackTower from "effect-watchtower/layers/tower/NodeLoopbackTower"
import { RevokedStates } from "effect-watchtower/testing"

const secret = (byte: number) => Redacted.make(new Uint8Array(32).fill(byte))
const database = { filename: ":memory:" }

// Each node has a chain, a key and a database of its own. Two layers of one `Layer.merge` would not do: they have the same tags.
const nodes = {
  bitcoin: NodeWatchtower.towerClient({
    chain: Chain.bitcoinRegtest,
    key: { root: RootKey.RootKey.Seed({ bytes: secret(1) }) },
    database
  }),
  decred: NodeWatchtower.towerClient({
    chain: Chain.decredSimnet,
    key: { root: RootKey.RootKey.Seed({ bytes: secret(2) }) },
    database
  })
}

// Written once, for whichever node is provided.
const backUp = (chain: Chain.Chain, type: Channel.Punishable) =>
  Effect.gen(function* () {
    const tower = yield* NodeLoopbackTower.make({ chain, secretKey: secret(3) })
    const candidates = yield* TowerCandidates.TowerCandidates
    yield* candidates.add(tower.uri.publicKey, tower.uri.address)
    const client = yield* TowerClient.TowerClient
    const { at, channel } = yield* RevokedStates.make({ chain, type })
    const { sign, state } = at(1)
    yield* client.registerChannel(channel)
    yield* client.backupState(state, sign)
    yield* client.awaitBackup(channel.id, state.commitHeight)
    return yield* client.channels()
  })

it.scopedLive(
  "one process has a client for each of its nodes, and none knows the channels of another",
  () =>
    Effect.gen(function* () {
      // All are built in the scope of the application, which stops them together.
      const contexts = yield* Effect.all(Record.map(nodes, Layer.build), { concurrency: "unbounded" })
      const [onBitcoin, onDecred] = yield* Effect.all(
        [
          Effect.provide(backUp(Chain.bitcoinRegtest, "anchors"), contexts.bitcoin),
          Effect.provide(backUp(Chain.decredSimnet, "staticRemoteKey"), contexts.decred)
        ],
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(
        [onBitcoin, onDecred].map((channels) => channels.map(({ channel, complete }) => [channel.type, complete])),
        [[["anchors", 1]], [["staticRemoteKey", 1]]]
      )
    }),
  // Real sockets and real signatures.
  60_000
)

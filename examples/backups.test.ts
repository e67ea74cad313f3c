import { assert, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { Chain, type Channel, type RevokedState, RootKey, TowerCandidates, TowerClient } from "effect-watchtower"
import * as NodeWatchtower from "effect-watchtower/layers/NodeWatchtower"
import * as NodeLoopbackTower from "effect-watchtower/layers/tower/NodeLoopbackTower"
import { RevokedStates } from "effect-watchtower/testing"

// What is tested: a node that backs up the state that was just revoked.
const onRevoked = (channel: Channel.Channel, state: RevokedState.RevokedState, sign: RevokedState.Sign) =>
  Effect.gen(function* () {
    const client = yield* TowerClient.TowerClient
    yield* client.registerChannel(channel)
    yield* client.backupState(state, sign)
    yield* client.awaitBackup(channel.id, state.commitHeight)
  })

const chain = Chain.bitcoinRegtest
const secret = (byte: number) => Redacted.make(new Uint8Array(32).fill(byte))

const towerClient = NodeWatchtower.towerClient({
  chain,
  key: { root: RootKey.RootKey.Seed({ bytes: secret(1) }) },
  database: { filename: ":memory:" }
})

it.scopedLive(
  "a state that was backed up is punished, and no other",
  () =>
    Effect.gen(function* () {
      const tower = yield* NodeLoopbackTower.make({ chain, secretKey: secret(2) })
      const candidates = yield* TowerCandidates.TowerCandidates
      yield* candidates.add(tower.uri.publicKey, tower.uri.address)

      const { at, channel } = yield* RevokedStates.make({ chain, type: "anchors" })
      const { sign, state } = at(1)
      yield* onRevoked(channel, state, sign)

      // The other side publishes it: the tower answers with a transaction that it would broadcast, signatures checked.
      const [justice] = yield* tower.breach(state.commitmentTransaction)
      assert.deepStrictEqual(
        justice.swept.map(({ role, value }) => [role, value]),
        [
          ["toRemote", 390_000n],
          ["toLocal", 600_000n]
        ]
      )
      assert.include(justice.transaction, channel.sweepPkScript)

      const { reason } = yield* Effect.flip(tower.breach(at(2).state.commitmentTransaction))
      assert.strictEqual(reason._tag, "NoMatch")
    }).pipe(Effect.provide(towerClient)),
  // Real sockets and real signatures: a busy machine takes longer than Vitest's 5 seconds.
  60_000
)

import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Redacted, TestClock } from "effect"
import {
  BrontideTowerTransport,
  Chain,
  RoundRobinTowerCandidates,
  SocketDialer,
  TowerAddress,
  TowerCandidates,
  TowerClient
} from "effect-watchtower"
import { FixedKeyRing, LoopbackTower, MemoryBackupDb, RevokedStates, SocketPair } from "effect-watchtower/testing"

const chain = Chain.bitcoinRegtest
const address = TowerAddress.TowerAddress.make("tower.test:9911")

// A whole tower client, with real cryptography and messages, whose every connection ends at this tower.
const towerClient = (tower: LoopbackTower.LoopbackTower) =>
  TowerClient.layer({ chain }).pipe(
    Layer.provideMerge(RoundRobinTowerCandidates.layer()),
    Layer.provideMerge(BrontideTowerTransport.layer()),
    Layer.provide(Layer.succeed(SocketDialer.SocketDialer, SocketPair.dialer(tower.serve))),
    Layer.provideMerge(Layer.merge(MemoryBackupDb.layer(), FixedKeyRing.layer))
  )

it.effect(
  "a state is punished when its backup is confirmed, and one that was not handed in is not",
  () =>
    Effect.gen(function* () {
      const tower = yield* LoopbackTower.make({ chain, secretKey: Redacted.make(new Uint8Array(32).fill(2)) })
      const { at, channel } = yield* RevokedStates.make({ chain, type: "anchors" })

      yield* Effect.gen(function* () {
        const candidates = yield* TowerCandidates.TowerCandidates
        yield* candidates.add(tower.publicKey, address)
        const client = yield* TowerClient.TowerClient
        yield* client.registerChannel(channel)
        for (const { sign, state } of [at(1), at(2)]) yield* client.backupState(state, sign)
        const confirmed = yield* Effect.fork(client.awaitBackup(channel.id, at(2).state.commitHeight))
        yield* TestClock.adjust("3 seconds")
        yield* Fiber.join(confirmed)
      }).pipe(Effect.provide(towerClient(tower)))

      // The client is gone. The other side publishes state 1, and the tower has what it needs.
      const [justice] = yield* tower.breach(at(1).state.commitmentTransaction)
      assert.deepStrictEqual(
        justice.swept.map(({ role, value }) => [role, value]),
        [
          ["toRemote", 390_000n],
          ["toLocal", 600_000n]
        ]
      )
      assert.include(justice.transaction, channel.sweepPkScript)

      const { reason } = yield* Effect.flip(tower.breach(at(3).state.commitmentTransaction))
      assert.strictEqual(reason._tag, "NoMatch")
    }),
  // Real signatures: a busy machine takes longer than Vitest's 5 seconds.
  60_000
)

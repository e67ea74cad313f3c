/** What else can go on in a process while it hands in states. */
import { assert, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import * as BrontideTowerTransport from "../../../src/layers/BrontideTowerTransport.js"
import * as TowerClient from "../../../src/layers/backup/TowerClient.js"
import * as NodeSocketDialer from "../../../src/layers/NodeSocketDialer.js"
import * as RoundRobinTowerCandidates from "../../../src/layers/RoundRobinTowerCandidates.js"
import * as SqliteClientDb from "../../../src/layers/SqliteClientDb.js"
import * as FixedKeyRing from "../../../src/layers/testing/FixedKeyRing.js"
import * as RevokedStates from "../../../src/layers/testing/RevokedStates.js"
import * as NodeLoopbackTower from "../../../src/layers/tower/NodeLoopbackTower.js"
import { TowerCandidates } from "../../../src/services/TowerCandidates.js"
import { turnsDuring } from "../../support/turnsDuring.js"
import { regtest } from "../negotiator/world.js"
import { newFile } from "../sql/sqliteFile.js"

// As a node does that starts again and does not know which of its states it has handed in.
it.scopedLive("states that have all their copies can be handed in again in a loop, and the event loop turns", () =>
  Effect.gen(function* () {
    const tower = yield* NodeLoopbackTower.make({
      chain: regtest,
      secretKey: Redacted.make(new Uint8Array(32).fill(7))
    })
    const client = TowerClient.layer({ chain: regtest }).pipe(
      Layer.provideMerge(RoundRobinTowerCandidates.layer()),
      Layer.provide(SqliteClientDb.layer({ filename: yield* newFile })),
      Layer.provide(FixedKeyRing.layer),
      Layer.provide(Layer.provide(BrontideTowerTransport.layer(), NodeSocketDialer.layer))
    )
    yield* Effect.gen(function* () {
      const { awaitBackup, backupState, registerChannel } = yield* TowerClient.TowerClient
      yield* (yield* TowerCandidates).add(tower.publicKey, tower.uri.address)
      const { at, channel } = yield* RevokedStates.make({ chain: regtest, type: "anchors" })
      const { sign, state } = at(3)
      yield* registerChannel(channel)
      yield* backupState(state, sign)
      yield* awaitBackup(channel.id, state.commitHeight)
      const again = (times: number) => Effect.repeatN(backupState(state, sign), times - 1)
      assert.isAtLeast(yield* turnsDuring(again(2000)), 5)
      // Each of them gives way; but the event loop turns only if they do so together.
      const atOnce = Effect.replicateEffect(again(40), 50, { concurrency: "unbounded", discard: true })
      assert.isAtLeast(yield* turnsDuring(atOnce), 5)
    }).pipe(Effect.provide(client))
  })
)

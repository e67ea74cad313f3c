/**
 * What a revoked state costs, in numbers that do not depend on the machine (docs/performance.md). They are exact so that a rise is
 * seen, and is a decision: a commit that raises one says why.
 */
import { assert, it } from "@effect/vitest"
import { Effect, Exit, Layer, Logger, LogLevel, Redacted } from "effect"
import * as BrontideTowerTransport from "../../../src/layers/BrontideTowerTransport.js"
import * as TowerClientLayer from "../../../src/layers/backup/TowerClient.js"
import * as RoundRobinTowerCandidates from "../../../src/layers/RoundRobinTowerCandidates.js"
import * as SqliteClientDb from "../../../src/layers/SqliteClientDb.js"
import * as FixedKeyRing from "../../../src/layers/testing/FixedKeyRing.js"
import * as RevokedStates from "../../../src/layers/testing/RevokedStates.js"
import * as LoopbackTower from "../../../src/layers/tower/LoopbackTower.js"
import { CommitHeight } from "../../../src/schema/RevokedState.js"
import { SocketDialer } from "../../../src/services/SocketDialer.js"
import { TowerCandidates } from "../../../src/services/TowerCandidates.js"
import { TowerClient } from "../../../src/services/TowerClient.js"
import * as CountedWorld from "../../support/countedWorld.js"
import { addressOf, regtest as chain } from "../negotiator/world.js"

/** Operations of Effect, and turns that a fiber takes. */
interface Costs {
  readonly operations: number
  readonly turns: number
}

/** What it costs to hand in a state without any tower, and to back up a full window of 32 and one alone. */
const costsOfStates = () => {
  const world = CountedWorld.make()
  const costOf = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<Costs, E, R> =>
    Effect.suspend(() => {
      const before = world.counts()
      return Effect.map(effect, () => {
        const { operations, turns } = world.counts()
        return { operations: operations - before.operations, turns: turns - before.turns }
      })
    })

  const program = Effect.gen(function* () {
    const tower = yield* LoopbackTower.make({ chain, secretKey: Redacted.make(new Uint8Array(32).fill(7)) })
    const layer = TowerClientLayer.layer({ chain, window: 32, pollInterval: "1 day" }).pipe(
      Layer.provideMerge(RoundRobinTowerCandidates.layer()),
      Layer.provide(SqliteClientDb.layer({ filename: ":memory:" })),
      Layer.provide(FixedKeyRing.layer),
      Layer.provide(BrontideTowerTransport.layer()),
      Layer.provide(Layer.succeed(SocketDialer, world.dialer(tower))),
      Layer.provide(Logger.minimumLogLevel(LogLevel.None))
    )
    return yield* Effect.gen(function* () {
      const client = yield* TowerClient
      const { at, channel } = yield* RevokedStates.make({ chain, type: "anchors" })
      yield* client.registerChannel(channel)
      const handIn = (from: number, to: number) =>
        Effect.gen(function* () {
          for (let height = from; height <= to; height += 1) {
            const { sign, state } = at(height)
            yield* client.backupState(state, sign)
          }
        })
      const backUp = (from: number, to: number) =>
        Effect.zipRight(handIn(from, to), client.awaitBackup(channel.id, CommitHeight.make(to)))
      // The first one makes what is kept: prepared statements, a look.
      yield* handIn(1, 1)
      // What the sender does about the first one is over then.
      yield* Effect.sleep(100)
      const withoutTower = yield* costOf(handIn(2, 2))
      yield* (yield* TowerCandidates).add(tower.publicKey, addressOf(1))
      yield* backUp(3, 3)
      yield* Effect.sleep(100)
      const window = yield* costOf(backUp(4, 35))
      yield* Effect.sleep(100)
      const alone = yield* costOf(backUp(36, 36))
      return { withoutTower, window, alone }
    }).pipe(Effect.provide(layer))
  })
  return world.run(program.pipe(Effect.orDie, Effect.scoped))
}

it("a revoked state costs these operations and turns: without a tower, in a window of 32, and alone", () => {
  const expected = {
    withoutTower: { operations: 246, turns: 1 },
    window: { operations: 9744, turns: 22 },
    alone: { operations: 1252, turns: 13 }
  }
  assert.deepStrictEqual(costsOfStates(), Exit.succeed(expected))
})

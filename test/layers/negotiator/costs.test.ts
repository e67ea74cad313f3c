/**
 * What one session and a wait cost, in numbers that do not depend on the machine (docs/performance.md). They are exact so that a rise is
 * seen, and is a decision: a commit that raises one says why.
 */
import { assert, it } from "@effect/vitest"
import { Effect, Exit, Layer, Logger, LogLevel, Redacted, Supervisor } from "effect"
import * as BrontideTowerTransport from "../../../src/layers/BrontideTowerTransport.js"
import * as SessionNegotiator from "../../../src/layers/negotiator/SessionNegotiator.js"
import * as RoundRobinTowerCandidates from "../../../src/layers/RoundRobinTowerCandidates.js"
import * as SqliteClientDb from "../../../src/layers/SqliteClientDb.js"
import * as FixedKeyRing from "../../../src/layers/testing/FixedKeyRing.js"
import * as TowerScript from "../../../src/layers/testing/TowerScript.js"
import * as LoopbackTower from "../../../src/layers/tower/LoopbackTower.js"
import { SocketDialer } from "../../../src/services/SocketDialer.js"
import { TowerCandidates } from "../../../src/services/TowerCandidates.js"
import * as CountedWorld from "../../support/countedWorld.js"
import { always, good } from "./scenes.js"
import { addressOf, options, regtest, run, type TowerSpec } from "./world.js"

/** Operations of Effect, fibers, turns that a fiber takes, and writes to the socket. */
interface Costs {
  readonly operations: number
  readonly fibers: number
  readonly turns: number
  readonly writes: number
}

const sessions = 5

/** What each of some sessions costs the client; the tower is in the same world, and is not counted. */
const costsOfSessions = () => {
  const world = CountedWorld.make()
  let fibers = 0
  class CountsFibers extends Supervisor.AbstractSupervisor<void> {
    readonly value = Effect.void
    override onStart() {
      fibers += 1
    }
  }
  const costs = (): Costs => ({ ...world.counts(), fibers })

  const program = Effect.gen(function* () {
    const tower = yield* LoopbackTower.make({ chain: regtest, secretKey: Redacted.make(new Uint8Array(32).fill(7)) })
    const layer = SessionNegotiator.layer(options).pipe(
      Layer.provideMerge(RoundRobinTowerCandidates.layer()),
      Layer.provide(SqliteClientDb.layer({ filename: ":memory:" })),
      Layer.provide(FixedKeyRing.layer),
      Layer.provide(BrontideTowerTransport.layer()),
      Layer.provide(Layer.succeed(SocketDialer, world.dialer(tower))),
      Layer.provide(Logger.minimumLogLevel(LogLevel.None))
    )
    return yield* Effect.gen(function* () {
      const negotiator = yield* SessionNegotiator.SessionNegotiator
      yield* (yield* TowerCandidates).add(tower.publicKey, addressOf(1))
      // The first ones make what is kept: prepared statements, the standing.
      yield* Effect.replicateEffect(negotiator.nextSession, 2)
      const each: Array<Costs> = []
      for (let n = 0; n < sessions; n++) {
        const before = costs()
        yield* negotiator.nextSession
        const after = costs()
        each.push({
          operations: after.operations - before.operations,
          fibers: after.fibers - before.fibers,
          turns: after.turns - before.turns,
          writes: after.writes - before.writes
        })
      }
      return each
    }).pipe(Effect.provide(layer))
  })
  return world.run(program.pipe(Effect.orDie, Effect.supervised(new CountsFibers())))
}

it("a session costs these operations, fibers, turns and writes, each the same", () => {
  const expected: Costs = { operations: 865, fibers: 6, turns: 10, writes: 3 }
  assert.deepStrictEqual(costsOfSessions(), Exit.succeed(Array.from({ length: sessions }, () => expected)))
})

/** Fibers of a negotiator two minutes after a session was asked for. */
const fibersOfWait = (towers: ReadonlyArray<TowerSpec>): number => {
  let fibers = 0
  class CountsRunning extends Supervisor.AbstractSupervisor<void> {
    readonly value = Effect.void
    override onStart() {
      fibers += 1
    }
    override onEnd() {
      fibers -= 1
    }
  }
  return run(
    { towers },
    ({ negotiator }) =>
      Effect.gen(function* () {
        yield* negotiator.requestSession
        yield* Effect.sleep("2 minutes")
        return fibers
      }),
    Supervisor.addSupervisor(new CountsRunning())
  )
}

it("a negotiator that waits keeps these fibers, each of 4 KiB and more", () => {
  const [dead, refusing] = [always(TowerScript.failsAt("dial")), always(TowerScript.replies(64))]
  assert.strictEqual(fibersOfWait([]), 4)
  // One more, which sleeps for all times that are set.
  assert.strictEqual(fibersOfWait([dead, dead, dead]), 5)
  assert.strictEqual(fibersOfWait([refusing, refusing, refusing]), 5)
  assert.strictEqual(fibersOfWait([good()]), 4)
})

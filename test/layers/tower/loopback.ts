/** A loopback tower at the other end of every dial of a test. */
import { Effect, Layer, Redacted, TestClock } from "effect"
import * as BrontideTowerTransport from "../../../src/layers/BrontideTowerTransport.js"
import * as SocketPair from "../../../src/layers/testing/SocketPair.js"
import * as LoopbackTower from "../../../src/layers/tower/LoopbackTower.js"
import { HexBytes } from "../../../src/schema/Ids.js"
import { SocketDialer } from "../../../src/services/SocketDialer.js"
import type { TowerTransport } from "../../../src/services/TowerTransport.js"
import { chain, type create, init, secretOf, talk } from "./towerClient.js"

export const scriptHex = HexBytes.make(`0014${"22".repeat(20)}`)
export const towerKey = 200

/** Runs a test with a tower at the other end of every dial. */
export const withTower = <A, E>(
  use: (tower: LoopbackTower.LoopbackTower) => Effect.Effect<A, E, TowerTransport>,
  options: Partial<LoopbackTower.Options> = {}
) =>
  Effect.gen(function* () {
    const secretKey = Redacted.make(secretOf(towerKey))
    const tower = yield* LoopbackTower.make({ chain, secretKey, ...options })
    const dialer = Layer.succeed(SocketDialer, SocketPair.dialer(tower.serve))
    return yield* Effect.provide(use(tower), Layer.provide(BrontideTowerTransport.layer(), dialer))
  })

export const ask = (tower: LoopbackTower.LoopbackTower, key: number, ...messages: Parameters<typeof talk>[2]) =>
  talk(tower.publicKey, key, [init, ...messages])

/** What a tower answers to one CreateSession on a fresh key. */
export const answersTo = (request: ReturnType<typeof create>, options?: Partial<LoopbackTower.Options>) =>
  withTower((tower) => ask(tower, 1, request), options)

export const tick = TestClock.adjust(0)

import { expect, it } from "@effect/vitest"
import { Effect, Exit, Layer, Logger, Scope } from "effect"
import * as SessionNegotiator from "../../../src/layers/negotiator/SessionNegotiator.js"
import * as RoundRobinTowerCandidates from "../../../src/layers/RoundRobinTowerCandidates.js"
import * as FixedKeyRing from "../../../src/layers/testing/FixedKeyRing.js"
import * as MemoryClientDb from "../../../src/layers/testing/MemoryClientDb.js"
import * as ScriptedTowerTransport from "../../../src/layers/testing/ScriptedTowerTransport.js"
import * as TowerScript from "../../../src/layers/testing/TowerScript.js"
import * as VirtualTime from "../../../src/layers/testing/VirtualTime.js"
import { ClientDb } from "../../../src/services/ClientDb.js"
import { addressOf, options, second, towerKey } from "./world.js"

it("each line says which negotiator it is of, and its annotations have one prefix", () => {
  class Taproot extends SessionNegotiator.Tag("Taproot")<Taproot>() {}
  const logged: Array<ReadonlyArray<string>> = []
  const logger = Logger.make<unknown, void>(({ annotations }) => {
    logged.push(Array.from(annotations, ([key, value]) => (key === "watchtower.negotiator" ? `${key}=${value}` : key)))
  })
  const program = Effect.gen(function* () {
    const memory = yield* MemoryClientDb.make()
    yield* memory.createTower(towerKey(1), addressOf(1))
    const layer = SessionNegotiator.layerOf(Taproot, options).pipe(
      Layer.provide(Layer.provideMerge(RoundRobinTowerCandidates.layer(), Layer.succeed(ClientDb, memory))),
      Layer.provide(FixedKeyRing.layerFake),
      Layer.provide(ScriptedTowerTransport.make(() => TowerScript.ok).layer),
      Layer.provide(Logger.replace(Logger.defaultLogger, logger))
    )
    yield* Effect.provide(
      Effect.flatMap(Taproot, ({ nextSession }) => nextSession),
      layer
    )
  })
  expect(VirtualTime.run(program)).toEqual(Exit.void)
  expect(logged.map((keys) => [...keys].sort())).toEqual([
    [
      "watchtower.keyIndex",
      "watchtower.negotiator=effect-watchtower/SessionNegotiator/Taproot",
      "watchtower.session",
      "watchtower.tower"
    ]
  ])
})

it("a session that is stored while the negotiator closes is logged", () => {
  const logged: Array<unknown> = []
  const logger = Logger.make<unknown, void>(({ message }) => void logged.push(message))
  const program = Effect.gen(function* () {
    const memory = yield* MemoryClientDb.make()
    const db: ClientDb.Service = {
      ...memory,
      createClientSession: (...all) => Effect.delay(memory.createClientSession(...all), second)
    }
    yield* memory.createTower(towerKey(1), addressOf(1))
    const database = Layer.succeed(ClientDb, db)
    const layer = SessionNegotiator.layer(options).pipe(
      Layer.provide(Layer.provideMerge(RoundRobinTowerCandidates.layer(), database)),
      Layer.provide(FixedKeyRing.layerFake),
      Layer.provide(ScriptedTowerTransport.make(() => TowerScript.ok).layer),
      Layer.provide(Logger.replace(Logger.defaultLogger, logger))
    )
    const scope = yield* Scope.make()
    const context = yield* Scope.extend(Layer.build(layer), scope)
    const { requestSession } = yield* Effect.provide(SessionNegotiator.SessionNegotiator, context)
    yield* requestSession
    yield* Effect.sleep(second / 2)
    yield* Scope.close(scope, Exit.void)
  })
  expect(VirtualTime.run(program)).toEqual(Exit.void)
  expect(logged).toEqual([["session established"]])
})

/** What a negotiator keeps in memory while it waits. */
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { assert, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import * as SessionNegotiator from "../../../src/layers/negotiator/SessionNegotiator.js"
import * as RoundRobinTowerCandidates from "../../../src/layers/RoundRobinTowerCandidates.js"
import * as SqliteClientDb from "../../../src/layers/SqliteClientDb.js"
import * as FixedKeyRing from "../../../src/layers/testing/FixedKeyRing.js"
import * as ScriptedTowerTransport from "../../../src/layers/testing/ScriptedTowerTransport.js"
import * as TowerScript from "../../../src/layers/testing/TowerScript.js"
import * as Policy from "../../../src/schema/Policy.js"
import { DialFailed } from "../../../src/schema/TransportError.js"
import { TowerCandidates } from "../../../src/services/TowerCandidates.js"
import { TowerTransport } from "../../../src/services/TowerTransport.js"
import { turns } from "../net/sockets.js"
import { addressOf, regtest, towerKey } from "./world.js"

setFlagsFromString("--expose-gc")
const collect: () => void = runInNewContext("gc")

/** Fibers have their last turns first, as many as they need; what is kept for good is still there after all of these. */
const expectCollected = (found: ReadonlyArray<WeakRef<object>>) =>
  Effect.gen(function* () {
    const left = () => found.flatMap((one) => one.deref() ?? [])
    for (let n = 0; n < 50 && left().length > 0; n += 1) {
      yield* turns(20)
      collect()
    }
    assert.deepStrictEqual(left(), [])
  })

it.live("a visit that failed is not kept in memory by the failure that the status shows", () => {
  const requests: Array<WeakRef<object>> = []
  const transport = Layer.succeed(TowerTransport, {
    route: "clear",
    connect: (request) => {
      requests.push(new WeakRef(request))
      return Effect.suspend(() => new DialFailed({ address: request.address, reason: "Refused" }))
    }
  })
  const negotiator = SessionNegotiator.layer({ chain: regtest, policy: Policy.defaults(regtest) }).pipe(
    Layer.provideMerge(RoundRobinTowerCandidates.layer()),
    Layer.provide(SqliteClientDb.layer({ filename: ":memory:" })),
    Layer.provide(FixedKeyRing.layerFake),
    Layer.provide(transport)
  )
  return Effect.gen(function* () {
    yield* (yield* TowerCandidates).add(towerKey(1), addressOf(1))
    const { nextSession, statusChanges } = yield* SessionNegotiator.SessionNegotiator
    const backingOff = Stream.filter(yield* statusChanges, ({ state }) => state._tag === "BackingOff")
    yield* Effect.forkScoped(nextSession)
    const status = yield* Stream.runHead(backingOff)
    assert.isAbove(requests.length, 0)
    yield* expectCollected(requests)
    assert.isTrue(status._tag === "Some" && status.value.state._tag === "BackingOff")
  }).pipe(Effect.scoped, Effect.provide(negotiator))
})

it.live("a round that is over is not kept in memory, nor its session", () => {
  const negotiator = SessionNegotiator.layer({ chain: regtest, policy: Policy.defaults(regtest) }).pipe(
    Layer.provideMerge(RoundRobinTowerCandidates.layer()),
    Layer.provide(SqliteClientDb.layer({ filename: ":memory:" })),
    Layer.provide(FixedKeyRing.layerFake),
    Layer.provide(ScriptedTowerTransport.make(() => TowerScript.ok, { remember: 1 }).layer)
  )
  return Effect.gen(function* () {
    yield* (yield* TowerCandidates).add(towerKey(1), addressOf(1))
    const { nextSession } = yield* SessionNegotiator.SessionNegotiator
    const sessions = yield* Effect.replicateEffect(
      Effect.map(nextSession, (session) => new WeakRef(session)),
      3
    )
    yield* expectCollected(sessions)
  }).pipe(Effect.scoped, Effect.provide(negotiator))
})

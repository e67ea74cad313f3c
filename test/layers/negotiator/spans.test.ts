import { expect, it } from "@effect/vitest"
import { Effect, Layer, Logger, LogLevel, Option, Redacted, Tracer } from "effect"
import * as BrontideTowerTransport from "../../../src/layers/BrontideTowerTransport.js"
import * as SessionNegotiator from "../../../src/layers/negotiator/SessionNegotiator.js"
import * as RoundRobinTowerCandidates from "../../../src/layers/RoundRobinTowerCandidates.js"
import * as FixedKeyRing from "../../../src/layers/testing/FixedKeyRing.js"
import * as LoopbackTower from "../../../src/layers/testing/LoopbackTower.js"
import * as MemoryClientDb from "../../../src/layers/testing/MemoryClientDb.js"
import * as SocketPair from "../../../src/layers/testing/SocketPair.js"
import { SocketDialer } from "../../../src/services/SocketDialer.js"
import { TowerCandidates } from "../../../src/services/TowerCandidates.js"
import { addressOf, options, regtest } from "./world.js"

interface Seen {
  readonly name: string
  readonly parent: string | undefined
  readonly attributes: ReadonlyMap<string, unknown>
}

/** A tracer that keeps every span. */
const recording = (seen: Array<Seen>): Tracer.Tracer =>
  Tracer.make({
    span: (name, parent, context, links, startTime, kind) => {
      const attributes = new Map<string, unknown>()
      const above = Option.getOrUndefined(parent)
      seen.push({ name, parent: above?._tag === "Span" ? above.name : undefined, attributes })
      return {
        _tag: "Span",
        name,
        spanId: `${seen.length}`,
        traceId: "trace",
        parent,
        context,
        status: { _tag: "Started", startTime },
        attributes,
        links,
        sampled: true,
        kind,
        attribute: (key, value) => void attributes.set(key, value),
        event: () => {},
        addLinks: () => {},
        end: () => {}
      }
    },
    context: (run) => run()
  })

it.live("a round, its connections, handshakes and conversations are spans under one another", () =>
  Effect.gen(function* () {
    const seen: Array<Seen> = []
    const tower = yield* LoopbackTower.make({
      chain: regtest,
      secretKey: Redacted.make(new Uint8Array(32).fill(7))
    })
    const db = MemoryClientDb.layer()
    const layer = SessionNegotiator.layer(options).pipe(
      Layer.provideMerge(Layer.provideMerge(RoundRobinTowerCandidates.layer(), db)),
      Layer.provide(FixedKeyRing.layer),
      Layer.provide(BrontideTowerTransport.layer()),
      Layer.provide(Layer.succeed(SocketDialer, SocketPair.dialer(tower.serve))),
      Layer.provide(Layer.setTracer(recording(seen))),
      Layer.provide(Logger.minimumLogLevel(LogLevel.None))
    )
    yield* Effect.gen(function* () {
      yield* (yield* TowerCandidates).add(tower.publicKey, addressOf(1))
      yield* (yield* SessionNegotiator.SessionNegotiator).nextSession
    }).pipe(Effect.provide(layer))

    const where = { tower: tower.publicKey, address: addressOf(1) }
    expect(
      seen.map(({ name, parent, attributes }) => ({ name, parent, attributes: Object.fromEntries(attributes) }))
    ).toEqual([
      { name: "SessionNegotiator.negotiate", parent: undefined, attributes: {} },
      { name: "TowerTransport.connect", parent: "SessionNegotiator.negotiate", attributes: where },
      { name: "handshake", parent: "TowerTransport.connect", attributes: {} },
      { name: "createSession", parent: "SessionNegotiator.negotiate", attributes: { ...where, code: 0 } }
    ])
  })
)

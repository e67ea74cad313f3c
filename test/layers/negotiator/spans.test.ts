import { expect, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Logger, LogLevel, Option, Redacted, Tracer } from "effect"
import * as BrontideTowerTransport from "../../../src/layers/BrontideTowerTransport.js"
import * as SessionNegotiator from "../../../src/layers/negotiator/SessionNegotiator.js"
import * as RoundRobinTowerCandidates from "../../../src/layers/RoundRobinTowerCandidates.js"
import * as FixedKeyRing from "../../../src/layers/testing/FixedKeyRing.js"
import * as MemoryClientDb from "../../../src/layers/testing/MemoryClientDb.js"
import * as SocketPair from "../../../src/layers/testing/SocketPair.js"
import * as LoopbackTower from "../../../src/layers/tower/LoopbackTower.js"
import type { ClientDb } from "../../../src/services/ClientDb.js"
import { SocketDialer } from "../../../src/services/SocketDialer.js"
import { TowerCandidates } from "../../../src/services/TowerCandidates.js"
import { good } from "./scenes.js"
import { addressOf, minute, options, regtest, run, second, type World, type WorldOptions } from "./world.js"

interface Seen {
  readonly name: string
  readonly parent: string | undefined
  readonly attributes: ReadonlyMap<string, unknown>
  readonly links: Array<Tracer.SpanLink>
}

/** A tracer that keeps every span. */
const recording = (seen: Array<Seen>): Tracer.Tracer =>
  Tracer.make({
    span: (name, parent, context, links, startTime, kind) => {
      const attributes = new Map<string, unknown>()
      const kept = [...links]
      const above = Option.getOrUndefined(parent)
      seen.push({ name, parent: above?._tag === "Span" ? above.name : undefined, attributes, links: kept })
      return {
        _tag: "Span",
        name,
        spanId: `${seen.length}`,
        traceId: "trace",
        parent,
        context,
        status: { _tag: "Started", startTime },
        attributes,
        links: kept,
        sampled: true,
        kind,
        attribute: (key, value) => void attributes.set(key, value),
        event: () => {},
        addLinks: (more) => void kept.push(...more),
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

    const where = { "watchtower.tower": tower.publicKey, "watchtower.address": addressOf(1) }
    const negotiator = { "watchtower.negotiator": SessionNegotiator.SessionNegotiator.key }
    expect(
      seen.map(({ name, parent, attributes }) => ({ name, parent, attributes: Object.fromEntries(attributes) }))
    ).toEqual([
      { name: "watchtower.round", parent: undefined, attributes: negotiator },
      { name: "watchtower.connect", parent: "watchtower.round", attributes: where },
      { name: "watchtower.handshake", parent: "watchtower.connect", attributes: {} },
      {
        name: "watchtower.createSession",
        parent: "watchtower.round",
        attributes: { ...negotiator, ...where, "watchtower.code": 0 }
      }
    ])
  })
)

/** Runs a program in a small world, with its spans kept. */
const traced = (spec: WorldOptions, program: (world: World) => Effect.Effect<unknown>) => {
  const seen: Array<Seen> = []
  run(spec, program, Layer.setTracer(recording(seen)))
  return seen
}

const roundsOf = (seen: ReadonlyArray<Seen>) =>
  seen
    .filter(({ name }) => name === "watchtower.round")
    .map(({ links, parent }) => ({ parent, links: links.map(({ span }) => (span._tag === "Span" ? span.name : "")) }))

it("a round is linked to the callers of nextSession that it serves, and a child of the caller of negotiate", () => {
  const seen = traced({ towers: [good(100)] }, ({ negotiator }) =>
    Effect.gen(function* () {
      const first = yield* Effect.fork(Effect.withSpan(negotiator.nextSession, "first"))
      yield* Effect.sleep(50)
      const second = yield* Effect.fork(Effect.withSpan(negotiator.nextSession, "second"))
      yield* Fiber.join(first)
      yield* Fiber.join(second)
      yield* negotiator.requestSession
      yield* Effect.withSpan(negotiator.takeSession, "takes only")
      yield* Effect.orDie(Effect.withSpan(negotiator.negotiate, "third"))
    })
  )
  expect(roundsOf(seen)).toEqual([
    { parent: undefined, links: ["first", "second"] },
    { parent: undefined, links: ["second"] },
    { parent: undefined, links: [] },
    { parent: "third", links: [] }
  ])
})

it("the poll of the candidate list leaves no trace", () => {
  const db = (inner: ClientDb.Service): ClientDb.Service => ({
    ...inner,
    listTowers: Effect.withSpan(inner.listTowers, "sql.execute")
  })
  const seen = traced({ towers: [good()], db, pollInterval: second }, () => Effect.sleep(minute))
  expect(seen.filter(({ name, parent }) => name === "sql.execute" && parent === undefined).length).toBeLessThan(2)
  expect(seen.length).toBeLessThan(2)
})

/**
 * One process that takes sessions from towers, each with a negotiator and a database of its own, and writes what that cost as JSON. All
 * negotiators go on, each with one session after another, until together they have as many as are wanted.
 * `node negotiator.mjs CURVE COUNT WARM-UP URI DATABASE [URI DATABASE]...`; a database is `memory`, the URL of a Postgres, or a SQLite file.
 */
import { Array as Arr, Context, Effect, Layer, Logger, LogLevel, Redacted } from "effect"
import * as BrontideTowerTransport from "../../src/layers/BrontideTowerTransport.js"
import * as HdKeyRing from "../../src/layers/HdKeyRing.js"
import * as NodeSocketDialer from "../../src/layers/NodeSocketDialer.js"
import * as SessionNegotiator from "../../src/layers/negotiator/SessionNegotiator.js"
import * as PostgresClientDb from "../../src/layers/PostgresClientDb.js"
import * as RoundRobinTowerCandidates from "../../src/layers/RoundRobinTowerCandidates.js"
import * as SqliteClientDb from "../../src/layers/SqliteClientDb.js"
import * as MemoryClientDb from "../../src/layers/testing/MemoryClientDb.js"
import * as Chain from "../../src/schema/Chain.js"
import * as Policy from "../../src/schema/Policy.js"
import * as RootKey from "../../src/schema/RootKey.js"
import * as TowerUri from "../../src/schema/TowerUri.js"
import type { ClientDb } from "../../src/services/ClientDb.js"
import * as Curve from "../../src/services/Curve.js"
import { TowerCandidates } from "../../src/services/TowerCandidates.js"
import * as Meter from "./meter.js"

const [curveName = "", count = "", warmUp = "", ...places] = process.argv.slice(2)
const curves: Record<string, () => Curve.Curve.Service> = {
  noble: () => Curve.noble,
  WebAssembly: Curve.webAssembly,
  native: Curve.native
}
const makeCurve = curves[curveName]
if (makeCurve === undefined) throw new Error(`unknown curve ${curveName}`)
// One for all: WebAssembly has a memory for each.
const curve = makeCurve()
const chain = Chain.bitcoinRegtest

const databaseAt = (place: string): Layer.Layer<ClientDb, unknown> => {
  if (place === "memory") return MemoryClientDb.layer()
  return /^postgres(ql)?:/.test(place)
    ? PostgresClientDb.layer({ url: Redacted.make(place) })
    : SqliteClientDb.layer({ filename: place })
}

/** All that an application opens, with a seed of its own. */
const layerOver = (place: string) =>
  SessionNegotiator.layer({ chain, policy: Policy.defaults(chain) }).pipe(
    Layer.provideMerge(RoundRobinTowerCandidates.layer()),
    Layer.provide(Layer.provide(BrontideTowerTransport.layer(), NodeSocketDialer.layer)),
    Layer.provide(databaseAt(place)),
    Layer.provide(
      HdKeyRing.layer({
        chain,
        root: RootKey.RootKey.Seed({ bytes: Redacted.make(globalThis.crypto.getRandomValues(new Uint8Array(32))) })
      })
    ),
    Layer.provide(Layer.succeed(Curve.Curve, curve))
  )

/** A negotiator that knows one tower; it lives as long as the scope. */
const negotiatorOf = ([uri = "", place = ""]: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const opened = yield* Layer.build(layerOver(place))
    const { address, publicKey } = yield* TowerUri.parse(uri)
    yield* Context.get(opened, TowerCandidates).add(publicKey, address)
    return Context.get(opened, SessionNegotiator.SessionNegotiator)
  })

const program = Effect.gen(function* () {
  const negotiators = yield* Effect.forEach(Arr.chunksOf(places, 2), negotiatorOf)
  const take = (wanted: number, took: (time: number) => void) => {
    // Shared: with a number for each, the last ones would have the machine to themselves at the end.
    let left = wanted
    return Effect.forEach(
      negotiators,
      ({ nextSession }) =>
        Effect.gen(function* () {
          while (left > 0) {
            left -= 1
            const from = performance.now()
            yield* nextSession
            took(performance.now() - from)
          }
        }),
      { concurrency: "unbounded", discard: true }
    )
  }
  yield* take(Number(warmUp), () => {})
  const meter = Meter.start()
  yield* take(Number(count), meter.took)
  return meter.stop()
})

const figures = await Effect.runPromise(program.pipe(Effect.scoped, Logger.withMinimumLogLevel(LogLevel.None)))
console.log(JSON.stringify(figures))

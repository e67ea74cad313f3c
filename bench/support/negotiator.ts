/**
 * One process that takes sessions from one tower, one after the other, into a SQLite file, and writes what that cost as JSON.
 * `node negotiator.mjs URI CURVE COUNT WARM-UP`.
 */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { monitorEventLoopDelay, PerformanceObserver } from "node:perf_hooks"
import { Effect, Layer, Logger, LogLevel, Redacted } from "effect"
import * as BrontideTowerTransport from "../../src/layers/BrontideTowerTransport.js"
import * as HdKeyRing from "../../src/layers/HdKeyRing.js"
import * as NodeSocketDialer from "../../src/layers/NodeSocketDialer.js"
import * as SessionNegotiator from "../../src/layers/negotiator/SessionNegotiator.js"
import * as RoundRobinTowerCandidates from "../../src/layers/RoundRobinTowerCandidates.js"
import * as SqliteClientDb from "../../src/layers/SqliteClientDb.js"
import * as Chain from "../../src/schema/Chain.js"
import * as Policy from "../../src/schema/Policy.js"
import * as RootKey from "../../src/schema/RootKey.js"
import * as TowerUri from "../../src/schema/TowerUri.js"
import * as Curve from "../../src/services/Curve.js"
import { TowerCandidates } from "../../src/services/TowerCandidates.js"

const [uri = "", curveName = "", count = "", warmUp = ""] = process.argv.slice(2)
const curves: Record<string, () => Curve.Curve.Service> = {
  noble: () => Curve.noble,
  WebAssembly: Curve.webAssembly,
  native: Curve.native
}
const curve = curves[curveName]
if (curve === undefined) throw new Error(`unknown curve ${curveName}`)

const chain = Chain.bitcoinRegtest
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "bench-"))
const db = SqliteClientDb.layer({ filename: path.join(folder, "client.db") })
const layer = SessionNegotiator.layer({ chain, policy: Policy.defaults(chain) }).pipe(
  Layer.provideMerge(RoundRobinTowerCandidates.layer()),
  Layer.provide(Layer.provide(BrontideTowerTransport.layer(), NodeSocketDialer.layer)),
  Layer.provide(db),
  Layer.provide(
    HdKeyRing.layer({
      chain,
      root: RootKey.RootKey.Seed({ bytes: Redacted.make(globalThis.crypto.getRandomValues(new Uint8Array(32))) })
    })
  ),
  Layer.provide(Layer.succeed(Curve.Curve, curve()))
)

let collections = 0
let collecting = 0
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    collections += 1
    collecting += entry.duration
  }
}).observe({ entryTypes: ["gc"] })

const program = Effect.gen(function* () {
  const negotiator = yield* SessionNegotiator.SessionNegotiator
  const candidates = yield* TowerCandidates
  const { address, publicKey } = yield* TowerUri.parse(uri)
  yield* candidates.add(publicKey, address)
  for (let n = 0; n < Number(warmUp); n++) yield* negotiator.nextSession
  const loop = monitorEventLoopDelay({ resolution: 1 })
  loop.enable()
  collections = 0
  collecting = 0
  const cpu = process.cpuUsage()
  const began = performance.now()
  const times: Array<number> = []
  for (let n = 0; n < Number(count); n++) {
    const from = performance.now()
    yield* negotiator.nextSession
    times.push(performance.now() - from)
  }
  const elapsed = performance.now() - began
  const { system, user } = process.cpuUsage(cpu)
  loop.disable()
  const sorted = [...times].sort((a, b) => a - b)
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] ?? 0
  return {
    rate: (1000 * times.length) / elapsed,
    p50: at(0.5),
    p99: at(0.99),
    cpu: (user + system) / 1000 / times.length,
    block: loop.max / 1e6,
    collections: collections / times.length,
    collecting: collecting / times.length
  }
})

const figures = await Effect.runPromise(
  program.pipe(Effect.provide(layer), Effect.provide(Logger.minimumLogLevel(LogLevel.None)))
)
fs.rmSync(folder, { recursive: true })
console.log(JSON.stringify(figures))

/**
 * One process with negotiators that wait for a session, which writes as JSON what they cost while they wait: the share of a processor
 * over some seconds, and bytes. Run with `--expose-gc`: `node idler.mjs WHAT COUNT SECONDS`. WHAT: `alone`, without any tower; `resting`,
 * with towers that all rest; `refused`, with towers that are all in quarantine; `apart`, without any tower, each with a database of its own;
 * `unshared`, without any tower, on a database in which no other process is looked for. `none`: no negotiator, but a timer for each four
 * seconds, which is how often the list of towers is looked at.
 */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { Context, Effect, Layer, Logger, LogLevel } from "effect"
import * as SessionNegotiator from "../../src/layers/negotiator/SessionNegotiator.js"
import * as RoundRobinTowerCandidates from "../../src/layers/RoundRobinTowerCandidates.js"
import * as SqliteClientDb from "../../src/layers/SqliteClientDb.js"
import * as FixedKeyRing from "../../src/layers/testing/FixedKeyRing.js"
import * as ScriptedTowerTransport from "../../src/layers/testing/ScriptedTowerTransport.js"
import * as TowerScript from "../../src/layers/testing/TowerScript.js"
import type { NegotiatorStatus } from "../../src/schema/NegotiatorStatus.js"
import * as Code from "../../src/schema/wire/Code.js"
import { TowerCandidates } from "../../src/services/TowerCandidates.js"
import { address, publicKey } from "../../test/services/ClientDb/samples.js"
import { chain, policy } from "./filling.js"

const [what = "", count = "", seconds = ""] = process.argv.slice(2)
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "bench-"))
const towers = what === "resting" || what === "refused" ? 3 : 0

const script = what === "refused" ? TowerScript.replies(Code.rejectBlobType) : TowerScript.failsAt("dial")
const transport = ScriptedTowerTransport.make(() => script, { remember: 1 }).layer

/** Its towers' failures all lie in the first second. */
const negotiator = SessionNegotiator.layer({ chain, policy, minBackoff: "5 minutes" })
const shared = Layer.merge(transport, FixedKeyRing.layer)
const database = (name: string) =>
  RoundRobinTowerCandidates.layer(what === "unshared" ? { pollInterval: Number.POSITIVE_INFINITY } : {}).pipe(
    Layer.provideMerge(SqliteClientDb.layer({ filename: path.join(folder, name) }))
  )

const isWaiting = ({ state: { _tag } }: NegotiatorStatus) => _tag === "BackingOff" || _tag === "WaitingForCandidates"

const memory = () => {
  globalThis.gc?.()
  const { arrayBuffers, heapUsed, rss } = process.memoryUsage()
  return { heap: heapUsed + arrayBuffers, rss }
}

const percentOf = Effect.gen(function* () {
  // The engine collects garbage for some seconds more.
  yield* Effect.sleep("12 seconds")
  const [began, used] = [performance.now(), process.cpuUsage()]
  yield* Effect.sleep(Number(seconds) * 1000)
  const { system, user } = process.cpuUsage(used)
  return ((system + user) / 1000 / (performance.now() - began)) * 100
})

const nothing = Effect.gen(function* () {
  yield* Effect.acquireRelease(
    Effect.sync(() => setInterval(() => {}, 4000)),
    (timer) => Effect.sync(() => clearInterval(timer))
  )
  return { cpu: yield* percentOf, heap: 0, rss: 0 }
})

const waiting = Effect.gen(function* () {
  const scope = yield* Effect.scope
  const open = <A, E>(layer: Layer.Layer<A, E>) => Layer.buildWithScope(layer, scope)
  const wait = <E>(layer: Layer.Layer<SessionNegotiator.SessionNegotiator, E>) =>
    Effect.gen(function* () {
      const negotiator = Context.get(yield* open(layer), SessionNegotiator.SessionNegotiator)
      yield* Effect.forkScoped(negotiator.nextSession)
      while (!isWaiting(yield* negotiator.status)) yield* Effect.sleep("10 millis")
    })
  const ports = Layer.succeedContext(yield* open(Layer.merge(shared, database("shared"))))
  const { add } = yield* Effect.provide(TowerCandidates, ports)
  for (let n = 1; n <= towers; n++) yield* add(publicKey(n), address(n))
  const next = (n: number) => (what === "apart" ? Layer.merge(shared, database(`${n}`)) : ports)
  // What the first one makes is made once.
  yield* wait(Layer.provide(negotiator, next(0)))
  yield* Effect.sleep("1 second")
  const before = memory()
  for (let n = 1; n < Number(count); n++) yield* wait(Layer.provide(negotiator, next(n)))
  const cpu = yield* percentOf
  // Last: what it starts goes on for a while, and is no wait of theirs.
  const after = memory()
  const each = (total: number) => total / Math.max(1, Number(count) - 1) / 1024
  return {
    cpu,
    heap: each(after.heap - before.heap),
    rss: each(after.rss - before.rss)
  }
})

const program = what === "none" ? nothing : waiting
const figures = await Effect.runPromise(program.pipe(Effect.scoped, Logger.withMinimumLogLevel(LogLevel.None)))
fs.rmSync(folder, { recursive: true })
console.log(JSON.stringify(figures))

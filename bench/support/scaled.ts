/**
 * One process that opens a filled database and writes as JSON what a negotiator costs there: its start, its sessions, pages of them, and
 * what it keeps in memory. Run with `--expose-gc`: `node scaled.mjs SQLite FILE` or `node scaled.mjs Postgres URL`, and the number of
 * sessions.
 */
import { monitorEventLoopDelay } from "node:perf_hooks"
import { Effect, Layer, Logger, LogLevel, Redacted } from "effect"
import * as SessionNegotiator from "../../src/layers/negotiator/SessionNegotiator.js"
import * as PostgresClientDb from "../../src/layers/PostgresClientDb.js"
import * as RoundRobinTowerCandidates from "../../src/layers/RoundRobinTowerCandidates.js"
import * as SqliteClientDb from "../../src/layers/SqliteClientDb.js"
import * as FixedKeyRing from "../../src/layers/testing/FixedKeyRing.js"
import * as ScriptedTowerTransport from "../../src/layers/testing/ScriptedTowerTransport.js"
import * as TowerScript from "../../src/layers/testing/TowerScript.js"
import { KeyIndex, TowerId } from "../../src/schema/Ids.js"
import { ClientDb } from "../../src/services/ClientDb.js"
import { start } from "../../test/services/ClientDb/samples.js"
import { median } from "./figures.js"
import { chain, policy } from "./filling.js"

const [engine = "", location = "", count = ""] = process.argv.slice(2)
const sessions = Number(count)
const negotiations = 200

const database: Layer.Layer<ClientDb, unknown> =
  engine === "SQLite"
    ? SqliteClientDb.layer({ filename: location })
    : PostgresClientDb.layer({ url: Redacted.make(location) })

/** Everything that an application opens, except sockets. */
const negotiator = SessionNegotiator.layer({ chain, policy, firstKeyIndex: KeyIndex.make(10_000_000) }).pipe(
  Layer.provide(RoundRobinTowerCandidates.layer()),
  Layer.provide(ScriptedTowerTransport.make(() => TowerScript.ok, { remember: 1 }).layer),
  Layer.provideMerge(database),
  Layer.provide(FixedKeyRing.layer)
)

const cpu = () => {
  const { system, user } = process.cpuUsage()
  return (system + user) / 1000
}

/** The medians of the milliseconds that it takes, and of the processor. Often, but for no longer than a second or two. */
const costOf = <E, R>(effect: Effect.Effect<unknown, E, R>, times: number) =>
  Effect.gen(function* () {
    const walls: Array<number> = []
    const cpus: Array<number> = []
    const end = performance.now() + 2000
    for (let n = 0; n < times && performance.now() < end; n++) {
      const [began, before] = [performance.now(), cpu()]
      yield* effect
      walls.push(performance.now() - began)
      cpus.push(cpu() - before)
    }
    return { wall: median(walls), cpu: median(cpus) }
  })

const memory = () => {
  globalThis.gc?.()
  const { arrayBuffers, heapUsed } = process.memoryUsage()
  return (heapUsed + arrayBuffers) / 1e6
}

const program = Effect.gen(function* () {
  const open = Effect.scoped(Layer.build(negotiator))
  const began = performance.now()
  yield* open
  const first = performance.now() - began
  const opened = yield* costOf(open, 9)

  return yield* Effect.gen(function* () {
    const db = yield* ClientDb
    const { nextSession } = yield* SessionNegotiator.SessionNegotiator
    for (let n = 0; n < 20; n++) yield* nextSession
    const heap = memory()
    const loop = monitorEventLoopDelay({ resolution: 1 })
    loop.enable()
    const cpuBefore = cpu()
    const walls: Array<number> = []
    for (let n = 0; n < negotiations; n++) {
      const from = performance.now()
      yield* nextSession
      walls.push(performance.now() - from)
      // The event loop turns, so that what is blocked between two turns is one session.
      yield* Effect.sleep(0)
    }
    loop.disable()
    const negotiation = { wall: median(walls), cpu: (cpu() - cpuBefore) / negotiations }

    const page = (filter: ClientDb.SessionFilter) => costOf(db.listClientSessions(filter), 100)
    const half = start + (sessions / 2) * 1000
    yield* page({})
    return {
      first,
      start: opened.wall,
      startCpu: opened.cpu,
      negotiation: negotiation.wall,
      negotiationCpu: negotiation.cpu,
      block: loop.max / 1e6,
      heap,
      page: (yield* page({})).wall,
      lastPage: (yield* page({ after: KeyIndex.make(Math.max(1, sessions - 100)) })).wall,
      pageOfTower: (yield* page({ towerId: TowerId.make(5) })).wall,
      pageOfStatus: (yield* page({ status: "inactive" })).wall,
      pageOfAge: (yield* page({ createdBefore: half })).wall,
      pageOfTowerAndAge: (yield* page({ towerId: TowerId.make(5), createdBefore: half })).wall
    }
  }).pipe(Effect.provide(negotiator))
})

console.log(
  JSON.stringify(await Effect.runPromise(program.pipe(Effect.scoped, Logger.withMinimumLogLevel(LogLevel.None))))
)

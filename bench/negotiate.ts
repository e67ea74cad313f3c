/**
 * Sessions from one real lnd tower, one after the other: by our negotiator with each curve and with each database, by a program without
 * Effect that does no more than it must, and by lnd's own negotiator, in turn and several times, each time in a process of its own. The
 * machine drifts, so only figures of one run can be compared. Needs the Go programs of `interop/` (`interop/build`).
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { SqlClient } from "@effect/sql"
import { Effect, Schema, type Scope } from "effect"
import * as SqliteClientDb from "../src/layers/SqliteClientDb.js"
import * as DatabaseCheck from "../src/layers/sql/databaseCheck.js"
import { bitcoinRegtest } from "../src/schema/Chain.js"
import { KeyIndex } from "../src/schema/Ids.js"
import { temporary } from "../test/interop/support/folder.js"
import * as Program from "../test/interop/support/program.js"
import * as Tower from "../test/interop/support/tower.js"
import * as Postgres from "../test/layers/sql/postgres.js"
import { bundle } from "./support/bundle.js"
import * as Children from "./support/children.js"
import { runs, sessions, warmUp } from "./support/counts.js"
import { printFigures, printRatios } from "./support/figures.js"
import { columns, type Figures, percentiles } from "./support/meter.js"
import type { Steps } from "./support/steps.js"

const file = path.resolve("node_modules/.cache/bench-negotiators.mjs")
const floorFile = path.resolve("node_modules/.cache/bench-floor.mjs")

/** What a process of `support/floor.ts` writes. */
interface FloorFigures extends Figures {
  readonly steps: Steps
}

/** Figures of one run, in a process of its own. */
type Run<A = Figures> = Effect.Effect<A, unknown, Scope.Scope>

const uriOf = ({ address, publicKey }: Tower.RealTower) => `${publicKey}@${address}`

const ours = (curve: string, uri: string, database: string): Run =>
  Effect.promise(() => Children.figuresOf([file, curve, `${sessions}`, `${warmUp}`, uri, database]))

/** With a SQLite file, which is synced for each session. */
const oursOnFile = (curve: string, uri: string): Run =>
  Effect.flatMap(temporary, (folder) => ours(curve, uri, path.join(folder, "client.db")))

const oursOnPostgres = (uri: string, { url }: Postgres.Server): Run =>
  Effect.flatMap(Postgres.newSchema(url), (schema) => ours("native", uri, schema))

/** A new database that knows one tower. Its identity is not looked at again: no negotiator opens it. */
const databaseWith = (filename: string, { address, publicKey }: Tower.RealTower) =>
  Effect.gen(function* () {
    const db = yield* SqliteClientDb.make({ filename })
    const { chainHash } = bitcoinRegtest
    yield* db.bindIdentity({ chainHash, layout: "lnd", publicKey, firstKeyIndex: KeyIndex.make(1) })
    yield* db.createTower(publicKey, address)
  })

/** A floor that leaves out some of its work would be too low: the client must find each session, and nothing that is wrong. */
const checkFloor = (filename: string) =>
  Effect.gen(function* () {
    const sql = yield* SqliteClientDb.client({ filename })
    const [wrong] = yield* Effect.provideService(DatabaseCheck.check, SqlClient.SqlClient, sql)
    if (wrong !== undefined) return yield* Effect.dieMessage(`the floor's ${wrong.table}: ${wrong.detail}`)
    const db = yield* SqliteClientDb.make({ filename })
    const wanted = sessions + warmUp
    const stored = yield* db.listClientSessions({ limit: wanted + 1 })
    if (stored.length !== wanted) return yield* Effect.dieMessage(`the floor has stored ${stored.length} sessions`)
  })

/** The program without Effect, on the client's own tables. */
const floor = (tower: Tower.RealTower): Run<FloorFigures> =>
  Effect.gen(function* () {
    const filename = path.join(yield* temporary, "client.db")
    yield* Effect.scoped(databaseWith(filename, tower))
    const args = [floorFile, uriOf(tower), filename, `${sessions}`, `${warmUp}`]
    const figures: FloorFigures = yield* Effect.promise(() => Children.figuresOf(args))
    yield* checkFloor(filename)
    return figures
  })

/** What the Go program says of sessions, in milliseconds. */
const Acquired = Schema.Struct({ times: Schema.Array(Schema.Number), elapsed: Schema.Number, cpu: Schema.Number })

/** lnd's negotiator, whose keys are derived from a hash in memory. */
const theirs = (uri: string): Run =>
  Effect.gen(function* () {
    const dir = yield* temporary
    const seed = path.basename(dir)
    const program = yield* Program.start("lnd", "negotiator", { dir, network: "regtest", types: "2", tower: uri, seed })
    const acquire = (Count: number) => program.ask(Acquired, "acquire", { Count })
    yield* acquire(warmUp)
    const { cpu, elapsed, times } = yield* acquire(sessions)
    return { rate: (1000 * sessions) / elapsed, ...percentiles(times), cpu: cpu / sessions }
  })

/** By name, in the order of their turns. The database is a SQLite file where no other is named. */
const kinds = (
  tower: Tower.RealTower,
  server: Postgres.Server | undefined,
  noteSteps: (steps: Steps) => void
): ReadonlyArray<readonly [name: string, run: Run]> => {
  const uri = uriOf(tower)
  const floorAlone = Effect.map(floor(tower), ({ steps, ...figures }) => {
    noteSteps(steps)
    return figures
  })
  return [
    ["noble", oursOnFile("noble", uri)],
    ["WebAssembly", oursOnFile("WebAssembly", uri)],
    ["native", oursOnFile("native", uri)],
    ["native, memory", ours("native", uri, "memory")],
    ["native, SQLite in memory", ours("native", uri, ":memory:")],
    ...(server === undefined ? [] : [["native, Postgres", oursOnPostgres(uri, server)] as const]),
    ["floor", floorAlone],
    ["lnd's negotiator", theirs(uri)]
  ]
}

const measure = (server: Postgres.Server | undefined) =>
  Effect.gen(function* () {
    const tower = yield* Tower.start("lnd", { network: "regtest" })
    const found = new Map<string, Array<Figures>>()
    const steps: Array<Steps> = []
    for (let run = 0; run < runs; run++) {
      for (const [name, once] of kinds(tower, server, (ofRun) => steps.push(ofRun))) {
        found.set(name, [...(found.get(name) ?? []), yield* Effect.scoped(once)])
      }
    }
    return { found, steps }
  })

const printSteps = (steps: ReadonlyArray<Steps>): void => {
  const titles = Object.keys(steps[0] ?? {})
  printFigures(
    new Map([["floor, by step, mean microseconds", steps]]),
    titles.map((title) => [title, title] as const)
  )
}

/** Prints tables; answers the figures of each run by its kind, and those of the floor by step. @since 0.1.0 */
export const negotiate = async (): Promise<Record<string, ReadonlyArray<Figures> | ReadonlyArray<Steps>>> => {
  if (!fs.existsSync("interop/bin/lnd")) throw new Error("Build the Go programs first: interop/build")
  await bundle("bench/support/negotiator.ts", file)
  await bundle("bench/support/floor.ts", floorFile)
  const server = await Postgres.start({ fsync: true })
  if (server === undefined) console.log("Postgres is left out: there is no server.")
  try {
    const { found, steps } = await Effect.runPromise(Effect.scoped(measure(server)))
    console.log(`${sessions} sessions after ${warmUp}, ${runs} runs: median (least to most)`)
    printFigures(found, columns)
    printRatios(found, "rate", [
      ["native", "floor"],
      ["native", "lnd's negotiator"],
      ["floor", "lnd's negotiator"]
    ])
    printSteps(steps)
    return { ...Object.fromEntries(found), "floor by step": steps }
  } finally {
    await server?.stop()
  }
}

/**
 * Sessions from one real lnd tower, one after the other: by our negotiator with each curve and with each database, by a program without
 * Effect that does no more than it must, and by lnd's own negotiator, in turn and several times, each time in a process of its own. The
 * machine drifts, so only figures of one run can be compared. Needs the Go programs of `interop/` (`interop/build`).
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { Effect, Schema, type Scope } from "effect"
import { temporary } from "../test/interop/support/folder.js"
import * as Program from "../test/interop/support/program.js"
import * as Tower from "../test/interop/support/tower.js"
import * as Postgres from "../test/layers/sql/postgres.js"
import { bundle } from "./support/bundle.js"
import * as Children from "./support/children.js"
import { runs, sessions, warmUp } from "./support/counts.js"
import { printFigures, printRatios } from "./support/figures.js"
import { columns, type Figures, percentiles } from "./support/meter.js"

const file = path.resolve("node_modules/.cache/bench-negotiator.mjs")

/** Figures of one run, in a process of its own. */
type Run<A = Figures> = Effect.Effect<A, unknown, Scope.Scope>

const ours = (curve: string, uri: string, database: string): Run =>
  Effect.promise(() => Children.figuresOf([file, curve, `${sessions}`, `${warmUp}`, uri, database]))

/** With a SQLite file, which is synced for each session. */
const oursOnFile = (curve: string, uri: string): Run =>
  Effect.flatMap(temporary, (folder) => ours(curve, uri, path.join(folder, "client.db")))

const oursOnPostgres = (uri: string, { url }: Postgres.Server): Run =>
  Effect.flatMap(Postgres.newSchema(url), (schema) => ours("native", uri, schema))

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
const kinds = (uri: string, server: Postgres.Server | undefined): ReadonlyArray<readonly [name: string, run: Run]> => [
  ["noble", oursOnFile("noble", uri)],
  ["WebAssembly", oursOnFile("WebAssembly", uri)],
  ["native", oursOnFile("native", uri)],
  ["native, memory", ours("native", uri, "memory")],
  ["native, SQLite in memory", ours("native", uri, ":memory:")],
  ...(server === undefined ? [] : [["native, Postgres", oursOnPostgres(uri, server)] as const]),
  ["lnd's negotiator", theirs(uri)]
]

const measure = (server: Postgres.Server | undefined) =>
  Effect.gen(function* () {
    const tower = yield* Tower.start("lnd", { network: "regtest" })
    const uri = `${tower.publicKey}@${tower.address}`
    const found = new Map<string, Array<Figures>>()
    for (let run = 0; run < runs; run++) {
      for (const [name, once] of kinds(uri, server)) {
        found.set(name, [...(found.get(name) ?? []), yield* Effect.scoped(once)])
      }
    }
    return found
  })

/** Prints a table; answers the figures of each run by its kind. @since 0.1.0 */
export const negotiate = async (): Promise<Record<string, ReadonlyArray<Figures>>> => {
  if (!fs.existsSync("interop/bin/lnd")) throw new Error("Build the Go programs first: interop/build")
  await bundle("bench/support/negotiator.ts", file)
  const server = await Postgres.start({ fsync: true })
  if (server === undefined) console.log("Postgres is left out: there is no server.")
  try {
    const found = await Effect.runPromise(Effect.scoped(measure(server)))
    console.log(`${sessions} sessions after ${warmUp}, ${runs} runs: median (least to most)`)
    printFigures(found, columns)
    printRatios(found, "rate", [["native", "lnd's negotiator"]])
    return Object.fromEntries(found)
  } finally {
    await server?.stop()
  }
}

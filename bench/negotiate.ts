/**
 * Sessions from one real lnd tower, one after the other, into a database that is synced for each: by our negotiator with each
 * curve and by lnd's own, in turn and several times, each time in a process of its own. The machine drifts, so only figures of
 * one run can be compared. Needs the Go programs of `interop/` (`interop/build`).
 */
import { execFile } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { promisify } from "node:util"
import { Effect, Schema, type Scope } from "effect"
import * as Program from "../test/interop/support/program.js"
import * as Tower from "../test/interop/support/tower.js"
import { bundle } from "./support/bundle.js"
import { type Column, printFigures } from "./support/figures.js"

/** What a process of `support/negotiator.ts` writes: sessions a second, and milliseconds for each session. */
interface Figures {
  readonly rate: number
  readonly p50: number
  readonly p99: number
  readonly cpu: number
  readonly block?: number
  readonly collections?: number
  readonly collecting?: number
}

const curves = ["noble", "WebAssembly", "native"] as const
const runs = Number(process.env.RUNS ?? 3)
const sessions = 300
const warmUp = 200
const file = path.resolve("node_modules/.cache/bench-negotiator.mjs")

const ours = (uri: string, curve: string): Effect.Effect<Figures> =>
  Effect.promise(async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [file, uri, curve, `${sessions}`, `${warmUp}`])
    return JSON.parse(stdout)
  })

/** What the Go program says of sessions, in milliseconds. */
const Acquired = Schema.Struct({ times: Schema.Array(Schema.Number), elapsed: Schema.Number, cpu: Schema.Number })

/** lnd's negotiator, whose keys are derived from a hash in memory. */
const theirs = (uri: string): Effect.Effect<Figures, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), "bench-lnd-"))
    yield* Effect.addFinalizer(() => Effect.sync(() => fs.rmSync(dir, { recursive: true })))
    const seed = path.basename(dir)
    const program = yield* Program.start("lnd", "negotiator", { dir, network: "regtest", types: "2", tower: uri, seed })
    const acquire = (Count: number) => program.ask(Acquired, "acquire", { Count })
    yield* acquire(warmUp)
    const { cpu, elapsed, times } = yield* acquire(sessions)
    const sorted = [...times].sort((a, b) => a - b)
    const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] ?? 0
    return { rate: (1000 * sessions) / elapsed, p50: at(0.5), p99: at(0.99), cpu: cpu / sessions }
  })

const columns: ReadonlyArray<Column<Figures>> = [
  ["sessions/s", "rate"],
  ["p50 ms", "p50"],
  ["p99 ms", "p99"],
  ["CPU ms", "cpu"],
  ["longest block ms", "block"],
  ["collections", "collections"],
  ["collecting ms", "collecting"]
]

const program = Effect.gen(function* () {
  const tower = yield* Tower.start("lnd", { network: "regtest" })
  const uri = `${tower.publicKey}@${tower.address}`
  const found = new Map<string, Array<Figures>>()
  const note = (name: string, figures: Figures) => void found.set(name, [...(found.get(name) ?? []), figures])
  for (let run = 0; run < runs; run++) {
    for (const curve of curves) note(curve, yield* ours(uri, curve))
    note("lnd's negotiator", yield* Effect.scoped(theirs(uri)))
  }
  return found
})

/** Prints a table; answers the figures of each run by curve. @since 0.1.0 */
export const negotiate = async (): Promise<Record<string, ReadonlyArray<Figures>>> => {
  if (!fs.existsSync("interop/bin/lnd")) throw new Error("Build the Go programs first: interop/build")
  await bundle("bench/support/negotiator.ts", file)
  const found = await Effect.runPromise(Effect.scoped(program))
  console.log(`${sessions} sessions after ${warmUp}, ${runs} runs: median (least to most)`)
  printFigures(found, columns)
  return Object.fromEntries(found)
}

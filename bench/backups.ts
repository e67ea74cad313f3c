/**
 * States that get their copies at one real lnd tower, into a SQLite file that is synced for each window: by our client and by
 * lnd's own in turn, several times, each time in a process of its own: once as they are handed in, and once with all handed in before;
 * then behind a proxy that delays every byte, in windows and one by one. The machine drifts, so only figures of one run can be compared.
 * Needs the Go programs of `interop/` (`interop/build`).
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
import * as DelayingProxy from "./support/delayingProxy.js"
import { type Column, printFigures } from "./support/figures.js"

/** What a process of `support/backer.ts` writes: states a second, and milliseconds. */
interface Figures {
  readonly rate: number
  readonly handIn?: number
  readonly p50?: number
  readonly p99?: number
  readonly cpu?: number
}

const runs = 3
const states = Number(process.env.STATES ?? 10_000)
/** Behind the proxy, one by one, a state takes 0.3 s. */
const farStates = { window: 1_000, single: 40 }
const delay = 150
const file = path.resolve("node_modules/.cache/bench-backer.mjs")

const ours = (uri: string, count: number, window: number, when: "meanwhile" | "before"): Effect.Effect<Figures> =>
  Effect.promise(async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [file, uri, `${count}`, `${window}`, when])
    return JSON.parse(stdout)
  })

/** lnd's client, which syncs its database twice for each update. */
const theirs = (uri: string, count: number): Effect.Effect<Figures, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "bench-lnd-"))
    yield* Effect.addFinalizer(() => Effect.sync(() => fs.rmSync(folder, { recursive: true })))
    const program = yield* Program.start("lnd", "client", {
      dir: folder,
      network: "regtest",
      // Altruist sessions for channels with anchors.
      types: "6",
      tower: uri,
      seed: path.basename(folder)
    })
    const backUp = (First: number, Count: number) => program.ask(Schema.Number, "backUp", { First, Count })
    yield* backUp(0, 200)
    const began = performance.now()
    yield* backUp(200, count)
    return { rate: (1000 * count) / (performance.now() - began) }
  })

const columns: ReadonlyArray<Column<Figures>> = [
  ["states/s", "rate"],
  ["handed in/s", "handIn"],
  ["backupState p50 ms", "p50"],
  ["backupState p99 ms", "p99"],
  ["CPU ms", "cpu"]
]

const program = Effect.gen(function* () {
  const tower = yield* Tower.start("lnd", { network: "regtest" })
  const uri = `${tower.publicKey}@${tower.address}`
  const far = `${tower.publicKey}@${yield* DelayingProxy.make(tower.address, delay)}`
  const found = new Map<string, Array<Figures>>()
  const note = (name: string, figures: Figures) => void found.set(name, [...(found.get(name) ?? []), figures])
  for (let run = 0; run < runs; run++) {
    note(`${states} states, ours`, yield* ours(uri, states, 32, "meanwhile"))
    note(`${states} states that were handed in before, ours`, yield* ours(uri, states, 32, "before"))
    note(`${states} states, lnd's client`, yield* Effect.scoped(theirs(uri, states)))
    note(`${delay} ms each way, windows of 32`, yield* ours(far, farStates.window, 32, "meanwhile"))
    note(`${delay} ms each way, one by one`, yield* ours(far, farStates.single, 1, "meanwhile"))
  }
  return found
})

/** Prints a table; answers the figures of each run. @since 0.1.0 */
export const backups = async (): Promise<Record<string, ReadonlyArray<Figures>>> => {
  if (!fs.existsSync("interop/bin/lnd")) throw new Error("Build the Go programs first: interop/build")
  await bundle("bench/support/backer.ts", file)
  const found = await Effect.runPromise(Effect.scoped(program))
  console.log(`${runs} runs: median (least to most)`)
  printFigures(found, columns)
  return Object.fromEntries(found)
}

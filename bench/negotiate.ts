/**
 * Sessions from one real lnd tower, one after the other, into a SQLite file that is synced for each: with each curve, in turn
 * and several times, each time in a process of its own. The machine drifts, so only figures of one run can be compared.
 * Needs the Go programs of `interop/` (`interop/build`).
 */
import { execFile } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { promisify } from "node:util"
import { Effect } from "effect"
import * as Tower from "../test/interop/support/tower.js"
import { bundle } from "./support/bundle.js"
import { type Column, printFigures } from "./support/figures.js"

/** What a process of `support/negotiator.ts` writes: sessions a second, and milliseconds for each session. */
interface Figures {
  readonly rate: number
  readonly p50: number
  readonly p99: number
  readonly cpu: number
  readonly block: number
  readonly collections: number
  readonly collecting: number
}

const curves = ["noble", "WebAssembly", "native"] as const
const runs = 3
const sessions = 300
const warmUp = 200
const file = path.resolve("node_modules/.cache/bench-negotiator.mjs")

const measure = (uri: string, curve: string): Effect.Effect<Figures> =>
  Effect.promise(async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [file, uri, curve, `${sessions}`, `${warmUp}`])
    return JSON.parse(stdout)
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
  const found = new Map<string, Array<Figures>>(curves.map((curve) => [curve, []]))
  for (let run = 0; run < runs; run++) {
    for (const curve of curves) found.get(curve)?.push(yield* measure(uri, curve))
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

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
import { build } from "esbuild"
import * as Tower from "../test/interop/support/tower.js"

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

const columns: ReadonlyArray<readonly [title: string, figure: keyof Figures]> = [
  ["sessions/s", "rate"],
  ["p50 ms", "p50"],
  ["p99 ms", "p99"],
  ["CPU ms", "cpu"],
  ["longest block ms", "block"],
  ["collections", "collections"],
  ["collecting ms", "collecting"]
]

/** The median, and from least to most. */
const spread = (values: ReadonlyArray<number>): string => {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (share: number) => (sorted[Math.round(share * (sorted.length - 1))] ?? 0).toPrecision(3)
  return `${at(0.5)} (${at(0)} to ${at(1)})`
}

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
  await build({
    entryPoints: ["bench/support/negotiator.ts"],
    outfile: file,
    bundle: true,
    packages: "external",
    platform: "node",
    format: "esm",
    logLevel: "error"
  })
  const found = await Effect.runPromise(Effect.scoped(program))
  console.log(`${sessions} sessions after ${warmUp}, ${runs} runs: median (least to most)`)
  for (const [curve, figures] of found) {
    console.log(`\n${curve}`)
    for (const [title, figure] of columns) {
      console.log(`  ${title.padEnd(18)}${spread(figures.map((one) => one[figure]))}`)
    }
  }
  return Object.fromEntries(found)
}

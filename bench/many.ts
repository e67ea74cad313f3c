/**
 * Sessions of eight negotiators in one process, each with a SQLite file and a real lnd tower of its own, by each curve in turn and
 * several times. What one of them does, the others wait for: so what counts is how many sessions there are altogether, and for how long
 * the event loop is blocked. The machine drifts, so only figures of one run can be compared. Needs the Go programs of `interop/`
 * (`interop/build`).
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { Array as Arr, Effect } from "effect"
import { temporary } from "../test/interop/support/folder.js"
import * as Tower from "../test/interop/support/tower.js"
import { bundle } from "./support/bundle.js"
import * as Children from "./support/children.js"
import { runs, sessions, warmUp } from "./support/counts.js"
import { printFigures } from "./support/figures.js"
import { columns, type Figures } from "./support/meter.js"

const negotiators = 8
const curves = ["noble", "WebAssembly", "native"] as const
const file = path.resolve("node_modules/.cache/bench-negotiators.mjs")

/** Figures of one run, in a process of its own. */
const measure = (curve: string, towers: ReadonlyArray<Tower.RealTower>) =>
  Effect.gen(function* () {
    const folder = yield* temporary
    const places = towers.flatMap(({ address, publicKey }, n) => [
      `${publicKey}@${address}`,
      path.join(folder, `client-${n}.db`)
    ])
    const args = [file, curve, `${sessions}`, `${warmUp}`, ...places]
    const figures: Figures = yield* Effect.promise(() => Children.figuresOf(args))
    return figures
  })

const program = Effect.gen(function* () {
  const towers = yield* Effect.all(Arr.makeBy(negotiators, () => Tower.start("lnd", { network: "regtest" })))
  const found = new Map<string, Array<Figures>>()
  for (let run = 0; run < runs; run++) {
    for (const curve of curves) {
      found.set(curve, [...(found.get(curve) ?? []), yield* Effect.scoped(measure(curve, towers))])
    }
  }
  return found
})

/** Prints a table; answers the figures of each run by curve. @since 0.1.0 */
export const many = async (): Promise<Record<string, ReadonlyArray<Figures>>> => {
  if (!fs.existsSync("interop/bin/lnd")) throw new Error("Build the Go programs first: interop/build")
  await bundle("bench/support/negotiator.ts", file)
  const found = await Effect.runPromise(Effect.scoped(program))
  console.log(
    `${sessions} sessions after ${warmUp}, of ${negotiators} negotiators altogether, ${runs} runs: median (least to most)`
  )
  printFigures(found, columns)
  return Object.fromEntries(found)
}

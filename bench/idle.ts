/**
 * What a thousand negotiators in one process cost while they wait for a session: the share of one processor over ten seconds, and memory
 * for each. Without any tower, with towers that rest after a failure, and with towers that have refused the policy for good; over one
 * database, and with a database and a list of towers for each. Each in a process of its own, in turn, one negotiator alone too, and beside
 * them a process in which a timer does nothing each four seconds.
 */
import * as path from "node:path"
import { bundle } from "./support/bundle.js"
import * as Children from "./support/children.js"
import { type Column, printFigures } from "./support/figures.js"

/** What a process of `support/idler.ts` writes: percent, and kibibytes for each negotiator. */
interface Figures {
  readonly cpu: number
  readonly heap?: number
  readonly rss?: number
}

const runs = Number(process.env.RUNS ?? 3)
const count = Number(process.env.COUNT ?? 1000)
const seconds = 10
const file = path.resolve("node_modules/.cache/bench-idler.mjs")

const columns: ReadonlyArray<Column<Figures>> = [
  ["CPU %", "cpu"],
  ["heap each, KiB", "heap"],
  ["rss each, KiB", "rss"]
]

const kinds: ReadonlyArray<readonly [name: string, args: ReadonlyArray<string>]> = [
  ["none, and a timer", ["none", "1"]],
  ["one without a tower", ["alone", "1"]],
  [`${count} without a tower`, ["alone", `${count}`]],
  [`${count} without a tower, and no other process`, ["unshared", `${count}`]],
  [`${count} with towers that rest`, ["resting", `${count}`]],
  [`${count} with towers that refused`, ["refused", `${count}`]],
  [`${count} without a tower, each with its database`, ["apart", `${count}`]]
]

/** Prints a table; answers the figures of each run by kind. @since 0.1.0 */
export const idle = async (): Promise<Record<string, ReadonlyArray<Figures>>> => {
  await bundle("bench/support/idler.ts", file)
  const found = new Map<string, Array<Figures>>()
  for (let run = 0; run < runs; run++) {
    for (const [name, args] of kinds) {
      const { cpu, heap, rss }: Required<Figures> = await Children.figuresOf([
        "--expose-gc",
        file,
        ...args,
        `${seconds}`
      ])
      // Of one alone there is none that it has more than another.
      found.set(name, [...(found.get(name) ?? []), args[1] === "1" ? { cpu } : { cpu, heap, rss }])
    }
  }
  console.log(`${runs} runs: median (least to most)`)
  printFigures(found, columns)
  return Object.fromEntries(found)
}

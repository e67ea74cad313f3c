/**
 * What a start costs, step by step: Node alone, what is imported, the command, a negotiator with 100,000 stored sessions, and a tower
 * client with 10,000 sessions and a million states that wait, until it has connected to a tower. Each in a process of its own, in turn.
 * Of the last ones also what comes after the imports. The machine drifts, so only figures of one run can be compared.
 */
import { execFile } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { promisify } from "node:util"
import { Effect } from "effect"
import * as SqliteClientDb from "../src/layers/SqliteClientDb.js"
import { bundle, unbundled } from "./support/bundle.js"
import * as Children from "./support/children.js"
import { type Column, printFigures, printRatios } from "./support/figures.js"
import { type Contents, fill } from "./support/filling.js"

/** Milliseconds of a whole process, and of what it does after its imports. */
interface Figures {
  readonly wall: number
  readonly cpu: number
  readonly opened?: number
  readonly openedCpu?: number
}

const runs = Number(process.env.RUNS ?? 5)
const cache = path.resolve("node_modules/.cache")
const starter = path.join(cache, "bench-starter.mjs")
const library = path.join(cache, "bench-library")
const program = path.join(cache, "bench-program")
const port = 39_911
const address = `127.0.0.1:${port}`

const columns: ReadonlyArray<Column<Figures>> = [
  ["process, ms", "wall"],
  ["process, CPU ms", "cpu"],
  ["after imports, ms", "opened"],
  ["after imports, CPU", "openedCpu"]
]

const makeDatabase = (filename: string, contents: Contents) =>
  Effect.runPromise(Effect.scoped(Effect.flatMap(SqliteClientDb.client({ filename }), (sql) => fill(sql, contents))))

/** Prints a table; answers the figures of each run by step. @since 0.1.0 */
export const start = async (): Promise<Record<string, ReadonlyArray<Figures>>> => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "bench-"))
  try {
    await bundle("bench/support/starter.ts", starter)
    await unbundled(library)
    await promisify(execFile)(process.execPath, ["node_modules/vite-node/vite-node.mjs", "scripts/program.ts", program])
    const database = async (name: string, contents: Contents) => {
      const filename = path.join(folder, name)
      await makeDatabase(filename, contents)
      return filename
    }
    const imports = (what: string) => ["--input-type=module", "--eval", `await import(${JSON.stringify(what)})`]
    const states = 1_000_000
    const processes: ReadonlyArray<readonly [name: string, args: ReadonlyArray<string>]> = [
      ["node alone", ["--eval", ""]],
      ["node, and effect", imports(path.resolve("node_modules/effect/dist/esm/index.js"))],
      ["node, and our index", imports(path.join(library, "index.js"))],
      ["wtclient --version", [path.join(program, "bin.js"), "--version"]],
      ["negotiator, no session", [starter, "negotiator", await database("n0", { towers: 100, sessions: 0 })]],
      [
        "negotiator, 100,000 sessions",
        [starter, "negotiator", await database("n", { towers: 100, sessions: 100_000 })]
      ],
      [
        "tower client, 1 session, 1 state",
        [starter, "client", await database("c1", { towers: 100, sessions: 1, states: 1, address }), `${port}`]
      ],
      [
        "tower client, 10,000 sessions, 1,000,000 states",
        [starter, "client", await database("c", { towers: 100, sessions: 10_000, states, address }), `${port}`]
      ]
    ]
    const found = new Map<string, Array<Figures>>()
    for (let run = -1; run < runs; run++) {
      for (const [name, args] of processes) {
        const { cpu, output, wall } = await Children.run(args)
        const opened = args[0] === starter ? JSON.parse(output) : undefined
        const figures = { wall, cpu, opened: opened?.wall, openedCpu: opened?.cpu }
        // The first run has the files read from the disk, and the databases bound to their seed.
        if (run >= 0) found.set(name, [...(found.get(name) ?? []), figures])
      }
    }
    console.log(`${runs} runs: median (least to most)`)
    printFigures(found, columns)
    printRatios(found, "openedCpu", [
      ["negotiator, 100,000 sessions", "negotiator, no session"],
      ["tower client, 10,000 sessions, 1,000,000 states", "tower client, 1 session, 1 state"]
    ])
    return Object.fromEntries(found)
  } finally {
    fs.rmSync(folder, { recursive: true })
  }
}

/**
 * What a negotiator costs with more and more sessions and towers in its database, on SQLite and on Postgres: its start, a session,
 * pages of sessions, memory. Each size in a process of its own, in turn; the towers are scripted ones in that process. The machine
 * drifts, so only figures of one run can be compared.
 */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { Effect, Redacted, type Scope } from "effect"
import * as PostgresClientDb from "../src/layers/PostgresClientDb.js"
import * as SqliteClientDb from "../src/layers/SqliteClientDb.js"
import * as Postgres from "../test/layers/sql/postgres.js"
import { bundle } from "./support/bundle.js"
import * as Children from "./support/children.js"
import { type Column, printFigures, printRatios } from "./support/figures.js"
import { type Contents, fill } from "./support/filling.js"

/** What a process of `support/scaled.ts` writes: milliseconds, and megabytes. */
interface Figures {
  readonly first: number
  readonly start: number
  readonly startCpu: number
  readonly negotiation: number
  readonly negotiationCpu: number
  readonly block: number
  readonly heap: number
  readonly page: number
  readonly lastPage: number
  readonly pageOfTower: number
  readonly pageOfStatus: number
  readonly pageOfAge: number
  readonly pageOfTowerAndAge: number
}

const runs = Number(process.env.RUNS ?? 3)
const file = path.resolve("node_modules/.cache/bench-scaled.mjs")

const columns: ReadonlyArray<Column<Figures>> = [
  ["first start, ms", "first"],
  ["a start, ms", "start"],
  ["a start, CPU ms", "startCpu"],
  ["a session, ms", "negotiation"],
  ["a session, CPU ms", "negotiationCpu"],
  ["longest block, ms", "block"],
  ["memory, MB", "heap"],
  ["first page, ms", "page"],
  ["last page", "lastPage"],
  ["of a tower", "pageOfTower"],
  ["of inactive ones", "pageOfStatus"],
  ["of old ones", "pageOfAge"],
  ["of a tower, old ones", "pageOfTowerAndAge"]
]

const bySessions = (counts: ReadonlyArray<number>): ReadonlyArray<Contents> =>
  counts.map((sessions) => ({ towers: 100, sessions, someInactive: true }))
const byTowers = (counts: ReadonlyArray<number>): ReadonlyArray<Contents> =>
  counts.map((towers) => ({ towers, sessions: 10_000, someInactive: true }))

interface Engine {
  readonly name: string
  /** The first of each row is what the others are compared with. */
  readonly rows: ReadonlyArray<ReadonlyArray<Contents>>
  /** Makes a database, and answers where it is. */
  readonly make: (name: string, contents: Contents) => Effect.Effect<string, unknown, Scope.Scope>
}

const sqlite = (folder: string): Engine => ({
  name: "SQLite",
  rows: [bySessions([100, 1_000, 10_000, 100_000, 1_000_000]), byTowers([10, 100, 1_000, 10_000, 100_000])],
  make: (name, contents) => {
    const filename = path.join(folder, name)
    return Effect.as(
      Effect.scoped(Effect.flatMap(SqliteClientDb.client({ filename }), (sql) => fill(sql, contents))),
      filename
    )
  }
})

const postgres = (server: Postgres.Server): Engine => ({
  name: "Postgres",
  rows: [bySessions([100, 100_000]), byTowers([10, 10_000])],
  make: (_, contents) =>
    Effect.gen(function* () {
      const url = yield* Postgres.newSchema(server.url)
      yield* Effect.scoped(
        Effect.flatMap(PostgresClientDb.client({ url: Redacted.make(url) }), (sql) => fill(sql, contents))
      )
      return url
    })
})

const nameOf = ({ sessions, towers }: Contents) => `${sessions} sessions, ${towers} towers`

const measure = ({ make, name, rows }: Engine) =>
  Effect.gen(function* () {
    const found = new Map<string, Array<Figures>>()
    const places = new Map<string, readonly [location: string, sessions: number]>()
    for (const [at, contents] of rows.flat().entries()) {
      const size = nameOf(contents)
      if (!places.has(size)) places.set(size, [yield* make(`${at}`, contents), contents.sessions])
    }
    for (let run = 0; run < runs; run++) {
      for (const [size, [location, sessions]] of places) {
        const args = ["--expose-gc", file, name, location, `${sessions}`]
        found.set(size, [...(found.get(size) ?? []), yield* Effect.promise(() => Children.figuresOf(args))])
      }
    }
    console.log(`\n${name}, ${runs} runs: median (least to most)`)
    printFigures(found, columns)
    const pairs = rows.flatMap(([first, ...others]) =>
      first === undefined ? [] : others.map((other) => [nameOf(other), nameOf(first)] as const)
    )
    for (const figure of ["startCpu", "negotiationCpu", "page", "heap"] as const) printRatios(found, figure, pairs)
    return Object.fromEntries(found)
  })

/** Prints tables; answers the figures of each run by engine and size. @since 0.1.0 */
export const scale = async (): Promise<Record<string, Record<string, ReadonlyArray<Figures>>>> => {
  await bundle("bench/support/scaled.ts", file)
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "bench-"))
  const server = await Postgres.start({ fsync: true })
  try {
    const engines = [sqlite(folder), ...(server === undefined ? [] : [postgres(server)])]
    const found: Record<string, Record<string, ReadonlyArray<Figures>>> = {}
    for (const engine of engines) found[engine.name] = await Effect.runPromise(Effect.scoped(measure(engine)))
    return found
  } finally {
    fs.rmSync(folder, { recursive: true })
    await server?.stop()
  }
}

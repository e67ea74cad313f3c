/**
 * Tower clients that are killed at every step of a state, and at random, some of them together with a tower. `KILLS=200 SEED=2` says
 * how many times on each engine and with which chance; then the table of outcomes is printed (`npm run kills`).
 */
import { fileURLToPath } from "node:url"
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import * as Postgres from "../../../layers/sql/postgres.js"
import { bundle } from "../support/process.js"
import { table } from "../support/table.js"
import { type Place, postgres, sqlite } from "../support/world.js"
import { type Fate, fates, type Life, lives } from "./support/kills.js"
import { type Breakpoint, breakpoints } from "./support/plan.js"
import * as World from "./support/world.js"

const server = await Postgres.start()

const bundled = (name: string) => bundle(fileURLToPath(new URL(`support/${name}`, import.meta.url)))
const client = await bundled("client.ts")
const tower = await bundled("tower.ts")

afterAll(async () => {
  client.remove()
  tower.remove()
  await server?.stop()
})

const { KILLS, SEED } = process.env
const isThorough = KILLS !== undefined
const seed = Number(SEED ?? 1)

/** A database is killed so often before another one is begun. */
const livesOfDatabase = 25

/** A client that has not come to its breakpoint by then is killed all the same. */
const patience = "20 seconds"

const live = (world: World.World, { afterMs, at, atFirstWindow, kills, refuses }: Life) =>
  Effect.scoped(
    Effect.gen(function* () {
      for (const tower of world.towers) yield* tower.setRefusing(refuses)
      yield* world.leaseRunsOut
      const client = yield* world.run({
        channel: 1,
        atFirstWindow,
        at: at === undefined ? undefined : { ...at, does: "kill" }
      })
      yield* client.waitsFor("ready")
      const other = kills === undefined ? undefined : world.towers[kills]
      if (other !== undefined) yield* Effect.delay(other.killAndStart, afterMs / 2)
      yield* at === undefined ? Effect.sleep(afterMs) : Effect.timeoutOption(client.end, patience)
      const isReached = at !== undefined && client.hasEnded()
      yield* client.signal("SIGKILL")
      assert.strictEqual(yield* client.end, "SIGKILL", client.complaints())
      world.believe(1, client)
      yield* world.agree
      return [isReached ? at.breakpoint : "at random", yield* world.fate] as const
    })
  )

const survives = (place: Effect.Effect<Place, never, Scope.Scope>, engine: string, points: ReadonlyArray<Breakpoint>) =>
  Effect.gen(function* () {
    const all = lives(points, Number(KILLS ?? 0), seed)
    const outcomes: Array<readonly [string, Fate]> = []
    for (let from = 0; from < all.length; from += livesOfDatabase) {
      yield* Effect.scoped(
        Effect.gen(function* () {
          const world = yield* World.make({ client: client.file, tower: tower.file }, yield* place)
          for (const life of all.slice(from, from + livesOfDatabase)) outcomes.push(yield* live(world, life))
          yield* world.settle
        })
      )
    }
    if (isThorough) {
      console.log(`Backups, ${engine}, seed ${seed}\n${table([...breakpoints, "at random"], fates, outcomes)}`)
    }
    const reached = new Set(outcomes.map(([point]) => point))
    for (const breakpoint of points) assert.include([...reached], breakpoint, "a step was not reached")
    // Both halves of the question were asked: what was bound and not sent, and what the tower alone knew of.
    const had = new Set(outcomes.map(([, fate]) => fate))
    if (isThorough) for (const fate of ["bound only", "the tower's alone"] as const) assert.include([...had], fate)
  })

/** `npm test` kills at every second step on each engine, and so at each once. */
const stepsOf = (rest: number) => breakpoints.filter((_, n) => isThorough || n % 2 === rest)

const timeout = 600_000 + Number(KILLS ?? 0) * 10_000

describe.concurrent("a tower client that is killed", () => {
  it.scopedLive(
    "B1, B2, B4: loses and doubles no state in SQLite",
    () => survives(sqlite, "SQLite", stepsOf(0)),
    timeout
  )
  it.scopedLive.skipIf(server === undefined)(
    "B1, B2, B4: loses and doubles no state in Postgres",
    () => survives(postgres(server?.url ?? ""), "Postgres", stepsOf(1)),
    timeout
  )
})

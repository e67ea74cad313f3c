/**
 * Clients that are killed at every step of a visit, and at random. `KILLS=200 SEED=2` says how many times on each engine
 * and with which chance; then the table of outcomes is printed (`npm run kills`).
 */
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import * as Postgres from "../../layers/sql/postgres.js"
import { type Fate, fateOf, fates, type Kill, type Life, lives } from "./support/kills.js"
import { breakpoints } from "./support/plan.js"
import { bundle } from "./support/process.js"
import { table } from "./support/table.js"
import * as World from "./support/world.js"

const server = await Postgres.start()

const client = await bundle()

afterAll(async () => {
  client.remove()
  await server?.stop()
})

const { KILLS, SEED } = process.env
const kills = Number(KILLS ?? breakpoints.length + 3)
const seed = Number(SEED ?? 1)

/** A database is killed so often before another one is begun. */
const livesOfDatabase = 25

const live = (world: World.World, { kills, swallows }: Life) =>
  Effect.scoped(
    Effect.gen(function* () {
      yield* world.towers[1]?.setFault(swallows ? World.swallowsReplies : undefined) ?? Effect.void
      const clients = yield* Effect.forEach(
        kills,
        (kill) =>
          Effect.gen(function* () {
            const client = yield* world.run(
              kill._tag === "breakpoint" ? { at: { breakpoint: kill.breakpoint, nth: kill.nth, does: "kill" } } : {}
            )
            if (kill._tag === "instant") {
              yield* client.waitsFor("ready")
              yield* Effect.sleep(kill.afterMs)
              yield* client.signal("SIGKILL")
            }
            assert.strictEqual(yield* client.end, "SIGKILL", client.complaints())
            return client
          }),
        { concurrency: "unbounded" }
      )
      yield* world.agree(...clients)
      return clients.map((client, n): readonly [string, Fate] => [pointOf(kills[n]), fateOf(world, client)])
    })
  )

const pointOf = (kill: Kill | undefined) => (kill?._tag === "breakpoint" ? kill.breakpoint : "at random")

const survives = (place: Effect.Effect<World.Place, never, Scope.Scope>, engine: string) =>
  Effect.gen(function* () {
    const all = lives(kills, seed)
    const outcomes: Array<readonly [string, Fate]> = []
    for (let from = 0; from < all.length; from += livesOfDatabase) {
      yield* Effect.scoped(
        Effect.gen(function* () {
          const world = yield* World.make(client.file, yield* place)
          for (const life of all.slice(from, from + livesOfDatabase)) outcomes.push(...(yield* live(world, life)))
          yield* world.settle
        })
      )
    }
    if (KILLS !== undefined)
      console.log(`${engine}, seed ${seed}\n${table([...breakpoints, "at random"], fates, outcomes)}`)
    assert.isAtLeast(outcomes.length, kills)
    // Both halves of the question were asked: sessions that the tower alone had, and sessions that were stored.
    const had = new Set(outcomes.map(([, fate]) => fate))
    for (const fate of ["no key was shown", "the tower's alone", "stored", "delivered"] as const)
      assert.include([...had], fate)
  })

const timeout = 60_000 + kills * 5_000

describe.concurrent("a client that is killed", () => {
  it.scopedLive("leaves nothing doubled in SQLite", () => survives(World.sqlite, "SQLite"), timeout)
  it.scopedLive.skipIf(server === undefined)(
    "leaves nothing doubled in Postgres",
    () => survives(World.postgres(server?.url ?? ""), "Postgres"),
    timeout
  )
})

/** Two tower clients of one identity on one database: one sends, and is stopped until the other one has taken over. */
import { fileURLToPath } from "node:url"
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { senderLeaseMs } from "../../../../src/schema/StoredBackup.js"
import * as Postgres from "../../../layers/sql/postgres.js"
import { bundle } from "../support/process.js"
import { type Place, postgres, sqlite } from "../support/world.js"
import type { Breakpoint } from "./support/plan.js"
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

/** Before COMMIT: a process that is stopped there has its locks. */
const inTransaction: ReadonlyArray<Breakpoint> = ["binding", "acking"]

/** `npm run kills` pauses at each of these; otherwise once on each engine, in the middle of a window. */
const isThorough = process.env.KILLS !== undefined
const pauses: ReadonlyArray<Breakpoint> = isThorough
  ? ["window asked for", "binding", "window bound", "update sent", "reply read", "acking", "acks stored"]
  : ["update sent"]

/** The towers close the connections of a process that is stopped for longer, as real ones do after 15 s. */
const messageTimeoutMs = 2000

const suite = (engine: string, place: Effect.Effect<Place, never, Scope.Scope>, skip: boolean) => {
  const test = (title: string, body: (world: World.World) => Effect.Effect<void, unknown, Scope.Scope>) =>
    it.scopedLive.skipIf(skip)(
      title,
      () =>
        Effect.gen(function* () {
          const world = yield* World.make({ client: client.file, tower: tower.file }, yield* place, messageTimeoutMs)
          yield* body(world)
        }),
      300_000
    )

  const words = ({ said }: World.Client) => said.map(({ word }) => word)

  /** The lease of the other process runs out: for the database, and by the clocks of this process. */
  const takesOver = (world: World.World, { tell, waitsFor }: World.Client) =>
    Effect.gen(function* () {
      yield* tell()
      if (engine === "Postgres") yield* world.leaseRunsOut
      yield* waitsFor("sends")
    })

  /** One process sends the states of channel 1 until it is stopped there; another one takes over, with states of channel 2. */
  const isPaused = (breakpoint: Breakpoint, stop: "clock stands" | "lease runs out") => (world: World.World) =>
    Effect.gen(function* () {
      const first = yield* world.run({
        channel: 1,
        states: 8,
        awaits: true,
        at: { breakpoint, nth: 2, does: { stop } }
      })
      yield* first.waitsFor("sends")
      const second = yield* world.run({ channel: 2, states: 8, awaits: true })
      yield* first.waitsFor("stops")
      if (engine === "Postgres") {
        const ended = yield* world.endTransactionsOf(first)
        if (inTransaction.includes(breakpoint)) assert.isAtLeast(ended, 1, "it was stopped outside of its transaction")
      }
      assert.notInclude(words(second), "sends")
      yield* takesOver(world, second)
      assert.strictEqual(yield* second.end, 0, second.complaints())
      world.believe(2, second)
      world.believe(1, first)
      yield* world.agree
      const third = yield* world.run({ channel: 3, states: 3, awaits: true, aheadMs: senderLeaseMs })
      yield* third.waitsFor("sends")
      yield* first.resume
      assert.strictEqual(yield* third.end, 0, third.complaints())
      world.believe(3, third)
      // The third one gave its lease back: the first one sends again.
      assert.strictEqual(yield* first.end, 0, first.complaints())
      world.believe(1, first)
      const since = words(first).slice(words(first).indexOf("continues"))
      if (stop === "lease runs out") {
        const lead = since.indexOf("sends")
        const frames = since.slice(0, lead === -1 ? undefined : lead).filter((word) => word === "frame")
        assert.deepStrictEqual(frames, [], "it sent although it had lost the lease")
      }
      assert.include(since, "waits", "it did not notice that it had lost the lease")
      yield* world.agree
      yield* world.settle
    })

  /** One process is stopped while it has the lock of the file: nobody else can take its lease, or store anything. */
  const isPausedInTransaction = (breakpoint: Breakpoint) => (world: World.World) =>
    Effect.gen(function* () {
      const first = yield* world.run({
        channel: 1,
        states: 8,
        awaits: true,
        at: { breakpoint, nth: 2, does: { stop: "lease runs out" } }
      })
      yield* first.waitsFor("stops")
      const impatient = yield* world.run({ channel: 2, states: 1, storeTimeoutMs: 100 })
      assert.strictEqual(yield* impatient.end, 1, impatient.complaints())
      assert.deepStrictEqual(words(impatient).at(-1), "failed")
      assert.include(impatient.said.at(-1)?.about.join(" "), "DatabaseBusy")
      const second = yield* world.run({ channel: 2, states: 8, awaits: true })
      assert.isTrue(yield* second.waitsFor("locked"), second.complaints())
      assert.notInclude(words(second), "ready")
      yield* first.resume
      for (const [channel, client] of [first, second].entries()) {
        assert.strictEqual(yield* client.end, 0, client.complaints())
        world.believe(channel + 1, client)
      }
      yield* world.agree
      yield* world.settle
    })

  describe.concurrent(engine, () => {
    test("of two tower clients one sends, and the states of both get their copies", (world) =>
      Effect.gen(function* () {
        const clients = yield* Effect.forEach([1, 2], (channel) => world.run({ channel, states: 8, awaits: true }), {
          concurrency: "unbounded"
        })
        for (const [at, client] of clients.entries()) {
          assert.strictEqual(yield* client.end, 0, client.complaints())
          world.believe(at + 1, client)
        }
        yield* world.agree
        yield* world.settle
      }))

    for (const breakpoint of isThorough ? inTransaction : ["binding" as const]) {
      if (engine === "Postgres") continue
      test(
        `a sender that is paused at "${breakpoint}" keeps the others out of the file, who wait for it or say so`,
        isPausedInTransaction(breakpoint)
      )
    }

    for (const breakpoint of pauses) {
      if (engine === "SQLite" && inTransaction.includes(breakpoint)) continue
      test(
        `a sender that is paused at "${breakpoint}" until its lease was taken over sends nothing more`,
        isPaused(breakpoint, "lease runs out")
      )
    }

    test(
      "a sender whose clocks stood while its lease was taken over doubles nothing",
      isPaused("window bound", "clock stands")
    )

    test("a sender that is killed is followed by the other one, and comes back", (world) =>
      Effect.gen(function* () {
        const first = yield* world.run({ channel: 1, at: { breakpoint: "update sent", nth: 2, does: "kill" } })
        yield* first.waitsFor("sends")
        const second = yield* world.run({ channel: 2, states: 8, awaits: true })
        assert.strictEqual(yield* first.end, "SIGKILL", first.complaints())
        world.believe(1, first)
        yield* world.agree
        yield* takesOver(world, second)
        const again = yield* world.run({ channel: 1, states: 4, awaits: true })
        for (const [channel, client] of [
          [2, second],
          [1, again]
        ] as const) {
          assert.strictEqual(yield* client.end, 0, client.complaints())
          world.believe(channel, client)
        }
        yield* world.settle
      }))
  })
}

suite("SQLite", sqlite, false)
suite("Postgres", postgres(server?.url ?? ""), server === undefined)

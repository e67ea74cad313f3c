/**
 * What a failure of power would leave: seen in the calls to the system, since a killed process does not lose what it had
 * not synced. Needs strace.
 */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Plan } from "./support/plan.js"
import { bundle, start } from "./support/process.js"
import { type Call, callsIn, isWatchable, linesIn, watcher } from "./support/syscalls.js"
import * as World from "./support/world.js"

if (!isWatchable) console.warn("The tests of syncs are skipped; to run them, install strace")

const client = await bundle()
const adder = await bundle(fileURLToPath(new URL("support/adding.ts", import.meta.url)))

afterAll(() => {
  client.remove()
  adder.remove()
})

const folder = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "calls-"))),
  (made) => Effect.sync(() => fs.rmSync(made, { recursive: true }))
)

/** The calls of a client that takes some sessions. */
const calls = (plan: Pick<Plan, "sessions" | "reserveNext">) =>
  Effect.gen(function* () {
    const file = path.join(yield* folder, "calls")
    const world = yield* World.make(client.file, yield* World.sqlite)
    const watched = yield* world.run(plan, watcher(file))
    assert.strictEqual(yield* watched.end, 0, watched.complaints())
    yield* world.agree(watched)
    return callsIn(file)
  })

const count = (all: ReadonlyArray<Call>, call: Call) => all.filter((one) => one === call).length

/** Every `to` has a sync that covers what was written before: after the last write since `from`. */
const syncedBetween = (all: ReadonlyArray<Call>, from: Call, to: Call) => {
  const ends = all.flatMap((call, at) => (call === to ? [at] : []))
  for (const end of ends) {
    const since = all.slice(all.lastIndexOf(from, end) + 1, end)
    assert.include(since, "sync", `${to} without a sync: ${since.join(", ")}`)
  }
  return ends.length
}

describe.skipIf(!isWatchable)("on SQLite", () => {
  it.scopedLive(
    "a new reservation is synced before its key is shown, and a session before it is delivered",
    () =>
      Effect.gen(function* () {
        const all = yield* calls({ sessions: 6, reserveNext: false })
        // Every visit binds a new index here.
        assert.strictEqual(syncedBetween(all, "delivered", "act three"), 6)
        assert.strictEqual(syncedBetween(all, "accepted", "delivered"), 6)
        // Between the sync and act three nothing is written that would need another one.
        for (const [at, call] of all.entries()) {
          if (call !== "act three") continue
          const before = all.slice(0, at)
          assert.isAbove(before.lastIndexOf("sync"), before.lastIndexOf("wal write"))
        }
      }),
    60_000
  )

  it.scopedLive(
    "a session costs one sync, with the next index reserved in its transaction",
    () =>
      Effect.gen(function* () {
        const sessions = 40
        const all = yield* calls({ sessions })
        assert.strictEqual(syncedBetween(all, "accepted", "delivered"), sessions)
        const first = all.indexOf("act three")
        assert.include(all.slice(0, first), "sync")
        const syncs = count(all.slice(first, all.lastIndexOf("delivered")), "sync")
        if (process.env.KILLS !== undefined) console.log(`${syncs} syncs for ${sessions} sessions`)
        assert.isAtMost(syncs / sessions, 1.1)
      }),
    60_000
  )

  it.scopedLive(
    "a revoked state is synced before it counts as handed in, by another thread than the event loop's",
    () =>
      Effect.gen(function* () {
        const made = yield* folder
        const file = path.join(made, "calls")
        const states = 6
        const program = { file: adder.file, words: ["ready", "accepted"] as const }
        const watched = yield* start(program, { where: path.join(made, "client.db"), states }, watcher(file))
        assert.strictEqual(yield* watched.end, 0, watched.complaints())
        const all = callsIn(file)
        const accepted = all.flatMap((call, at) => (call === "accepted" ? [at] : []))
        assert.strictEqual(accepted.length, states)
        for (const [n, end] of accepted.entries()) {
          const begin = n === 0 ? all.lastIndexOf("ready") : accepted[n - 1]
          const since = all.slice(begin, end)
          assert.include(since, "wal write")
          assert.isAbove(since.lastIndexOf("sync"), since.lastIndexOf("wal write"))
        }
        const lines = fs.readFileSync(file, "utf8").split("\n")
        const threadOf = (line = "") => line.split(" ", 1)[0]
        const speaker = threadOf(lines.find((line) => line.includes("ready")))
        const from = lines.findIndex((line) => line.includes("accepted"))
        const syncs = lines.slice(from).filter((line) => /fdatasync\(/.test(line))
        assert.isAtLeast(syncs.length, states - 1)
        for (const line of syncs) assert.notStrictEqual(threadOf(line), speaker)
      }),
    60_000
  )

  it.scopedLive(
    "a state counts after a sync of the file, when the disk has refused one of the log",
    () =>
      Effect.gen(function* () {
        const made = yield* folder
        const file = path.join(made, "calls")
        const program = { file: adder.file, words: ["ready", "accepted"] as const }
        // The second sync of each thread.
        const refusing = watcher(file, "-e", "inject=fdatasync:error=EIO:when=2")
        const watched = yield* start(program, { where: path.join(made, "client.db"), states: 12 }, refusing)
        assert.strictEqual(yield* watched.end, 0, watched.complaints())
        const lines = linesIn(file)
        const refused = lines.flatMap((line, at) => (line.includes("EIO") ? [at] : []))
        assert.isAbove(refused.length, 0)
        for (const at of refused) {
          const next = lines.slice(
            at + 1,
            lines.findIndex((line, n) => n > at && line.includes("accepted"))
          )
          assert.isTrue(
            next.some((line) => /fsync\(\d+<[^>]*\.db>\) += 0/.test(line)),
            next.join("\n")
          )
          assert.isFalse(next.some((line) => line.includes("fdatasync(")))
        }
      }),
    60_000
  )
})

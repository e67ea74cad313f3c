/** B7 (docs/backups.md): closing the scope takes effect at once, in every step. */
import { setImmediate } from "node:timers/promises"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { BackupDb } from "../../../../src/services/BackupDb.js"
import { type Kind, kinds } from "./kinds.js"
import { handAll, minute, run, second } from "./world.js"

const kind = fc.constantFrom(...(Object.keys(kinds) as ReadonlyArray<Kind>))
const write = 3 * second

/** A database that takes its time for each window, as one does that syncs; the transaction is not interrupted. */
const slowly =
  (onWrite: (isBegun: boolean) => void) =>
  (db: BackupDb.Service): BackupDb.Service => ({
    ...db,
    nextWindow: (...args) =>
      Effect.uninterruptible(
        Effect.suspend(() => {
          onWrite(true)
          return Effect.zipRight(Effect.sleep(write), db.nextWindow(...args))
        }).pipe(Effect.ensuring(Effect.sync(() => onWrite(false))))
      )
  })

const closing = (towers: ReadonlyArray<Kind>, after: number, isSlow: boolean) => {
  let writes = 0
  const backupDb = isSlow
    ? slowly((isBegun) => {
        writes += isBegun ? 1 : -1
      })
    : undefined
  return run(
    { towers: towers.map((name) => kinds[name]()), maxUpdates: 20, ...(backupDb === undefined ? {} : { backupDb }) },
    (world) =>
      Effect.gen(function* () {
        const process = yield* world.start
        yield* handAll(process, 1, 40)
        yield* Effect.sleep(after)
        const wasWriting = writes > 0
        const begun = yield* Clock.currentTimeMillis
        yield* process.close
        const took = (yield* Clock.currentTimeMillis) - begun
        const events = world.events.length
        const connections = () => world.towers.reduce((sum, tower) => sum + tower.connections, 0)
        const before = connections()
        expect(writes).toBe(0)
        yield* Effect.sleep(5 * minute)
        expect(world.events.length, "an event after the close").toBe(events)
        expect(connections(), "a connection after the close").toBe(before)
        return { took, wasWriting }
      })
  )
}

describe("B7: closing the scope of a tower client", () => {
  it("takes no time with towers of every kind", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(kind, { minLength: 1, maxLength: 3 }),
        fc.oneof(fc.integer({ min: 0, max: 2000 }), fc.integer({ min: 0, max: 2 * minute })),
        async (towers, after) => {
          await setImmediate()
          expect(closing(towers, after, false).took).toBe(0)
        }
      ),
      { numRuns: 15, seed: 1 }
    )
  })

  it("waits for a write in progress, which is finished, and for nothing else", () => {
    const found = Array.from({ length: 10 }, (_, n) => closing(["good", "mute"], 100 + 800 * n, true))
    for (const { took, wasWriting } of found) expect(took).toBeLessThanOrEqual(wasWriting ? write : 0)
    expect(found.some(({ wasWriting }) => wasWriting)).toBe(true)
  })
})

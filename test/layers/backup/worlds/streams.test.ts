/** States that come one after another share looks and windows; one that comes alone waits for nothing. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { gatherMs } from "../../../../src/layers/backup/senderState.js"
import { CommitHeight } from "../../../../src/schema/RevokedState.js"
import type { BackupDb } from "../../../../src/services/BackupDb.js"
import { channelId, handAll, type Process, run, second } from "./world.js"

/** A tower that answers after a millisecond. */
const near = { latency: 1 }

const backedUp = ({ client }: Process, height: number) =>
  Effect.orDie(client.awaitBackup(channelId(), CommitHeight.make(height)))

/** A process with a session that has nothing to send. */
const warm = (process: Process) =>
  Effect.gen(function* () {
    yield* process.hand(1)
    yield* backedUp(process, 1)
    yield* Effect.sleep(second)
  })

describe("states that are handed in", () => {
  it("one every two milliseconds share windows and looks, and none waits longer than two windows", () => {
    let looks = 0
    const backupDb = (db: BackupDb.Service): BackupDb.Service => ({
      ...db,
      towerNeeds: (query) =>
        Effect.suspend(() => {
          looks += 1
          return db.towerNeeds(query)
        })
    })
    run({ towers: [near, near], backupDb }, (world) =>
      Effect.gen(function* () {
        const process = yield* world.start
        yield* warm(process)
        const handedIn = new Map<number, number>()
        looks = 0
        const [first, last, every] = [2, 501, 2]
        for (let height = first; height <= last; height += 1) {
          handedIn.set(height, yield* Clock.currentTimeMillis)
          yield* process.hand(height)
          yield* Effect.sleep(every)
        }
        yield* backedUp(process, last)
        const copies = world.events.flatMap(({ at, happening }) =>
          happening._tag === "CopyMade" && happening.commitHeight >= first
            ? [at - (handedIn.get(happening.commitHeight) ?? 0)]
            : []
        )
        expect(copies).toHaveLength(last - first + 1)
        // It waits for its window to begin, and for the next one, which stores that it was confirmed.
        expect(Math.max(...copies)).toBeLessThanOrEqual(2 * (gatherMs + near.latency))
        const windows = world.events.filter(({ happening }) => happening._tag === "WindowBound").length
        const most = ((last - first + 1) * every) / gatherMs + 5
        expect(windows).toBeLessThanOrEqual(most)
        expect(looks).toBeLessThanOrEqual(most)
        yield* process.close
      })
    )
  })

  it("alone has its copy after one answer of the tower", () => {
    run({ towers: [near] }, (world) =>
      Effect.gen(function* () {
        const process = yield* world.start
        yield* warm(process)
        for (const height of [2, 3, 4]) {
          const begun = yield* Clock.currentTimeMillis
          yield* process.hand(height)
          yield* backedUp(process, height)
          expect((yield* Clock.currentTimeMillis) - begun).toBeLessThanOrEqual(2 * near.latency)
          yield* Effect.sleep(2 * gatherMs)
        }
        yield* process.close
      })
    )
  })

  it("all at once are sent in full windows, without a wait between them", () => {
    run({ towers: [near], options: { window: 32 } }, (world) =>
      Effect.gen(function* () {
        const process = yield* world.start
        yield* warm(process)
        const begun = yield* Clock.currentTimeMillis
        yield* handAll(process, 2, 321)
        yield* backedUp(process, 321)
        expect((yield* Clock.currentTimeMillis) - begun).toBeLessThanOrEqual(gatherMs + 11 * 2 * near.latency)
        yield* process.close
      })
    )
  })
})

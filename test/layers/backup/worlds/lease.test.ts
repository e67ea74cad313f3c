/** Two processes, one of which is stopped while the other one sends: what it knew before is not true any more (docs/backups.md, The sender). */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { within } from "../../../../src/layers/concurrency/firstOf.js"
import { DatabaseUnavailable } from "../../../../src/schema/DbError.js"
import { CommitHeight } from "../../../../src/schema/RevokedState.js"
import { BackupId } from "../../../../src/schema/StoredBackup.js"
import type { BackupDb } from "../../../../src/services/BackupDb.js"
import type { ClientDb } from "../../../../src/services/ClientDb.js"
import { channelId, handAll, minute, type Process, run, second, type World } from "./world.js"

/** Virtual time does not pass while a client asks the database again and again: it would be asked for ever. */
const mostWindows = 200

const counting = (db: BackupDb.Service): BackupDb.Service => {
  let windows = 0
  return {
    ...db,
    nextWindow: (...args) => {
      windows += 1
      return windows > mostWindows ? Effect.dieMessage("it asks for windows without end") : db.nextWindow(...args)
    }
  }
}

const backedUp = ({ client }: Process, height: number) =>
  Effect.orDie(
    within(
      client.awaitBackup(channelId(), CommitHeight.make(height)),
      5 * minute,
      () => new Error("not within five minutes")
    )
  )

const sending = ({ events }: World, from: number) =>
  events.slice(from).flatMap(({ happening: { _tag } }) => (/^Sending/.test(_tag) ? _tag : []))

const expectNoRefusal = ({ towers }: World) => expect(towers.flatMap(({ refusals }) => refusals)).toEqual([])

/** Pauses a process for longer than its lease, and has another one send that ends before the first goes on. */
const whilePaused = (world: World, process: Process, use: (other: Process) => Effect.Effect<void>) =>
  Effect.gen(function* () {
    const begun = yield* Clock.currentTimeMillis
    yield* process.pause(minute)
    const other = yield* world.start
    yield* use(other)
    yield* other.close
    const from = world.events.length
    yield* Effect.sleep(begun + minute - 1 - (yield* Clock.currentTimeMillis))
    return from
  })

/** After that time it has read the sessions again; then it backs up three more states, and no tower has a reason to refuse. */
const startsAgain = (world: World, process: Process, from: number, millis: number) =>
  Effect.gen(function* () {
    yield* Effect.sleep(millis)
    expect(sending(world, from)).toEqual(["SendingStopped", "SendingStarted"])
    yield* handAll(process, 6, 8)
    yield* backedUp(process, 8)
    expectNoRefusal(world)
    yield* process.close
  })

describe("a sender that was stopped for longer than its lease", () => {
  it("starts again if another process has sent meanwhile, even if that one has given its lease back", () => {
    run({ towers: [{ latency: 45 }], maxUpdates: 5, backupDb: counting }, (world) =>
      Effect.gen(function* () {
        const process = yield* world.start
        yield* handAll(process, 1, 3)
        yield* backedUp(process, 3)
        // It has three numbers of a session of five given out, the other one gives out the last two.
        const from = yield* whilePaused(world, process, (other) =>
          Effect.zipRight(handAll(other, 4, 5), backedUp(other, 5))
        )
        yield* startsAgain(world, process, from, 30 * second)
      })
    )
  })

  it("does not take a session for new that another one has used up since it was stored", () => {
    // The database has stored the first session, and answers only when another process has had the lease.
    let onStored: Effect.Effect<void> = Effect.void
    const clientDb = (db: ClientDb.Service): ClientDb.Service => ({
      ...db,
      createClientSession: (...args) =>
        Effect.zipLeft(
          db.createClientSession(...args),
          Effect.suspend(() => onStored)
        )
    })
    run({ towers: [{ latency: 45 }], maxUpdates: 5, backupDb: counting, clientDb }, (world) =>
      Effect.gen(function* () {
        const process = yield* world.start
        const stored = yield* Effect.makeLatch(false)
        onStored = Effect.suspend(() => {
          onStored = Effect.void
          return Effect.zipRight(stored.open, Effect.sleep(2 * minute))
        })
        yield* handAll(process, 1, 1)
        yield* stored.await
        const from = yield* whilePaused(world, process, (other) =>
          Effect.zipRight(handAll(other, 2, 5), backedUp(other, 5))
        )
        yield* startsAgain(world, process, from, 2 * minute)
      })
    )
  })

  it("goes on where nobody has sent meanwhile", () => {
    run({ towers: [{ latency: 45 }], backupDb: counting }, (world) =>
      Effect.gen(function* () {
        const process = yield* world.start
        yield* handAll(process, 1, 3)
        yield* backedUp(process, 3)
        const from = world.events.length
        yield* process.pause(minute)
        yield* Effect.sleep(2 * minute)
        expect(sending(world, from)).toEqual([])
        yield* process.close
      })
    )
  })
})

describe("a session that a negotiator has given", () => {
  it("is not forgotten while the database cannot be read", () => {
    let failures = 0
    // Of the reads of sessions, those of one alone are of a given one.
    const failing = (db: BackupDb.Service): BackupDb.Service => ({
      ...db,
      listSending: (route, page) =>
        page?.limit === 1 && failures++ === 0
          ? Effect.fail(new DatabaseUnavailable({ operation: "listSending", detail: "no disk" }))
          : db.listSending(route, page)
    })
    run({ towers: [{ latency: 45 }], maxUpdates: 2, backupDb: failing }, (world) =>
      Effect.gen(function* () {
        const process = yield* world.start
        yield* handAll(process, 1, 4)
        yield* backedUp(process, 4)
        const used = world.events.flatMap(({ happening }) =>
          happening._tag === "SessionTaken" ? [happening.session] : []
        )
        expect(failures).toBeGreaterThan(1)
        // Two states a session: another one was not asked for in place of the first.
        expect(used).toHaveLength(2)
        yield* process.close
      })
    )
  })
})

describe("a database that contradicts itself", () => {
  // A bug of ours, a replica that lags behind its server, or a row that was changed by hand would do it.
  it("is asked for windows once a second at most where it says that there are states and gives none, and at once when there is one", () => {
    let asked = 0
    let isLying = false
    const lying = (db: BackupDb.Service): BackupDb.Service => ({
      ...db,
      towerNeeds: (query) =>
        Effect.map(db.towerNeeds(query), (needs) =>
          isLying ? query.towers.map(({ towerId }) => ({ towerId, first: BackupId.make(1), after: undefined })) : needs
        ),
      nextWindow: (...args) => {
        asked += 1
        return asked > mostWindows ? Effect.dieMessage("it asks for windows without end") : db.nextWindow(...args)
      }
    })
    run({ towers: [{ latency: 45 }], backupDb: lying, options: { pollInterval: Number.POSITIVE_INFINITY } }, (world) =>
      Effect.gen(function* () {
        const process = yield* world.start
        yield* handAll(process, 1, 1)
        yield* backedUp(process, 1)
        isLying = true
        const before = asked
        yield* Effect.sleep(10 * second)
        expect(asked - before).toBeGreaterThan(1)
        expect(asked - before).toBeLessThanOrEqual(12)
        const from = yield* Clock.currentTimeMillis
        yield* handAll(process, 2, 2)
        yield* backedUp(process, 2)
        expect((yield* Clock.currentTimeMillis) - from).toBeLessThan(second)
        isLying = false
        yield* Effect.sleep(5 * second)
        const quiet = asked
        yield* Effect.sleep(minute)
        expect(asked).toBe(quiet)
        expectNoRefusal(world)
        yield* process.close
      })
    )
  })
})

/**
 * What the sender was told before something changed, and acts upon after it: answers of the database that come late or not at all, a
 * clock that was set back, a list that an earlier run has left behind.
 */
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { DatabaseUnavailable } from "../../../../src/schema/DbError.js"
import type { KeyIndex } from "../../../../src/schema/Ids.js"
import type { SendingSession } from "../../../../src/schema/StoredBackup.js"
import type { BackupDb } from "../../../../src/services/BackupDb.js"
import { addressOf, towerKey } from "../../negotiator/world.js"
import type { TowerModel } from "./tower.js"
import {
  channelId,
  expectCopies,
  forgotten,
  handAll,
  hour,
  minute,
  type Process,
  run,
  second,
  untilBackedUp,
  type World
} from "./world.js"

const towerOf = ({ towers }: World, n: number): TowerModel => {
  const tower = towers[n - 1]
  if (tower === undefined) throw new Error(`no tower ${n}`)
  return tower
}

const good = { latency: 45 }
const hangsUp = () => ({ ...good, update: () => "hangUp" as const })
/** Nothing is looked for that nobody has told of. */
const alone = { pollInterval: Number.POSITIVE_INFINITY }

const lost = (operation: string) => new DatabaseUnavailable({ operation, detail: "the answer was lost" })

describe("a tower that has lost what it had", () => {
  const expectAllListed = (process: Process) =>
    Effect.gen(function* () {
      yield* Effect.sleep(3 * minute)
      expect(yield* Effect.orDie(process.client.channel(channelId()))).toMatchObject({ lost: 25 })
      yield* process.close
    })

  it("is asked for its other sessions too where the end of the first was stored and the answer was lost", () => {
    let isFirst = true
    const backupDb = (db: BackupDb.Service): BackupDb.Service => ({
      ...db,
      endSession: (...args) =>
        Effect.tap(db.endSession(...args), () => {
          if (!isFirst) return Effect.void
          isFirst = false
          return lost("endSession")
        })
    })
    run({ towers: [good], maxUpdates: 20, backupDb }, (world) => Effect.flatMap(forgotten(world), expectAllListed))
  })

  it("is asked for its other sessions too where the sessions are read again before the answer comes", () => {
    const answered = Effect.unsafeMakeLatch(false)
    const stored = Effect.unsafeMakeLatch(false)
    const backupDb = (db: BackupDb.Service): BackupDb.Service => ({
      ...db,
      // As the databases are: what was begun is not interrupted.
      endSession: (...args) =>
        Effect.uninterruptible(Effect.tap(db.endSession(...args), () => Effect.zipRight(stored.open, answered.await)))
    })
    run({ towers: [good, { dial: "refuses" }], maxUpdates: 20, backupDb }, (world) =>
      Effect.gen(function* () {
        const process = yield* forgotten(world)
        yield* stored.await
        yield* Effect.orDie(process.candidates.add(towerKey(2), addressOf(2)))
        yield* Effect.sleep(second)
        yield* answered.open
        yield* expectAllListed(process)
      })
    )
  })

  it("is asked for its other sessions when it is added again, where it was removed before it was asked", () => {
    run({ towers: [good, { dial: "refuses" }], maxUpdates: 20 }, (world) =>
      Effect.gen(function* () {
        const process = yield* forgotten(world)
        yield* Effect.sleep(30 * second)
        yield* Effect.orDie(process.candidates.remove(towerKey(1)))
        yield* Effect.sleep(10 * minute)
        yield* Effect.orDie(process.candidates.add(towerKey(1), addressOf(1)))
        yield* expectAllListed(process)
      })
    )
  })
})

describe("what a session has bound that fails", () => {
  it("is open for others after moveAfter, also where it was bound in the window that ended an earlier failure and whose answer was lost", () => {
    let onFirstAck: (() => void) | undefined
    const backupDb = (db: BackupDb.Service): BackupDb.Service => ({
      ...db,
      nextWindow: (token, session, request) =>
        Effect.tap(db.nextWindow(token, session, request), (updates) => {
          if (request.acked !== 3 || updates.length === 0 || onFirstAck === undefined) return Effect.void
          onFirstAck()
          onFirstAck = undefined
          return lost("nextWindow")
        })
    })
    const towers = [hangsUp(), { ...good, dial: "takes" as "takes" | "refuses" }]
    run({ towers, options: { ...alone, moveAfter: "5 seconds" }, backupDb }, (world) =>
      Effect.gen(function* () {
        yield* world.storeSession(1)
        yield* world.storeSession(2)
        const [first, other] = [towerOf(world, 1), towerOf(world, 2)]
        const process = yield* world.start
        yield* handAll(process, 1, 3)
        yield* untilBackedUp(process, 3)
        yield* Effect.sleep(30 * second)
        // The first tower takes what it has failed with, and then fails again with what was bound after that.
        first.behaviour.update = undefined
        other.behaviour.dial = "refuses"
        onFirstAck = () => {
          first.behaviour.update = () => "hangUp"
          other.behaviour.dial = "takes"
        }
        yield* handAll(process, 4, 5)
        expect(yield* untilBackedUp(process, 5)).toBeLessThanOrEqual(2 * minute)
        expect(onFirstAck).toBeUndefined()
        for (const height of [4, 5]) expect(world.holders(height)).toEqual([2])
        yield* process.close
      })
    )
  })

  it.each([
    ["before that", 2 * second],
    ["after that, while no other tower is there", 15 * second]
  ])("is open for others after moveAfter, also where the clock is set back %s", (_, after) => {
    run(
      {
        towers: [hangsUp(), { ...good }],
        options: { ...alone, moveAfter: "10 seconds" },
        time: { startAt: 10 * hour }
      },
      (world, time) =>
        Effect.gen(function* () {
          yield* world.storeSession(1)
          const other = yield* world.storeSession(2)
          const process = yield* world.start
          yield* handAll(process, 1, 3)
          yield* Effect.sleep(second)
          towerOf(world, other.towerId).behaviour.dial = "refuses"
          yield* Effect.sleep(after - second)
          yield* Effect.sync(() => time.jump(-hour))
          yield* Effect.sleep(40 * second)
          towerOf(world, other.towerId).behaviour.dial = "takes"
          expect(yield* untilBackedUp(process, 3)).toBeLessThanOrEqual(5 * minute)
          for (const height of [1, 2, 3]) expect(world.holders(height)).toEqual([2])
          yield* process.close
        })
    )
  })
})

describe("a session that has nothing to send", () => {
  /** A session whose next empty window is answered only when it is told. */
  const slowly = () => {
    const answered = Effect.unsafeMakeLatch(false)
    const asked = Effect.unsafeMakeLatch(false)
    const slow: { session?: KeyIndex } = {}
    const backupDb = (db: BackupDb.Service): BackupDb.Service => ({
      ...db,
      nextWindow: (token, session, request) =>
        Effect.tap(db.nextWindow(token, session, request), (updates) =>
          session === slow.session && request.acked > 0 && updates.length === 0
            ? Effect.zipRight(asked.open, answered.await)
            : Effect.void
        )
    })
    return { answered, asked, slow, backupDb }
  }
  const options = { ...alone, silence: "1 minute", moveAfter: "10 minutes" } as const

  it("takes what is opened while the database still answers that there is nothing", () => {
    const { answered, asked, backupDb, slow } = slowly()
    run({ towers: [hangsUp(), good], options, backupDb }, (world) =>
      Effect.gen(function* () {
        yield* world.storeSession(1)
        slow.session = (yield* world.storeSession(2)).keyIndex
        const process = yield* world.start
        yield* handAll(process, 1, 3)
        yield* Effect.sleep(second)
        yield* handAll(process, 4, 5)
        yield* asked.await
        yield* Effect.orDie(process.candidates.remove(towerKey(1)))
        yield* Effect.sleep(200)
        yield* answered.open
        expect(yield* untilBackedUp(process, 5)).toBeLessThanOrEqual(second)
        expectCopies(world, 5, 1)
        yield* process.close
      })
    )
  })

  it("takes what is handed in while the database still answers that there is nothing", () => {
    const { answered, asked, backupDb, slow } = slowly()
    run({ towers: [good], options, backupDb }, (world) =>
      Effect.gen(function* () {
        slow.session = (yield* world.storeSession(1)).keyIndex
        const process = yield* world.start
        yield* handAll(process, 1, 3)
        yield* asked.await
        yield* handAll(process, 4, 4)
        yield* Effect.sleep(200)
        yield* answered.open
        expect(yield* untilBackedUp(process, 4)).toBeLessThanOrEqual(second)
        yield* process.close
      })
    )
  })
})

describe("a write whose answer was lost", () => {
  /** The first window of a session is stored only after the sessions were read again, and its answer is lost. */
  const storedLate = () => {
    const late: { session?: KeyIndex } = {}
    let isLost = false
    let before: ReadonlyArray<SendingSession> | undefined
    const backupDb = (db: BackupDb.Service): BackupDb.Service => ({
      ...db,
      nextWindow: (token, keyIndex, request) =>
        Effect.gen(function* () {
          if (keyIndex !== late.session || isLost || request.limit === 0)
            return yield* db.nextWindow(token, keyIndex, request)
          isLost = true
          before = yield* db.listSending("clear")
          yield* db.nextWindow(token, keyIndex, request)
          return yield* lost("nextWindow")
        }),
      // The first time, the COMMIT is still on its way.
      listSending: (route, page) =>
        Effect.suspend(() => {
          const found = before
          if (found === undefined) return db.listSending(route, page)
          if (page?.after === undefined) return Effect.succeed(found)
          before = undefined
          return Effect.succeed([])
        })
    })
    return { backupDb, late, isStored: () => isLost && before === undefined }
  }

  it("is seen also where it is stored only after the sessions were read again", () => {
    const { backupDb, late } = storedLate()
    run({ towers: [good], options: alone, backupDb }, (world) =>
      Effect.gen(function* () {
        late.session = (yield* world.storeSession(1)).keyIndex
        const process = yield* world.start
        yield* handAll(process, 1, 3)
        expect(yield* untilBackedUp(process, 3)).toBeLessThanOrEqual(15 * second)
        yield* process.close
      })
    )
  })

  it("hides nothing that was opened since, where it is stored only after the sessions were read again", () => {
    const { backupDb, isStored, late } = storedLate()
    run({ towers: [hangsUp(), good], options: { ...alone, moveAfter: "10 minutes" }, backupDb }, (world) =>
      Effect.gen(function* () {
        yield* world.storeSession(1)
        late.session = (yield* world.storeSession(2)).keyIndex
        const process = yield* world.start
        yield* handAll(process, 1, 3)
        yield* Effect.sleep(second)
        yield* handAll(process, 4, 5)
        while (!isStored()) yield* Effect.sleep(1)
        yield* Effect.orDie(process.candidates.remove(towerKey(1)))
        expect(yield* untilBackedUp(process, 5)).toBeLessThanOrEqual(15 * second)
        expectCopies(world, 5, 1)
        yield* process.close
      })
    )
  })

  it("is asked for again at a bounded number of connections while no write is answered", () => {
    let isFailing = true
    const backupDb = (db: BackupDb.Service): BackupDb.Service => ({
      ...db,
      nextWindow: (...args) => (isFailing ? lost("nextWindow") : db.nextWindow(...args))
    })
    run({ towers: [good], options: alone, backupDb }, (world) =>
      Effect.gen(function* () {
        yield* world.storeSession(1)
        const process = yield* world.start
        yield* handAll(process, 1, 5)
        yield* Effect.sleep(hour)
        // Each contact asks first, over a connection of its own.
        expect(towerOf(world, 1).connections).toBeLessThanOrEqual(60)
        isFailing = false
        expect(yield* untilBackedUp(process, 5)).toBeLessThanOrEqual(6 * minute)
        yield* process.close
      })
    )
  })

  it("does not keep those waiting who wait for the copies that it has made, where nobody looks for states of other processes", () => {
    let isFirst = true
    const backupDb = (db: BackupDb.Service): BackupDb.Service => ({
      ...db,
      nextWindow: (token, session, request) =>
        Effect.tap(db.nextWindow(token, session, request), () => {
          if (request.acked === 0 || !isFirst) return Effect.void
          isFirst = false
          return lost("nextWindow")
        })
    })
    run({ towers: [good], options: alone, backupDb }, (world) =>
      Effect.gen(function* () {
        const process = yield* world.start
        yield* handAll(process, 1, 5)
        expect(yield* untilBackedUp(process, 5)).toBeLessThanOrEqual(15 * second)
        yield* process.close
      })
    )
  })
})

describe("a process that sends again", () => {
  it("says which towers it asks for a session, also where it has asked the same ones before another process sent", () => {
    run({ towers: [{ dial: "silent" }], options: alone }, (world) =>
      Effect.gen(function* () {
        const process = yield* world.start
        yield* handAll(process, 1, 3)
        yield* Effect.sleep(second)
        const reasons = Effect.map(Effect.orDie(process.client.waiting(channelId())), (found) =>
          found.flatMap((one) => one.reasons.map(({ _tag }) => _tag))
        )
        expect(yield* reasons).toEqual(["SessionAsked"])
        yield* process.pause(minute)
        const other = yield* world.start
        yield* Effect.sleep(50 * second)
        yield* other.close
        yield* Effect.sleep(minute)
        expect((yield* process.client.status).role).toBe("sender")
        expect(yield* reasons).toEqual(["SessionAsked"])
        yield* process.close
      })
    )
  })
})

describe("a tower that has not seen the end of a connection", () => {
  it("is not said to fail when it ends another one with the same key", () => {
    run({ towers: [{ ...good, think: second }], options: alone }, (world) =>
      Effect.gen(function* () {
        yield* world.storeSession(1)
        const first = yield* world.start
        yield* handAll(first, 1, 5)
        yield* Effect.sleep(1500)
        // It still thinks about the updates.
        yield* first.close
        const from = world.events.length
        const process = yield* world.start
        expect(yield* untilBackedUp(process, 5)).toBeLessThanOrEqual(15 * second)
        const tags = world.events.slice(from).map(({ happening }) => happening._tag)
        expect(tags).toContain("KeyBusy")
        expect(tags).not.toContain("ContactFailed")
        expect(tags).not.toContain("TowerRests")
        yield* process.close
      })
    )
  })
})

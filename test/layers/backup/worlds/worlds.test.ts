/** Worlds made by hand: each of them broke an earlier wording of the rules (docs/backups.md, Worlds). */
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import { describe, expect, it } from "vitest"
import { DatabaseUnavailable } from "../../../../src/schema/DbError.js"
import type { KeyIndex } from "../../../../src/schema/Ids.js"
import { CommitHeight } from "../../../../src/schema/RevokedState.js"
import * as Code from "../../../../src/schema/wire/Code.js"
import type { BackupDb } from "../../../../src/services/BackupDb.js"
import { addressOf, towerKey } from "../../negotiator/world.js"
import type { TowerModel } from "./tower.js"
import {
  channelId,
  expectCopies,
  firstTaproot,
  forgotten,
  handAll,
  minute,
  run,
  second,
  untilBackedUp
} from "./world.js"

const expectNoRefusal = (towers: ReadonlyArray<TowerModel>) =>
  expect(towers.flatMap(({ refusals }) => refusals)).toEqual([])

const expectOneRouteEach = (towers: ReadonlyArray<TowerModel>) => {
  for (const { routes } of towers) for (const [key, { size }] of routes) expect(size, `the routes of ${key}`).toBe(1)
}

/** The tower forgets all. */
const empty = (tower: TowerModel | undefined) => {
  if (tower !== undefined) tower.sessions = HashMap.empty()
}

/** How many updates the tower has stored. */
const storedAt = ({ sessions }: TowerModel) => HashMap.reduce(sessions, 0, (sum, { lastApplied }) => sum + lastApplied)

const silent = { dial: "silent" } as const
/** No other process hands states in, so none are looked for each second. */
const alone = { pollInterval: Number.POSITIVE_INFINITY }

const good = { latency: 45 }

describe("a tower client", () => {
  it("gets a session and sends what it was handed", () => {
    run({ towers: [good] }, (world) =>
      Effect.gen(function* () {
        const process = yield* world.start
        yield* handAll(process, 1, 10)
        expect(yield* untilBackedUp(process, 10)).toBeLessThan(2 * second)
        expectCopies(world, 10, 1)
        expectNoRefusal(world.towers)
        yield* process.close
      })
    )
  })

  it("B5, W1: finds the one good tower beside five dead ones whose sessions are stored", () => {
    run({ towers: [silent, silent, silent, silent, silent, good] }, (world) =>
      Effect.gen(function* () {
        for (let n = 1; n <= 5; n += 1) yield* world.storeSession(n)
        const process = yield* world.start
        yield* handAll(process, 1, 10)
        expect(yield* untilBackedUp(process, 10)).toBeLessThanOrEqual(3.5 * second)
        yield* process.close
      })
    )
  })

  it("W1b: waits for one of the sessions that are tried when no more may be", () => {
    run({ towers: [silent, silent, silent, silent, { latency: second }], options: { maxHedged: 2 } }, (world) =>
      Effect.gen(function* () {
        for (let n = 1; n <= 4; n += 1) yield* world.storeSession(n)
        const process = yield* world.start
        yield* handAll(process, 1, 10)
        expect(yield* untilBackedUp(process, 10)).toBeLessThanOrEqual(minute)
        yield* process.close
      })
    )
  })

  it("W2: does not wait for a tower that says to try later for ever", () => {
    run({ towers: [{ ...good, create: () => ({ code: Code.temporaryFailure }) }, good] }, (world) =>
      Effect.gen(function* () {
        yield* world.storeSession(1)
        yield* world.storeSession(2)
        const process = yield* world.start
        yield* handAll(process, 1, 10)
        expect(yield* untilBackedUp(process, 10)).toBeLessThanOrEqual(0.7 * second)
        yield* process.close
      })
    )
  })

  it("B5, W3: gives up sessions that take no update, and costs a bounded number of them an hour", () => {
    run({ towers: [{ ...good, update: () => ({ code: Code.maxUpdatesExceeded }) }], options: alone }, (world) =>
      Effect.gen(function* () {
        const process = yield* world.start
        yield* handAll(process, 1, 10)
        yield* Effect.sleep(60 * minute)
        const [tower] = world.towers
        expect(tower?.created).toBeLessThanOrEqual(16)
        expect(tower?.connections).toBeLessThanOrEqual(32)
        // As soon as it takes updates, all is well.
        if (tower !== undefined) tower.behaviour.update = undefined
        expect(yield* untilBackedUp(process, 10)).toBeLessThanOrEqual(6 * minute)
        expectCopies(world, 10, 1)
        yield* process.close
      })
    )
  })

  it("W3b: does not collect sessions of a tower that gives them and breaks every connection", () => {
    run({ towers: [{ ...good, update: () => "hangUp" }], options: { ...alone, window: 1 } }, (world) =>
      Effect.gen(function* () {
        const process = yield* world.start
        yield* handAll(process, 1, 200)
        yield* Effect.sleep(60 * minute)
        expect(HashMap.size(world.towers[0]?.sessions ?? HashMap.empty())).toBeLessThanOrEqual(16)
        yield* process.close
      })
    )
  })

  it("W13: reads a session again when it is not known whether a window was bound", () => {
    let isFirst = true
    const failure = new DatabaseUnavailable({ operation: "nextWindow", detail: "the answer was lost" })
    const backupDb = (db: BackupDb.Service): BackupDb.Service => ({
      ...db,
      nextWindow: (token, session, request) => {
        if (!isFirst || request.limit === 0) return db.nextWindow(token, session, request)
        isFirst = false
        return Effect.zipRight(db.nextWindow(token, session, request), failure)
      }
    })
    run({ towers: [good], backupDb }, (world) =>
      Effect.gen(function* () {
        const process = yield* world.start
        yield* handAll(process, 1, 5)
        expect(yield* untilBackedUp(process, 5)).toBeLessThanOrEqual(5 * second)
        expectNoRefusal(world.towers)
        yield* process.close
      })
    )
  })

  it("W15: looks for a session of one policy in time although states of another one keep coming", () => {
    run({ towers: [{ ...good }, good], options: alone }, (world) =>
      Effect.gen(function* () {
        const other = firstTaproot
        yield* world.storeSession(2)
        yield* world.storeSession(1, other)
        const process = yield* world.start
        yield* handAll(process, 1, 1)
        yield* untilBackedUp(process, 1)
        const [first] = world.towers
        if (first !== undefined) first.behaviour.dial = "silent"
        yield* process.hand(1, other)
        // The first session is tried at once and gets no answer; each state of the other policy wakes the sender.
        for (let height = 2; height <= 40; height += 1) {
          yield* process.hand(height)
          yield* Effect.sleep(100)
        }
        expect(world.holders(1, other)).toEqual([2])
        yield* process.close
      })
    )
  })

  it("W16: a session that is read again before it is delivered is not taken for a new one", () => {
    run({ towers: [{ ...good, hangsUpAfter: 1900 }, silent], options: { ...alone, window: 4 } }, (world) =>
      Effect.gen(function* () {
        const process = yield* world.start
        yield* handAll(process, 1, 40)
        for (let tick = 0; tick < 40; tick += 1) {
          yield* Effect.sleep(100)
          // The sender reads the towers and the sessions again.
          if (tick % 5 === 0) yield* Effect.orDie(process.candidates.add(towerKey(2), addressOf(2)))
        }
        yield* untilBackedUp(process, 40)
        expectNoRefusal(world.towers)
        const contacts = world.events.flatMap(({ happening }) =>
          happening._tag === "ContactStarted" ? happening.keyIndex : []
        )
        const ends = world.events.filter(({ happening }) =>
          ["ContactEnded", "ContactFailed", "KeyBusy", "SessionExhausted"].includes(happening._tag)
        )
        expect(contacts.length - ends.length, "a contact at a time").toBeLessThanOrEqual(1)
        yield* process.close
      })
    )
  })

  it("W4: two copies are at two towers, also when a session is used up", () => {
    run({ towers: [good, silent], options: { copies: 2 }, maxUpdates: 5 }, (world) =>
      Effect.gen(function* () {
        const process = yield* world.start
        yield* handAll(process, 1, 20)
        yield* Effect.sleep(2 * minute)
        const held = yield* Effect.orDie(process.client.channel(channelId()))
        expect(held).toMatchObject({ missing: 20, complete: 0 })
        const [, second] = world.towers
        if (second !== undefined) second.behaviour.dial = "takes"
        yield* untilBackedUp(process, 20)
        for (let height = 1; height <= 20; height += 1) expect(world.holders(height)).toEqual([1, 2])
        expectNoRefusal(world.towers)
        yield* process.close
      })
    )
  })

  it("B5, W5: what is bound at a tower that is removed is sent to another one", () => {
    run({ towers: [{ ...good, update: () => "silence" }, good] }, (world) =>
      Effect.gen(function* () {
        yield* world.storeSession(1)
        const process = yield* world.start
        yield* handAll(process, 1, 8)
        yield* Effect.sleep(second)
        yield* Effect.orDie(process.candidates.remove(towerKey(1)))
        expect(yield* untilBackedUp(process, 8)).toBeLessThanOrEqual(2.5 * second)
        expectCopies(world, 8, 1)
        yield* process.close
      })
    )
  })

  it.each([
    ["is removed", true],
    ["has failed for long enough", false]
  ])(
    "B5, W17: takes what a tower had bound that %s, also where the next window was just being bound",
    (_, isRemoved) => {
      const answered = Effect.unsafeMakeLatch(false)
      let slow: KeyIndex | undefined
      const windows: Array<ReadonlyArray<number>> = []
      // A window of the second session is bound at once, and the database's answer comes later.
      const backupDb = (db: BackupDb.Service): BackupDb.Service => ({
        ...db,
        nextWindow: (token, session, request) =>
          Effect.tap(db.nextWindow(token, session, request), (updates) => {
            if (session !== slow) return Effect.void
            windows.push(updates.map(({ commitHeight }) => commitHeight))
            return answered.await
          })
      })
      const towers = [{ ...good, update: () => "hangUp" as const }, good]
      run({ towers, options: { moveAfter: "5 seconds" }, backupDb }, (world) =>
        Effect.gen(function* () {
          yield* world.storeSession(1)
          slow = (yield* world.storeSession(2)).keyIndex
          const process = yield* world.start
          yield* handAll(process, 1, 3)
          yield* Effect.sleep(second)
          yield* handAll(process, 4, 5)
          yield* Effect.sleep(second)
          // The first three are bound at the first tower, and not open yet.
          expect(windows).toEqual([[4, 5]])
          if (isRemoved) yield* Effect.orDie(process.candidates.remove(towerKey(1)))
          yield* Effect.sleep(5 * second)
          yield* answered.open
          expect(yield* untilBackedUp(process, 5)).toBeLessThanOrEqual(second)
          expectCopies(world, 5, 1)
          yield* process.close
        })
      )
    }
  )

  it("B1, B8: sends what is bound in a session of another route to another tower, and goes on there on its own route", () => {
    run({ towers: [{ ...good, update: () => "silence" }, { dial: "refuses" }], options: alone }, (world) =>
      Effect.gen(function* () {
        yield* world.storeSession(1)
        const before = yield* world.start
        yield* handAll(before, 1, 5)
        yield* Effect.sleep(second)
        yield* before.close
        for (const tower of world.towers) {
          tower.behaviour.update = undefined
          tower.behaviour.dial = "takes"
        }
        const tor = yield* world.startWith({ route: "tor" })
        expect(yield* untilBackedUp(tor, 5)).toBeLessThanOrEqual(2 * second)
        expect(world.holders(5)).toEqual([2])
        yield* tor.candidates.remove(towerKey(2))
        yield* tor.close
        // On its own route the session goes on where it was.
        const again = yield* world.start
        yield* Effect.sleep(5 * second)
        expect(world.holders(5)).toEqual([1, 2])
        expect(HashMap.size(world.towers[0]?.sessions ?? HashMap.empty())).toBe(1)
        yield* again.close
        expectOneRouteEach(world.towers)
        expectNoRefusal(world.towers)
      }).pipe(Effect.orDie)
    )
  })

  it("sends what is bound at a tower that is deactivated to another one, and goes on there when it is added again", () => {
    run({ towers: [{ ...good, update: () => "silence" }, good] }, (world) =>
      Effect.gen(function* () {
        yield* world.storeSession(1)
        const process = yield* world.start
        yield* handAll(process, 1, 8)
        yield* Effect.sleep(second)
        yield* Effect.orDie(process.client.deactivateTower(towerKey(1)))
        expect(yield* untilBackedUp(process, 8)).toBeLessThanOrEqual(2.5 * second)
        expectCopies(world, 8, 1)
        const contacts = () =>
          world.events.filter(({ happening }) => happening._tag === "ContactStarted" && happening.towerId === 1).length
        const before = contacts()
        yield* handAll(process, 9, 20)
        yield* untilBackedUp(process, 20)
        yield* Effect.sleep(10 * minute)
        expect(contacts()).toBe(before)
        yield* Effect.orDie(process.candidates.add(towerKey(1), addressOf(1)))
        yield* Effect.sleep(minute)
        expect(contacts()).toBeGreaterThan(before)
        yield* process.close
      })
    )
  })

  it("leaves a session that another process has given up to itself, and sends its states elsewhere", () => {
    run({ towers: [{ ...good, update: () => "silence" }, good] }, (world) =>
      Effect.gen(function* () {
        const { id, keyIndex } = yield* world.storeSession(1)
        const process = yield* world.start
        yield* handAll(process, 1, 8)
        yield* Effect.sleep(second)
        expect(yield* Effect.orDie(world.db.terminateSession(id))).toEqual({ reopened: 8, lost: 0 })
        expect(yield* untilBackedUp(process, 8)).toBeLessThanOrEqual(30 * second)
        expectCopies(world, 8, 1)
        yield* Effect.sleep(10 * minute)
        const { sessions } = yield* process.client.status
        expect(sessions.map((one) => one.keyIndex)).not.toContain(keyIndex)
        yield* process.close
      })
    )
  })

  it("W6: crashes every nine minutes do not keep a state at a dead tower", () => {
    run({ towers: [silent, good] }, (world) =>
      Effect.gen(function* () {
        yield* world.storeSession(1)
        const first = yield* world.start
        yield* handAll(first, 1, 10)
        for (let crash = 0; crash < 3; crash += 1) {
          const process = crash === 0 ? first : yield* world.start
          expect(yield* untilBackedUp(process, 10)).toBeLessThanOrEqual(3 * second)
          yield* Effect.sleep(9 * minute)
          yield* process.close
        }
        expectCopies(world, 10, 1)
      })
    )
  })

  it("B2, W7: a session that is further at its tower than an older copy of the database knows is given up", () => {
    run({ towers: [{ ...good }, good], options: { window: 8 }, isRestorable: true }, (world) =>
      Effect.gen(function* () {
        yield* world.storeSession(1)
        const [tower] = world.towers
        if (tower === undefined) throw new Error("no tower")
        const lost = yield* world.start
        // It hangs up after the fifth update: the copy has eight bound.
        tower.behaviour.drop = () => storedAt(tower) >= 5
        yield* handAll(lost, 1, 8)
        yield* Effect.sleep(600)
        expect(storedAt(tower)).toBe(5)
        const copy = yield* world.copyDatabase
        tower.behaviour.drop = undefined
        yield* untilBackedUp(lost, 8)
        yield* handAll(lost, 9, 11)
        yield* untilBackedUp(lost, 11)
        expect(storedAt(tower)).toBe(11)
        yield* lost.kill
        yield* world.restoreDatabase(copy)
        // The refusal of another update than the tower expects could be lost: nothing may depend on it.
        tower.behaviour.update = (_, update) => (update.seqNum <= storedAt(tower) ? "hangUp" : undefined)
        const process = yield* world.start
        yield* handAll(process, 9, 11)
        yield* untilBackedUp(process, 11)
        expect(world.events.map(({ happening }) => happening)).toContainEqual(
          expect.objectContaining({ _tag: "SessionTerminal", reason: "Ahead", reopened: 4 })
        )
        // The copy knows that the first four are there.
        for (let height = 5; height <= 11; height += 1) expect(world.holders(height)).toContain(2)
        yield* process.close
      })
    )
  })

  it("B5, W9: a tower that is slow with its window holds up only what it was given", () => {
    run({ towers: [{ ...good, think: 14 * second }, good] }, (world) =>
      Effect.gen(function* () {
        yield* world.storeSession(1)
        const process = yield* world.start
        yield* handAll(process, 1, 200)
        yield* Effect.sleep(14 * second)
        const { complete } = yield* Effect.orDie(process.client.channel(channelId()))
        expect(complete).toBeGreaterThanOrEqual(200 - 32)
        yield* untilBackedUp(process, 200)
        expectCopies(world, 200, 1)
        expectNoRefusal(world.towers)
        yield* process.close
      })
    )
  })

  it("W10: with fewer towers than copies, the next session of the one tower takes what it does not have yet", () => {
    run({ towers: [good], options: { copies: 2 }, maxUpdates: 5 }, (world) =>
      Effect.gen(function* () {
        const process = yield* world.start
        yield* handAll(process, 1, 20)
        yield* Effect.sleep(2 * minute)
        for (let height = 1; height <= 20; height += 1) expect(world.holders(height)).toEqual([1])
        yield* process.close
      })
    )
  })

  it("W11: a tower that claims more than it was given is believed nothing", () => {
    run({ towers: [{ ...good }, good] }, (world) =>
      Effect.gen(function* () {
        yield* world.storeSession(1)
        const [liar] = world.towers
        if (liar === undefined) throw new Error("no tower")
        liar.behaviour.update = () => "silence"
        const first = yield* world.start
        yield* handAll(first, 1, 16)
        yield* Effect.sleep(second)
        yield* first.close
        liar.behaviour.create = (_, request) =>
          request._tag === "CreateSession" ? { code: Code.alreadyExists, lastApplied: 0xffff } : undefined
        const process = yield* world.start
        yield* untilBackedUp(process, 16)
        for (let height = 1; height <= 16; height += 1) expect(world.holders(height)).toContain(2)
        yield* process.close
      })
    )
  })

  it("B5, W15: a tower that fails again, right after it has confirmed what it had failed with, is given up as soon as any other", () => {
    run({ towers: [{ ...good }, { ...good, dial: "silent" }] }, (world) =>
      Effect.gen(function* () {
        yield* world.storeSession(1)
        const [failing, other] = world.towers
        if (failing === undefined || other === undefined) throw new Error("no towers")
        const process = yield* world.start
        yield* process.candidates.remove(towerKey(2))
        failing.behaviour.update = () => "hangUp"
        yield* handAll(process, 1, 2)
        yield* Effect.sleep(5 * minute)
        // From now on it takes those two, and hangs up at the next one.
        failing.behaviour.update = (_, { seqNum }) => (seqNum <= 2 ? undefined : "hangUp")
        yield* handAll(process, 3, 4)
        while (storedAt(failing) < 2) yield* Effect.sleep(second)
        other.behaviour.dial = "takes"
        yield* process.candidates.add(towerKey(2), addressOf(2))
        expect(yield* untilBackedUp(process, 4)).toBeLessThanOrEqual(1.2 * minute)
        expect(world.holders(4)).toEqual([2])
        yield* process.close
      }).pipe(Effect.orDie)
    )
  })

  it("B1, W12: all that a tower has lost is listed, also of a session that is used up", () => {
    run({ towers: [good], maxUpdates: 20 }, (world) =>
      Effect.gen(function* () {
        const process = yield* forgotten(world)
        yield* Effect.sleep(3 * minute)
        expect(yield* Effect.orDie(process.client.channel(channelId()))).toMatchObject({ lost: 25, complete: 1 })
        expect(
          yield* Effect.orDie(Effect.flip(process.client.awaitBackup(channelId(), CommitHeight.make(26))))
        ).toMatchObject({
          _tag: "CopiesLost",
          states: 25
        })
        // Handed in again, they get new copies.
        yield* handAll(process, 1, 25)
        yield* untilBackedUp(process, 26)
        expectCopies(world, 26, 1)
        yield* process.close
      })
    )
  })

  it("B8: a tower that has lost all is asked for the sessions of this route alone", () => {
    run({ towers: [good] }, (world) =>
      Effect.gen(function* () {
        const clear = yield* world.start
        yield* handAll(clear, 1, 10)
        yield* untilBackedUp(clear, 10)
        yield* clear.close
        const tor = yield* world.startWith({ route: "tor" })
        yield* handAll(tor, 11, 20)
        yield* untilBackedUp(tor, 20)
        empty(world.towers[0])
        yield* handAll(tor, 21, 21)
        yield* Effect.sleep(5 * minute)
        expect(yield* Effect.orDie(tor.client.channel(channelId()))).toMatchObject({ lost: 10, complete: 11 })
        expectOneRouteEach(world.towers)
        yield* tor.close
        // A client of the other route finds out that its own are lost when it sends there.
        const again = yield* world.start
        yield* handAll(again, 22, 22)
        yield* Effect.sleep(5 * minute)
        expect(yield* Effect.orDie(again.client.channel(channelId()))).toMatchObject({ lost: 20, complete: 2 })
        expectOneRouteEach(world.towers)
        yield* again.close
      })
    )
  })

  it("W14: a tower that has lost all is found out by its next update, while the client goes on", () => {
    run({ towers: [good] }, (world) =>
      Effect.gen(function* () {
        const process = yield* world.start
        yield* handAll(process, 1, 10)
        yield* untilBackedUp(process, 10)
        yield* Effect.sleep(minute)
        empty(world.towers[0])
        yield* handAll(process, 11, 11)
        expect(
          yield* Effect.orDie(Effect.flip(process.client.awaitBackup(channelId(), CommitHeight.make(11))))
        ).toMatchObject({ _tag: "CopiesLost", states: 10 })
        yield* handAll(process, 1, 10)
        expect(yield* untilBackedUp(process, 11)).toBeLessThanOrEqual(12 * second)
        expectCopies(world, 11, 1)
        yield* process.close
      })
    )
  })
})

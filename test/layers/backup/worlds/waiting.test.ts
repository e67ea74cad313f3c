/** Why states have not all their copies yet, and until when (docs/backups.md, Waiting for copies). */
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import * as Status from "../../../../src/layers/backup/status.js"
import { reasonsOf } from "../../../../src/layers/backup/waitReasons.js"
import { bitcoinRegtest as regtest } from "../../../../src/schema/Chain.js"
import { DatabaseUnavailable } from "../../../../src/schema/DbError.js"
import { KeyIndex, SessionId, TowerId } from "../../../../src/schema/Ids.js"
import * as Policy from "../../../../src/schema/Policy.js"
import { Happening } from "../../../../src/schema/TowerClientEvent.js"
import { type TowerClientStatus, WaitReason } from "../../../../src/schema/TowerClientStatus.js"
import * as Code from "../../../../src/schema/wire/Code.js"
import { towerKey } from "../../negotiator/world.js"
import { around } from "./around.js"
import { channelId, handAll, minute, type Process, run, second, untilBackedUp } from "./world.js"

/** The reasons for the states of channel 1, and how many states they are for. */
const waiting = ({ client }: Process) =>
  Effect.map(Effect.orDie(client.waiting(channelId())), (found) =>
    found.map(({ reasons, states }) => ({ states, reasons: reasons.map(({ _tag }) => _tag), all: reasons }))
  )

const silent = { dial: "silent" } as const
const good = { latency: 45 }
const alone = { pollInterval: Number.POSITIVE_INFINITY }

describe("what a state waits for", () => {
  it("nothing, once all copies are made; and of a channel that is not registered nothing is known", () => {
    run({ towers: [good] }, (world) =>
      Effect.gen(function* () {
        const process = yield* world.start
        yield* handAll(process, 1, 3)
        yield* Effect.sleep(2 * second)
        expect(yield* waiting(process)).toEqual([])
        expect(yield* Effect.either(process.client.waiting(channelId(2)))).toMatchObject({
          left: { _tag: "ChannelNotRegistered" }
        })
        yield* process.close
      })
    )
  })

  it("a session, which a tower is asked for", () => {
    run({ towers: [silent], options: alone }, (world) =>
      Effect.gen(function* () {
        const process = yield* world.start
        yield* handAll(process, 1, 3)
        yield* Effect.sleep(second)
        expect(yield* waiting(process)).toMatchObject([
          { states: 3, reasons: ["SessionAsked"], all: [{ towers: [1], since: 0, until: undefined }] }
        ])
        yield* process.close
      })
    )
  })

  it("no session of a tower that was removed while it rested", () => {
    run({ towers: [{ dial: "refuses" }], options: alone }, (world) =>
      Effect.gen(function* () {
        yield* world.storeSession(1)
        const process = yield* world.start
        yield* handAll(process, 1, 3)
        yield* Effect.sleep(minute)
        expect((yield* process.client.status).sessions.map(({ activity }) => activity._tag)).toEqual(["Resting"])
        yield* process.candidates.remove(towerKey(1))
        yield* Effect.sleep(second)
        expect((yield* process.client.status).sessions).toEqual([])
        expect((yield* waiting(process)).map(({ reasons }) => reasons)).toEqual([["NoTower"]])
        yield* process.close
      }).pipe(Effect.orDie)
    )
  })

  it("a client of the other route, whose session has bound it at the one tower; giving the session up helps", () => {
    run({ towers: [{ ...good, update: () => "silence" }], options: alone }, (world) =>
      Effect.gen(function* () {
        const { id } = yield* world.storeSession(1)
        const clear = yield* world.start
        yield* handAll(clear, 1, 3)
        yield* Effect.sleep(second)
        yield* clear.close
        // That one holds nothing.
        yield* world.storeSession(1)
        const tor = yield* world.startWith({ route: "tor" })
        for (const tower of world.towers) tower.behaviour.update = undefined
        yield* Effect.sleep(minute)
        expect(yield* waiting(tor)).toMatchObject([
          {
            states: 3,
            reasons: ["NoTower", "OtherRoute"],
            all: [{}, { route: "clear", towers: [1], sessions: [id] }]
          }
        ])
        yield* tor.client.terminateSession(id)
        yield* handAll(tor, 4, 4)
        yield* untilBackedUp(tor, 4)
        expect(yield* waiting(tor)).toEqual([])
        yield* tor.close
      }).pipe(Effect.orDie)
    )
  })

  it("the negotiator's wait after a round in which no tower gave a session", () => {
    run({ towers: [{ dial: "refuses" }], options: alone }, (world) =>
      Effect.gen(function* () {
        const process = yield* world.start
        yield* handAll(process, 1, 3)
        yield* Effect.sleep(5 * second)
        expect(yield* waiting(process)).toMatchObject([
          { states: 3, reasons: ["SessionAsked"], all: [{ towers: [1], since: 0, until: 10 * second }] }
        ])
        yield* process.close
      })
    )
  })

  it("the tower to answer, then the rest of its session and of the tower after failures", () => {
    run({ towers: [{ ...good, update: () => ({ code: Code.temporaryFailure }) }], options: alone }, (world) =>
      Effect.gen(function* () {
        yield* world.storeSession(1)
        const process = yield* world.start
        yield* handAll(process, 1, 3)
        yield* Effect.sleep(100)
        expect(yield* waiting(process)).toMatchObject([{ states: 3, reasons: ["OnTheirWay"], all: [{ towers: [1] }] }])
        yield* Effect.sleep(10 * second)
        const [found] = yield* waiting(process)
        expect(found?.reasons).toEqual(["SessionsRest"])
        expect(found?.all).toMatchObject([{ towers: [1], failure: { _tag: "UpdateRefused", code: 40 } }])
        yield* process.close
      })
    )
  })

  it("the rest of a tower that gave up sessions which took nothing", () => {
    run({ towers: [{ ...good, update: () => ({ code: Code.maxUpdatesExceeded }) }], options: alone }, (world) =>
      Effect.gen(function* () {
        const process = yield* world.start
        yield* handAll(process, 1, 3)
        yield* Effect.sleep(5 * minute)
        const [found] = yield* waiting(process)
        expect(found?.reasons).toEqual(["TowersRest"])
        yield* process.close
      })
    )
  })

  it("another tower, where fewer can be asked than copies are wanted", () => {
    run({ towers: [good], options: { ...alone, copies: 2 } }, (world) =>
      Effect.gen(function* () {
        const process = yield* world.start
        yield* handAll(process, 1, 3)
        yield* Effect.sleep(minute)
        expect(yield* waiting(process)).toMatchObject([{ states: 3, reasons: ["NoTower"] }])
        yield* process.close
      })
    )
  })

  it("the database, and when it is asked again", () => {
    let isFailing = false
    const failure = new DatabaseUnavailable({ operation: "any", detail: "no disk" })
    run(
      {
        towers: [good],
        options: alone,
        backupDb: (db) =>
          around(db, (name, call) =>
            isFailing && name !== "missing" && name !== "loadChannel" ? Effect.fail(failure) : call
          )
      },
      (world) =>
        Effect.gen(function* () {
          const process = yield* world.start
          yield* handAll(process, 1, 3)
          isFailing = true
          yield* Effect.sleep(55 * second)
          const [found] = yield* waiting(process)
          expect(found?.reasons).toContain("DatabaseFails")
          isFailing = false
          yield* Effect.sleep(minute)
          expect(yield* waiting(process)).toEqual([])
          yield* process.close
        })
    )
  })

  it("the process that sends, where that is another one", () => {
    run({ towers: [silent] }, (world) =>
      Effect.gen(function* () {
        const first = yield* world.start
        const second = yield* world.start
        yield* handAll(second, 1, 3)
        expect(yield* waiting(second)).toMatchObject([{ states: 3, reasons: ["OtherSender"] }])
        yield* second.close
        yield* first.close
      })
    )
  })

  it("a stored session of their own policy, where the client has another one now; and nothing after a defect", () => {
    const status: TowerClientStatus = { role: "sender", sessions: [], wanted: [], restingTowers: [] }
    const policyKey = Policy.keyOf(Policy.defaults(regtest))
    expect(reasonsOf(status, policyKey, undefined, 0)).toEqual([WaitReason.OtherPolicy()])
    expect(reasonsOf({ ...status, role: "stopped" }, policyKey, undefined, 0)).toEqual([WaitReason.SenderStopped()])
  })

  it("no rest of a tower whose session is used up: that ends the rest", () => {
    const rests = Happening.TowerRests({ towerId: TowerId.make(1), until: 10 * second })
    const exhausted = Happening.SessionExhausted({
      towerId: TowerId.make(1),
      tower: towerKey(1),
      session: SessionId.make(towerKey(2)),
      keyIndex: KeyIndex.make(7)
    })
    const folded = [rests, exhausted].reduce(
      (fold, happening, number) => Status.after(fold, { number, at: second, happening }),
      Status.initial
    )
    expect(folded.status.restingTowers).toEqual([])
  })
})

import { assert, describe, it } from "@effect/vitest"
import {
  Array as Arr,
  Cause,
  Deferred,
  Effect,
  Exit,
  FastCheck,
  Fiber,
  Logger,
  Option,
  Queue,
  Scope,
  TestClock
} from "effect"
import * as RoundRobinTowerCandidates from "../../src/layers/RoundRobinTowerCandidates.js"
import { publicKeyOf } from "../../src/layers/testing/FixedKeyRing.js"
import * as MemoryClientDb from "../../src/layers/testing/MemoryClientDb.js"
import { CorruptRow, DatabaseBusy, type DbError } from "../../src/schema/DbError.js"
import type { Tower } from "../../src/schema/Tower.js"
import { TowerAddress } from "../../src/schema/TowerAddress.js"
import { ClientDb } from "../../src/services/ClientDb.js"
import type { CandidateChange } from "../../src/services/TowerCandidates.js"

const keys = Arr.makeBy(5, (n) => publicKeyOf(1_000_000 + n))
const key = (n: number) => keys[n % keys.length] ?? publicKeyOf(0)
const address = (n: number) => TowerAddress.make(`127.0.0.1:${9000 + n}`)

/** A list over a database that the test can write behind its back. */
const setup = (options?: RoundRobinTowerCandidates.Options) =>
  Effect.gen(function* () {
    const db = yield* MemoryClientDb.make()
    const make = RoundRobinTowerCandidates.make(options).pipe(Effect.provideService(ClientDb, db))
    return { db, make }
  })

const brief = (change: CandidateChange): string => {
  switch (change._tag) {
    case "TowerAdded":
      return `+${change.tower.id}`
    case "AddressAdded":
      return `+${change.tower.id}@${change.address}`
    case "TowerRemoved":
      return `-${change.towerId}`
    case "AddressRemoved":
      return `-${change.towerId}@${change.address}`
  }
}
const news = (dequeue: Queue.Dequeue<CandidateChange>) =>
  Effect.map(Queue.takeAll(dequeue), (changes) => Array.from(changes, brief))

describe("RoundRobinTowerCandidates", () => {
  it.scoped("loads the towers of the table, each once, by id", () =>
    Effect.gen(function* () {
      const { db, make } = yield* setup()
      for (const n of [2, 0, 1, 2]) yield* db.createTower(key(n), address(n))
      yield* db.createTower(key(0), address(9))
      yield* db.removeTower(key(1))
      const candidates = yield* make
      assert.deepStrictEqual(
        (yield* candidates.list).map((tower) => [tower.publicKey, tower.addresses]),
        [
          [key(2), [address(2)]],
          [key(0), [address(9), address(0)]]
        ]
      )
    })
  )

  it.scoped("tells of every change that it makes, once the database has it", () =>
    Effect.gen(function* () {
      const { db, make } = yield* setup()
      const candidates = yield* make
      const changes = yield* candidates.changes
      const tower = yield* candidates.add(key(0), address(0))
      assert.deepStrictEqual(yield* db.listTowers, [tower])
      yield* candidates.add(key(0), address(1))
      yield* candidates.add(key(0), address(1))
      yield* candidates.remove(key(0), address(0))
      yield* candidates.remove(key(0), address(7))
      yield* candidates.remove(key(0))
      yield* candidates.remove(key(0))
      yield* candidates.add(key(0), address(1))
      assert.deepStrictEqual(yield* news(changes), ["+1", `+1@${address(1)}`, "+1", `-1@${address(0)}`, "-1", "+1"])
    })
  )

  it.scoped("keeps the last address, and says nothing", () =>
    Effect.gen(function* () {
      const { make } = yield* setup()
      const candidates = yield* make
      yield* candidates.add(key(0), address(0))
      const changes = yield* candidates.changes
      const error = yield* Effect.flip(candidates.remove(key(0), address(0)))
      assert.strictEqual(error._tag, "LastTowerAddr")
      assert.deepStrictEqual(yield* news(changes), [])
      assert.strictEqual((yield* candidates.list)[0]?.addresses.length, 1)
    })
  )

  it.scoped("says nothing of what the database refused", () =>
    Effect.gen(function* () {
      const { db } = yield* setup()
      const busy = Effect.fail(new DatabaseBusy({ operation: "createTower" }))
      const candidates = yield* RoundRobinTowerCandidates.make().pipe(
        Effect.provideService(ClientDb, { ...db, createTower: () => busy, removeTower: () => busy })
      )
      const changes = yield* candidates.changes
      assert.isTrue(Exit.isFailure(yield* Effect.exit(candidates.add(key(0), address(0)))))
      assert.isTrue(Exit.isFailure(yield* Effect.exit(candidates.remove(key(0)))))
      assert.deepStrictEqual(yield* news(changes), [])
      assert.deepStrictEqual(yield* candidates.list, [])
    })
  )

  it.scoped(
    "a write that has begun is followed by its change, also when its caller is interrupted before it ends",
    () =>
      Effect.gen(function* () {
        const memory = yield* MemoryClientDb.make()
        const written = yield* Deferred.make<void>()
        const goOn = yield* Deferred.make<void>()
        const db: ClientDb.Service = {
          ...memory,
          createTower: (...args) =>
            memory
              .createTower(...args)
              .pipe(Effect.zipLeft(Deferred.succeed(written, undefined)), Effect.zipLeft(Deferred.await(goOn)))
        }
        const candidates = yield* Effect.provideService(RoundRobinTowerCandidates.make(), ClientDb, db)
        const changes = yield* candidates.changes
        const caller = yield* Effect.fork(candidates.add(key(0), address(0)))
        yield* Deferred.await(written)
        const interruption = yield* Effect.fork(Fiber.interrupt(caller))
        yield* Effect.yieldNow()
        yield* Deferred.succeed(goOn, undefined)
        yield* Fiber.join(interruption)
        assert.deepStrictEqual(yield* candidates.list, yield* memory.listTowers)
        assert.deepStrictEqual(yield* news(changes), ["+1"])
      })
  )

  it.scoped("has no deactivated tower, until it is added again", () =>
    Effect.gen(function* () {
      const { db, make } = yield* setup()
      for (const n of [0, 1]) yield* db.createTower(key(n), address(n))
      yield* db.deactivateTower(key(0))
      const candidates = yield* make
      const ids = Effect.map(candidates.list, (list) => list.map(({ id }) => id))
      assert.deepStrictEqual(yield* ids, [2])
      const changes = yield* candidates.changes
      yield* candidates.deactivate(key(1))
      yield* candidates.deactivate(key(1))
      assert.deepStrictEqual(yield* ids, [])
      assert.deepStrictEqual(yield* news(changes), ["-2"])
      assert.deepStrictEqual(
        (yield* db.listTowers).map(({ status }) => status),
        ["inactive", "inactive"]
      )
      assert.strictEqual((yield* Effect.flip(candidates.deactivate(key(2))))._tag, "TowerNotFound")
      yield* candidates.add(key(1), address(1))
      assert.deepStrictEqual(yield* ids, [2])
      assert.deepStrictEqual(yield* news(changes), ["+2"])
    })
  )

  it.scoped("sees within 5 s what another process did", () =>
    Effect.gen(function* () {
      const { db, make } = yield* setup()
      yield* db.createTower(key(0), address(0))
      yield* db.createTower(key(1), address(1))
      const candidates = yield* make
      const changes = yield* candidates.changes
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(yield* news(changes), [])

      yield* db.createTower(key(2), address(2))
      yield* db.createTower(key(0), address(5))
      yield* db.removeTower(key(1))
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual((yield* news(changes)).sort(), ["-2", `+1@${address(5)}`, "+3"].sort())
      assert.deepStrictEqual(yield* candidates.list, yield* db.listTowers)

      yield* db.removeTower(key(0), address(5))
      yield* db.createTower(key(1), address(1))
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual((yield* news(changes)).sort(), [`-1@${address(5)}`, "+2"].sort())
      assert.deepStrictEqual(yield* candidates.list, yield* db.listTowers)

      yield* db.deactivateTower(key(0))
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(yield* news(changes), ["-1"])
      yield* db.createTower(key(0), address(0))
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(yield* news(changes), ["+1"])
      assert.deepStrictEqual(yield* candidates.list, yield* db.listTowers)
    })
  )

  it.scoped("tells that another process added what is known already, once for each look at the table", () =>
    Effect.gen(function* () {
      const { make } = yield* setup()
      const here = yield* make
      const there = yield* make
      yield* there.add(key(0), address(0))
      yield* there.add(key(0), address(1))
      yield* there.add(key(1), address(2))
      yield* TestClock.adjust("5 seconds")
      const changes = yield* here.changes
      yield* there.add(key(0), address(0))
      yield* there.add(key(0), address(0))
      assert.deepStrictEqual(yield* news(changes), [])
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(yield* news(changes), ["+1"])
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(yield* news(changes), [])
      assert.deepStrictEqual(yield* here.list, yield* there.list)

      // It is told with a new address, as an add of this process is.
      yield* there.add(key(0), address(0))
      yield* there.add(key(0), address(5))
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(yield* news(changes), [`+1@${address(5)}`])

      // What was removed and added again between two looks was added.
      yield* there.remove(key(1))
      yield* there.add(key(1), address(2))
      yield* there.remove(key(0), address(1))
      yield* there.add(key(0), address(0))
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual((yield* news(changes)).sort(), [`-1@${address(1)}`, "+1", "+2"].sort())
    })
  )

  it.scoped("tells of its own adds once, also when a later poll finds them", () =>
    Effect.gen(function* () {
      const { make } = yield* setup()
      const candidates = yield* make
      const changes = yield* candidates.changes
      yield* candidates.add(key(0), address(0))
      yield* candidates.add(key(0), address(0))
      yield* candidates.remove(key(0), address(7))
      assert.deepStrictEqual(yield* news(changes), ["+1", "+1"])
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(yield* news(changes), [])
    })
  )

  it.scoped("sees a new order of addresses, and that one was added", () =>
    Effect.gen(function* () {
      const { db, make } = yield* setup()
      yield* db.createTower(key(0), address(0))
      yield* db.createTower(key(0), address(1))
      const candidates = yield* make
      const changes = yield* candidates.changes
      yield* db.removeTower(key(0), address(0))
      yield* db.createTower(key(0), address(0))
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(yield* news(changes), ["+1"])
      assert.deepStrictEqual((yield* candidates.list)[0]?.addresses, [address(0), address(1)])
    })
  )

  it.scoped("a poll that fails changes nothing, and the next one sees", () =>
    Effect.gen(function* () {
      const { db } = yield* setup()
      yield* db.createTower(key(0), address(0))
      let away = false
      const listTowers = Effect.suspend(() =>
        away ? Effect.fail(new DatabaseBusy({ operation: "listTowers" })) : db.listTowers
      )
      const candidates = yield* RoundRobinTowerCandidates.make().pipe(
        Effect.provideService(ClientDb, { ...db, listTowers })
      )
      away = true
      yield* db.createTower(key(1), address(1))
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual((yield* candidates.list).length, 1)
      away = false
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual((yield* candidates.list).length, 2)
    })
  )

  it.scoped("polls go on after a failure or a defect, and what is wrong is said once, and again when it changes", () =>
    Effect.gen(function* () {
      const { db } = yield* setup()
      const logged: Array<string> = []
      const logger = Logger.make<unknown, void>(({ logLevel, cause }) => {
        logged.push(`${logLevel.label} ${String(Cause.squash(cause))}`)
      })
      let poll: Effect.Effect<ReadonlyArray<Tower>, DbError> = db.listTowers
      const candidates = yield* RoundRobinTowerCandidates.make().pipe(
        Effect.provideService(ClientDb, { ...db, listTowers: Effect.suspend(() => poll) }),
        Effect.provide(Logger.replace(Logger.defaultLogger, logger))
      )
      const defect = new Error("a defect on purpose")
      const corrupt = new CorruptRow({ table: "wt_tower", detail: "on purpose" })
      const ends: ReadonlyArray<readonly [typeof poll, number]> = [
        [Effect.die(defect), 3],
        [Effect.fail(corrupt), 2],
        [Effect.interrupt, 2],
        [db.listTowers, 1],
        [Effect.fail(corrupt), 1]
      ]
      for (const [end, times] of ends) {
        poll = end
        for (let i = 0; i < times; i++) yield* TestClock.adjust("4 seconds")
      }
      assert.deepStrictEqual(
        logged.map((line) => line.split("\n")[0]),
        [`WARN ${defect}`, `WARN ${corrupt}`, logged[2], `WARN ${corrupt}`]
      )
      poll = db.listTowers
      yield* db.createTower(key(1), address(1))
      yield* TestClock.adjust("4 seconds")
      assert.strictEqual((yield* candidates.list).length, 1)
    })
  )

  it.scoped("a poll with an older picture does not undo an add", () =>
    Effect.gen(function* () {
      const { db } = yield* setup()
      // The poll's query takes 2 s and answers what was there when it began.
      let slow = false
      const listTowers = Effect.suspend(() =>
        Effect.flatMap(db.listTowers, (towers) =>
          slow ? Effect.delay(Effect.succeed(towers), "2 seconds") : Effect.succeed(towers)
        )
      )
      const candidates = yield* RoundRobinTowerCandidates.make({ pollInterval: "4 seconds" }).pipe(
        Effect.provideService(ClientDb, { ...db, listTowers })
      )
      slow = true
      const changes = yield* candidates.changes
      yield* TestClock.adjust("5 seconds")
      const adding = yield* Effect.fork(candidates.add(key(0), address(0)))
      yield* TestClock.adjust("10 seconds")
      assert.isTrue(Option.isSome(yield* adding.poll))
      assert.deepStrictEqual(yield* news(changes), ["+1"])
    })
  )

  it.scoped("never polls when the interval is infinite, and stops when its scope closes", () =>
    Effect.gen(function* () {
      let reads = 0
      const { db } = yield* setup()
      const counting = {
        ...db,
        listTowers: Effect.andThen(
          Effect.sync(() => reads++),
          db.listTowers
        )
      }
      const open = (options: RoundRobinTowerCandidates.Options, scope: Scope.Scope) =>
        RoundRobinTowerCandidates.make(options).pipe(
          Effect.provideService(ClientDb, counting),
          Effect.provideService(Scope.Scope, scope)
        )
      const scope = yield* Scope.make()
      yield* open({ pollInterval: Number.POSITIVE_INFINITY }, scope)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(reads, 1)
      yield* open({ pollInterval: "10 seconds" }, scope)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(reads, 2 + 6)
      yield* Scope.close(scope, Exit.void)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(reads, 2 + 6)
    })
  )

  const towerNumber = FastCheck.nat(3)
  const addressNumber = FastCheck.nat(2)
  const step = FastCheck.oneof(
    FastCheck.record({
      op: FastCheck.constantFrom("add" as const, "addElsewhere" as const),
      towerNumber,
      addressNumber
    }),
    FastCheck.record({
      op: FastCheck.constantFrom("remove" as const, "removeElsewhere" as const),
      towerNumber,
      addressNumber: FastCheck.option(addressNumber, { nil: undefined })
    }),
    FastCheck.record({
      op: FastCheck.constantFrom("deactivate" as const, "deactivateElsewhere" as const),
      towerNumber
    }),
    FastCheck.record({ op: FastCheck.constant("poll" as const) })
  )

  // The changes, folded over the first list, give the list, in every order of events.
  it.effect.prop(
    "its news lead from the first list to the last",
    { steps: FastCheck.array(step, { maxLength: 15 }) },
    ({ steps }) =>
      Effect.scoped(
        Effect.gen(function* () {
          const { db, make } = yield* setup()
          yield* db.createTower(key(0), address(0))
          const candidates = yield* make
          const changes = yield* candidates.changes
          const known = new Map((yield* candidates.list).map((tower) => [tower.id, new Set(tower.addresses)]))
          for (const one of steps) {
            switch (one.op) {
              case "add":
                yield* candidates.add(key(one.towerNumber), address(one.addressNumber))
                break
              case "addElsewhere":
                yield* db.createTower(key(one.towerNumber), address(one.addressNumber))
                break
              case "remove":
              case "removeElsewhere": {
                const removed = one.addressNumber === undefined ? undefined : address(one.addressNumber)
                yield* Effect.ignore(
                  (one.op === "remove" ? candidates : { remove: db.removeTower }).remove(key(one.towerNumber), removed)
                )
                break
              }
              case "deactivate":
                yield* Effect.ignore(candidates.deactivate(key(one.towerNumber)))
                break
              case "deactivateElsewhere":
                yield* Effect.ignore(db.deactivateTower(key(one.towerNumber)))
                break
              case "poll":
                yield* TestClock.adjust("4 seconds")
            }
          }
          yield* TestClock.adjust("4 seconds")
          for (const change of yield* Queue.takeAll(changes)) {
            switch (change._tag) {
              case "TowerAdded":
                known.set(change.tower.id, new Set(change.tower.addresses))
                break
              case "AddressAdded":
                known.get(change.tower.id)?.add(change.address)
                break
              case "TowerRemoved":
                known.delete(change.towerId)
                break
              case "AddressRemoved":
                known.get(change.towerId)?.delete(change.address)
            }
          }
          const list = yield* candidates.list
          assert.deepStrictEqual(
            list,
            (yield* db.listTowers).filter(({ status }) => status === "active")
          )
          assert.deepStrictEqual(
            [...known].sort(([one], [other]) => one - other),
            list.map((tower) => [tower.id, new Set(tower.addresses)])
          )
        })
      ),
    { fastCheck: { numRuns: 60 } }
  )
})

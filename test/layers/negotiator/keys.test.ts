/**
 * The key of a visit: its lease, its rest once it was shown, and to which tower it is shown (docs/negotiation.md,
 * Reservations). All instants are exact.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber, Redacted } from "effect"
import * as TowerScript from "../../../src/layers/testing/TowerScript.js"
import { type Route, TowerId } from "../../../src/schema/Ids.js"
import * as Policy from "../../../src/schema/Policy.js"
import { Reservation } from "../../../src/schema/Reservation.js"
import type { ClientDb } from "../../../src/services/ClientDb.js"
import type { KeyRing } from "../../../src/services/KeyRing.js"
import { always, broken, dials, failures, good, indexOf, inTurn, numberOf, sleepUntil, waits } from "./scenes.js"
import { addressOf, hour, regtest, run, second, those, towerKey, type World } from "./world.js"

/** Two addresses for a tower, in the order of trial. */
const [first, other] = [addressOf(1, 1), addressOf(1, 2)]
const twoAddresses = { addresses: [first, other] }

describe("the lease of a key: act three and CreateSession are written only while it holds", () => {
  /** Tower 1's leases hold for `forMs` milliseconds. */
  const shortLeases =
    (forMs: number) =>
    (db: ClientDb.Service): ClientDb.Service => ({
      ...db,
      nextSessionKeyIndex: (towerId, ...rest) =>
        Effect.map(db.nextSessionKeyIndex(towerId, ...rest), (taken) =>
          towerId === 1 ? new Reservation({ ...taken, forMs }) : taken
        )
    })
  const unblamed = (world: World) => expect(those(world.events, "VisitFailed")[0]).toMatchObject({ blamed: false })

  it("the product that is not sent because it ran out is overwritten", () => {
    const product = new Uint8Array(32).fill(1)
    const keyRing = (ring: KeyRing.Service): KeyRing.Service => ({
      ...ring,
      ecdh: () => Effect.succeed(Redacted.make(product))
    })
    run({ towers: [always({ delays: { dial: 500 } })], db: shortLeases(500), keyRing }, (world) =>
      Effect.gen(function* () {
        yield* Effect.exit(world.negotiator.negotiate)
        expect(failures(world.events)).toEqual([[500, 1, "LeaseExpired"]])
        expect(product).toEqual(new Uint8Array(32))
      })
    )
  })

  it("it ran out while the tower was dialled: LeaseExpired, the key was never shown", () => {
    for (const [dial, shown] of [
      [499, true],
      [500, false]
    ] as const) {
      const towers = [{ ...twoAddresses, ...always({ delays: { dial } }) }, good()]
      run({ towers, db: shortLeases(500) }, (world) =>
        Effect.gen(function* () {
          const session = yield* world.negotiator.nextSession
          expect(numberOf(session.towerPublicKey)).toBe(shown ? 1 : 2)
          expect(world.dialsOf(1).map(({ shownAt }) => shownAt)).toEqual([shown ? 499 : undefined])
          if (shown) return
          expect(failures(world.events)).toEqual([[500, 1, "LeaseExpired"]])
          unblamed(world)
        })
      )
    }
  })

  it("it ran out while the tower's Init was awaited: CreateSession is not sent", () => {
    const towers = [{ ...twoAddresses, ...always({ delays: { init: 500 } }) }, good()]
    run({ towers, db: shortLeases(500) }, (world) =>
      Effect.gen(function* () {
        expect((yield* world.negotiator.nextSession).towerPublicKey).toBe(towerKey(2))
        expect(failures(world.events)).toEqual([[500, 1, "LeaseExpired"]])
        expect(world.dialsOf(1).map((dial) => dial.sent.map(({ _tag }) => _tag))).toEqual([["Init"]])
        unblamed(world)
      })
    )
  })

  it("it ran out while the key ring computed: the result is not used", () => {
    run(
      {
        towers: [{ ...twoAddresses, ...good() }, good()],
        db: shortLeases(500),
        keyRing: (ring) => ({ ...ring, ecdh: (...all) => Effect.delay(ring.ecdh(...all), 600) })
      },
      (world) =>
        Effect.gen(function* () {
          expect((yield* world.negotiator.nextSession).towerPublicKey).toBe(towerKey(2))
          expect(failures(world.events)).toEqual([[600, 1, "LeaseExpired"]])
          expect(world.dialsOf(1).map(({ shownAt }) => shownAt)).toEqual([undefined])
        })
    )
  })

  it("the wall clock alone says so, after a jump ahead", () => {
    let jump = () => {}
    const towers = [{ ...twoAddresses, ...always({ delays: { dial: Effect.sync(() => jump()) } }) }, good()]
    run({ towers }, (world, time) =>
      Effect.gen(function* () {
        jump = () => time.jump(120_000)
        expect((yield* world.negotiator.nextSession).towerPublicKey).toBe(towerKey(2))
        expect(failures(world.events)).toEqual([[120_000, 1, "LeaseExpired"]])
        expect(world.dialsOf(1).map(({ shownAt }) => shownAt)).toEqual([undefined])
      })
    )
  })

  it("the monotonic clock alone says so, when the wall clock was set back while it held", () => {
    let jump = () => {}
    const dial = Effect.andThen(
      Effect.sleep(500),
      Effect.sync(() => jump())
    )
    const towers = [{ ...twoAddresses, ...always({ delays: { dial } }) }, good()]
    run({ towers, db: shortLeases(500) }, (world, time) =>
      Effect.gen(function* () {
        jump = () => time.jump(-500)
        expect((yield* world.negotiator.nextSession).towerPublicKey).toBe(towerKey(2))
        expect(failures(world.events)).toEqual([[0, 1, "LeaseExpired"]])
        expect(world.dialsOf(1).map(({ shownAt }) => shownAt)).toEqual([undefined])
      })
    )
  })

  it("the clocks are read before the taking is sent: a slow database shortens the lease", () => {
    run(
      {
        towers: [{ ...twoAddresses, ...good() }, good()],
        db: (db) => ({
          ...db,
          nextSessionKeyIndex: (towerId, ...rest) =>
            towerId === 1
              ? Effect.delay(shortLeases(4000)(db).nextSessionKeyIndex(towerId, ...rest), 4000)
              : db.nextSessionKeyIndex(towerId, ...rest)
        }),
        // Otherwise tower 2 is asked before the key has rested.
        options: { maxHedged: 1 }
      },
      (world) =>
        Effect.gen(function* () {
          expect((yield* world.negotiator.nextSession).towerPublicKey).toBe(towerKey(2))
          expect(failures(world.events)).toEqual([[4000, 1, "LeaseExpired"]])
        })
    )
  })

  it("taken over by another process while the tower was slow: the session is not stored, the next tower", () => {
    const { blobType } = Policy.defaults(regtest)
    const tower1 = TowerId.make(1)
    const left: Array<Reservation> = []
    let inner: ClientDb.Service | undefined
    const takeOver = Effect.suspend(() =>
      inner === undefined ? Effect.void : Effect.orDie(inner.nextSessionKeyIndex(tower1, blobType, "clear", { left }))
    )
    const towers = [{ ...twoAddresses, ...always({ delays: { reply: Effect.asVoid(takeOver) } }) }, good()]
    run(
      {
        towers,
        db: (db) => {
          inner = db
          return {
            ...db,
            nextSessionKeyIndex: (towerId, ...rest) =>
              Effect.tap(db.nextSessionKeyIndex(towerId, ...rest), (taken) =>
                Effect.sync(() => (towerId === 1 ? left.push(taken) : undefined))
              )
          }
        }
      },
      (world) =>
        Effect.gen(function* () {
          expect((yield* world.negotiator.nextSession).towerPublicKey).toBe(towerKey(2))
          expect(failures(world.events)).toEqual([[0, 1, "ReservationLost"]])
          unblamed(world)
          expect((yield* Effect.orDie(world.db.listClientSessions())).map(({ towerId }) => towerId)).toEqual([2])
        })
    )
  })
})

describe("keys and towers", () => {
  it("no key is shown to two towers, whatever fails on the way (docs/negotiation.md, D8)", () => {
    const towers = [
      inTurn(TowerScript.failsAt("reply"), TowerScript.silentAt("init"), TowerScript.replies(40)),
      inTurn(TowerScript.failsAt("init"), TowerScript.replies(60, 1), TowerScript.replies(40)),
      inTurn(TowerScript.replies(40), TowerScript.ok)
    ]
    run({ towers }, (world) =>
      Effect.gen(function* () {
        for (let i = 0; i < 20; i++) {
          yield* world.negotiator.nextSession
          yield* Effect.sleep(7 * second)
        }
        const owners = new Map<string, Set<number>>()
        for (const dial of world.transport.dials()) {
          const seen = owners.get(dial.publicKey) ?? new Set()
          owners.set(dial.publicKey, seen.add(numberOf(dial.tower)))
        }
        expect(owners.size).toBeGreaterThan(20)
        expect([...owners.values()].every((seen) => seen.size === 1)).toBe(true)
        expect([1, 2].every((n) => world.dialsOf(n).length > 2)).toBe(true)
      })
    )
  })

  it("a tower that accepted but whose reply was lost is asked with the same key: it holds one session of ours", () => {
    run({ towers: [inTurn(TowerScript.failsAt("reply"), TowerScript.failsAt("reply"), TowerScript.ok)] }, (world) =>
      Effect.gen(function* () {
        const session = yield* world.negotiator.nextSession
        expect(dials(world)).toEqual([
          [0, 1, 1],
          [10_000, 1, 1],
          [30_000, 1, 1]
        ])
        expect(session.keyIndex).toBe(1)
      })
    )
  })

  it("a key that was shown rests 2 s at the next visit too, unless the tower's end was seen", () => {
    for (const [script, expected] of [
      // Its end was seen: the same key after 1 s.
      [
        TowerScript.failsAt("reply"),
        [
          [0, 1],
          [1000, 1],
          [3000, 1]
        ]
      ],
      // Not seen: key 1 rests until 17 s and key 2 until 33 s; then the one that has been free longest.
      [
        TowerScript.silentAt("reply"),
        [
          [0, 1],
          [16_000, 2],
          [33_000, 1]
        ]
      ],
      // Not shown.
      [
        TowerScript.silentAt("actTwo"),
        [
          [0, 1],
          [6_000, 1],
          [13_000, 1]
        ]
      ]
    ] as const) {
      run({ towers: [always(script)], options: { minBackoff: second, maxBackoff: 4 * second } }, (world) =>
        Effect.gen(function* () {
          yield* world.negotiator.requestSession
          yield* sleepUntil(34 * second)
          expect(
            world
              .dialsOf(1)
              .slice(0, 3)
              .map((dial) => [dial.at, indexOf(dial)])
          ).toEqual(expected)
        })
      )
    }
  })

  it("an address that is not reached does not make the key rest again", () => {
    const addresses = [first, other, addressOf(1, 3)]
    const tower = inTurn(TowerScript.failsAt("reply"), TowerScript.failsAt("dial"), TowerScript.ok)
    run({ towers: [{ ...tower, addresses }] }, (world) =>
      Effect.gen(function* () {
        yield* world.negotiator.nextSession
        expect(world.dialsOf(1).map(({ address, at }) => [address, at])).toEqual(
          addresses.map((address) => [address, 0])
        )
      })
    )
  })

  it("a key that was shown in the clear is not shown through Tor, and the other way round", () => {
    let db: ClientDb.Service | undefined
    const refusing = { towers: [always(TowerScript.replies(40))] }
    const visit = (route: Route, startAt: number) =>
      run({ ...refusing, transport: { route }, time: { startAt }, db: (own) => db ?? own }, (world) =>
        Effect.gen(function* () {
          db ??= world.db
          yield* Effect.flip(world.negotiator.negotiate)
          return world.dialsOf(1).map(indexOf)
        }).pipe(Effect.catchAll(() => Effect.succeed([])))
      )
    const routes = ["clear", "tor", "clear", "tor"] as const
    expect(routes.map((route, i) => visit(route, i * hour))).toEqual([[1], [2], [1], [2]])
  })

  it("a tower added while the wait of a failed round goes on is asked at once", () => {
    run({ towers: [always(TowerScript.failsAt("dial")), { ...good(), later: true }] }, (world) =>
      Effect.gen(function* () {
        const taker = yield* Effect.fork(world.negotiator.nextSession)
        yield* sleepUntil(3 * second)
        expect(waits(world)).toEqual([[0, 10_000]])
        yield* world.add(2)
        expect(yield* Fiber.join(taker)).toMatchObject({ towerPublicKey: towerKey(2), createdAt: 3 * second })
        expect(those(world.events, "Woken").map(({ at }) => at)).toEqual([3 * second])
      })
    )
  })

  it("a key that was shown rests although its reservation could not be freed", () => {
    const db = (inner: ClientDb.Service): ClientDb.Service => ({
      ...inner,
      freeSessionKeyIndex: () => Effect.fail(broken)
    })
    const options = { minBackoff: second, maxBackoff: 2 * second }
    run({ towers: [always(TowerScript.silentAt("reply"))], db, options }, (world) =>
      Effect.gen(function* () {
        yield* world.negotiator.requestSession
        yield* sleepUntil(34 * second)
        // Key 1 rests from 15 s to 17 s, key 2 from 31 s to 33 s.
        expect(dials(world)).toEqual([
          [0, 1, 1],
          [16_000, 1, 2],
          [33_000, 1, 1]
        ])
      })
    )
  })

  it("a standing or a reservation that cannot be written is remembered all the same", () => {
    const db = (inner: ClientDb.Service): ClientDb.Service => ({
      ...inner,
      freeSessionKeyIndex: () => Effect.fail(broken)
    })
    run({ towers: [inTurn(TowerScript.replies(40), TowerScript.silentAt("reply"), TowerScript.ok)], db }, (world) =>
      Effect.gen(function* () {
        const session = yield* world.negotiator.nextSession
        // The second visit ends at 25 s; its key rests 2 s, the wait is 20 s.
        expect(dials(world)).toEqual([
          [0, 1, 1],
          [10_000, 1, 1],
          [45_000, 1, 1]
        ])
        expect(session.keyIndex).toBe(1)
        expect(those(world.events, "WriteFailed").map(({ at, failure }) => [at, failure._tag])).toEqual([
          [0, "DatabaseUnavailable"],
          [25_000, "DatabaseUnavailable"]
        ])
      })
    )
  })
})

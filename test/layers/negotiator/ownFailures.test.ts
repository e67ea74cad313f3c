/** Failures of our own database and key ring: no tower is blamed (docs/negotiation.md, A visit). All instants are exact. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import * as TowerScript from "../../../src/layers/testing/TowerScript.js"
import { DialFailed } from "../../../src/schema/TransportError.js"
import type { ClientDb } from "../../../src/services/ClientDb.js"
import type { KeyRing } from "../../../src/services/KeyRing.js"
import {
  addressesDialled,
  always,
  askUntil,
  broken,
  brokenRing,
  ends,
  failures,
  good,
  noKeysFor,
  noStoresFor,
  now,
  numberOf,
  rounds,
  sleepUntil,
  slowStores,
  starts,
  take,
  waits
} from "./scenes.js"
import { addressOf, run, second, those, towerKey, type World } from "./world.js"

/** Two addresses for a tower, in the order of trial. */
const [first, other] = [addressOf(1, 1), addressOf(1, 2)]
const twoAddresses = { addresses: [first, other] }
const silent = always(TowerScript.silentAt("dial"))
const dead = always(TowerScript.failsAt("dial"))

describe("a failure of our own side: no tower is blamed, no other address is tried, the next tower", () => {
  /** Tower 1 has two addresses; all failures are at tower 1. */
  const towers = [{ ...twoAddresses, ...good() }, good()]
  const visitOf = (world: World) => those(world.events, "VisitFailed")
  const restsUnblamed = expect.objectContaining({ blamed: false, restsUntil: 10 * second })

  it("no key index can be taken", () => {
    run({ towers, db: noKeysFor(1) }, (world) =>
      Effect.gen(function* () {
        expect((yield* world.negotiator.nextSession).towerPublicKey).toBe(towerKey(2))
        expect(failures(world.events)).toEqual([[0, 1, "DatabaseUnavailable"]])
        expect(those(world.events, "AttemptFailed")[0]?.address).toBe(undefined)
        expect(visitOf(world)).toEqual([restsUnblamed])
        expect(world.dialsOf(1)).toEqual([])
      })
    )
  })

  it("the key cannot be derived: no tower is dialled, and the index is used at the next visit", () => {
    let fails = true
    const keyRing = (ring: KeyRing.Service) => ({
      ...ring,
      deriveKey: (locator: KeyRing.Locator) =>
        locator.index === 1 && fails ? Effect.fail(brokenRing("deriveKey")) : ring.deriveKey(locator)
    })
    run({ towers, keyRing }, (world) =>
      Effect.gen(function* () {
        expect((yield* world.negotiator.nextSession).towerPublicKey).toBe(towerKey(2))
        expect(failures(world.events)).toEqual([[0, 1, "KeyRingError"]])
        expect(visitOf(world)).toEqual([restsUnblamed])
        expect(world.dialsOf(1)).toEqual([])
        fails = false
        yield* sleepUntil(10 * second)
        expect(yield* world.negotiator.nextSession).toMatchObject({ towerPublicKey: towerKey(1), keyIndex: 1 })
      })
    )
  })

  it("its ECDH fails: act three is not written, the key was not shown", () => {
    let fails = true
    const keyRing = (ring: KeyRing.Service) => ({
      ...ring,
      ecdh: (...all: Parameters<typeof ring.ecdh>) =>
        all[0].index === 1 && fails ? Effect.fail(brokenRing("ecdh")) : ring.ecdh(...all)
    })
    run({ towers, keyRing }, (world) =>
      Effect.gen(function* () {
        expect((yield* world.negotiator.nextSession).towerPublicKey).toBe(towerKey(2))
        expect(failures(world.events)).toEqual([[0, 1, "KeyRingError"]])
        expect(visitOf(world)).toEqual([restsUnblamed])
        expect(world.dialsOf(1).map(({ shownAt }) => shownAt)).toEqual([undefined])
        expect(those(world.events, "KeyShown").map(({ tower }) => numberOf(tower))).toEqual([2])
        fails = false
        yield* sleepUntil(10 * second)
        expect(yield* world.negotiator.nextSession).toMatchObject({ towerPublicKey: towerKey(1), keyIndex: 1 })
        // The address was not blamed either.
        expect(addressesDialled(world, 1)).toEqual([first, first])
      })
    )
  })

  it("the session cannot be stored: it is not delivered, and the tower is asked again with the same key", () => {
    let fails = true
    const db = (inner: ClientDb.Service): ClientDb.Service => ({
      ...inner,
      createClientSession: (...all) =>
        Effect.suspend(() => (fails ? noStoresFor(1)(inner) : inner).createClientSession(...all))
    })
    run({ towers, db }, (world) =>
      Effect.gen(function* () {
        expect((yield* world.negotiator.nextSession).towerPublicKey).toBe(towerKey(2))
        expect(failures(world.events)).toEqual([[0, 1, "DatabaseUnavailable"]])
        expect(visitOf(world)).toEqual([restsUnblamed])
        fails = false
        yield* sleepUntil(10 * second)
        expect(yield* world.negotiator.nextSession).toMatchObject({ towerPublicKey: towerKey(1), keyIndex: 1 })
        expect(addressesDialled(world, 1)).toEqual([first, first])
        expect((yield* Effect.orDie(world.db.listClientSessions())).length).toBe(2)
      })
    )
  })

  it("a session is delivered only after its store has come back", () => {
    const log: Array<string> = []
    const db = (inner: ClientDb.Service): ClientDb.Service => ({
      ...inner,
      createClientSession: (...all) =>
        inner.createClientSession(...all).pipe(
          Effect.delay(3 * second),
          Effect.tap(() => Effect.sync(() => log.push("stored")))
        )
    })
    const listen = ({ happening }: { readonly happening: { readonly _tag: string } }) => {
      if (happening._tag === "SessionDelivered") log.push("delivered")
    }
    run({ towers: [good()], db, listen }, (world) =>
      Effect.gen(function* () {
        const taker = yield* Effect.fork(world.negotiator.nextSession)
        yield* sleepUntil(3 * second - 1)
        expect(log).toEqual([])
        expect(yield* world.negotiator.status).toMatchObject({ undelivered: 0, pending: 1 })
        yield* Fiber.join(taker)
        expect(yield* now).toBe(3 * second)
        expect(log).toEqual(["stored", "delivered"])
      })
    )
  })

  it("while one store takes long no other visit is started, and it is not the visit's deadline that ends it", () => {
    run({ towers: [good(), good()], db: slowStores(100 * second), options: { visitTimeout: 20 * second } }, (world) =>
      Effect.gen(function* () {
        expect((yield* world.negotiator.nextSession).towerPublicKey).toBe(towerKey(1))
        expect(yield* now).toBe(100 * second)
        expect(world.transport.count()).toBe(1)
      })
    )
  })
})

describe("failures of our own side", () => {
  const brokenFor =
    (...numbers: ReadonlyArray<number>) =>
    (db: ClientDb.Service) =>
      numbers.reduce((inner, n) => noStoresFor(n)(inner), db)

  it("the second one in a round ends it; the next round goes on at the first tower that has not failed", () => {
    run({ towers: [good(), good(), good()], db: brokenFor(1, 2) }, (world) =>
      Effect.gen(function* () {
        expect(yield* take(world, 1)).toEqual([3])
        expect(starts(world)).toEqual([
          [0, 1],
          [0, 2],
          // Tower 1 has rested and is asked first.
          [10_000, 1],
          [10_000, 3]
        ])
        expect(waits(world)).toEqual([[0, 10_000]])
        expect(ends(world)).toEqual([
          [0, 1, false],
          [0, 2, false],
          [10_000, 1, false]
        ])
      })
    )
  })

  it("one of ours and those of towers do not end it", () => {
    run({ towers: [good(), dead, dead, good()], db: brokenFor(1) }, (world) =>
      Effect.gen(function* () {
        expect(yield* take(world, 1)).toEqual([4])
        expect(rounds(world)).toEqual([0])
      })
    )
  })

  it.each(["ProxyUnavailable", "NetworkDown", "NotAllowed", "OutOfResources"] as const)(
    "a machine that cannot connect (%s) puts two towers to rest in a round, not all, and blames neither tower nor address",
    (reason) => {
      const own = TowerScript.Move.Fail({ error: (address) => new DialFailed({ address, reason }) })
      const script = ({ at }: TowerScript.Dial) => (at < second ? TowerScript.at("dial", own) : TowerScript.ok)
      const towers = [1, 2, 3, 4].map((n) => ({ script, addresses: [addressOf(n, 1), addressOf(n, 2)] }))
      run({ towers }, (world) =>
        Effect.gen(function* () {
          expect(yield* take(world, 2)).toEqual([1, 2])
          expect(ends(world)).toEqual([
            [0, 1, false],
            [0, 2, false]
          ])
          // Each address has its try, and none stands behind the other afterwards.
          expect(world.dialsOf(1).map(({ address, at }) => [at, address])).toEqual([
            [0, addressOf(1, 1)],
            [0, addressOf(1, 2)],
            [10_000, addressOf(1, 1)]
          ])
        })
      )
    }
  )

  it("a visit that runs beside the second one is interrupted without blame", () => {
    const db = (inner: ClientDb.Service): ClientDb.Service => ({
      ...inner,
      nextSessionKeyIndex: (towerId, ...rest) =>
        towerId > 1 ? Effect.delay(Effect.fail(broken), 100) : inner.nextSessionKeyIndex(towerId, ...rest)
    })
    run({ towers: [silent, good(), good()], db }, (world) =>
      Effect.gen(function* () {
        yield* askUntil(world, 2 * second)
        expect(ends(world)).toEqual([
          [1100, 2, false],
          [1200, 3, false],
          [1200, 1]
        ])
        expect(waits(world)).toEqual([[1200, 11_200]])
        expect(world.dialsOf(1)[0]?.closedAt).toBe(1200)
      })
    )
  })
})

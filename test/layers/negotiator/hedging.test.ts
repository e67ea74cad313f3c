/**
 * Several towers in one round: when the next one is asked, and which of them gives the session (docs/negotiation.md, A
 * round). All instants are exact.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import * as TowerScript from "../../../src/layers/testing/TowerScript.js"
import type { ClientDb } from "../../../src/services/ClientDb.js"
import {
  addressesDialled,
  always,
  askUntil,
  byAddress,
  dials,
  ends,
  failures,
  good,
  inTurn,
  noStoresFor,
  now,
  sleepUntil,
  slowStores,
  starts,
  stored,
  take,
  waits
} from "./scenes.js"
import { addressOf, run, second, those, towerKey } from "./world.js"

const patient = { dialTimeout: Infinity, handshakeTimeout: Infinity, messageTimeout: Infinity }
const silent = always(TowerScript.silentAt("dial"))

describe("hedging", () => {
  it("the next one is started each hedge delay, never above maxHedged; then whenever one fails", () => {
    run({ towers: Array.from({ length: 10 }, () => silent) }, (world) =>
      Effect.gen(function* () {
        yield* askUntil(world, 30 * second)
        expect(starts(world)).toEqual([
          ...[0, 1, 2, 3, 4, 5, 6, 7].map((n) => [n * second, n + 1]),
          [10 * second, 9],
          [11 * second, 10]
        ])
        expect(waits(world)).toEqual([[21 * second, 31 * second]])
      })
    )
  })

  it("hedgeDelay and maxHedged are options", () => {
    const options = { hedgeDelay: 300, maxHedged: 3 }
    run({ towers: Array.from({ length: 5 }, () => silent), options, transport: patient }, (world) =>
      Effect.gen(function* () {
        yield* askUntil(world, 91 * second)
        expect(starts(world)).toEqual([
          [0, 1],
          [300, 2],
          [600, 3],
          [90_000, 4],
          [90_300, 5]
        ])
      })
    )
  })

  it("a failure starts the next one at once, and the hedge delay counts from that start", () => {
    const failing = always({ ...TowerScript.failsAt("dial"), delays: { dial: 200 } })
    run({ towers: [silent, failing, silent, good()] }, (world) =>
      Effect.gen(function* () {
        expect(yield* world.negotiator.nextSession).toMatchObject({ towerPublicKey: towerKey(4) })
        expect(starts(world)).toEqual([
          [0, 1],
          [1000, 2],
          [1200, 3],
          [2200, 4]
        ])
      })
    )
  })

  it("through Tor a silent dial lasts 60 s, and is overtaken after the hedge delay all the same", () => {
    const transport = { route: "tor" } as const
    run({ towers: [silent], transport }, (world) =>
      Effect.gen(function* () {
        yield* askUntil(world, 61 * second)
        expect(failures(world.events)).toEqual([[60_000, 1, "DialFailed"]])
      })
    )
    run({ towers: [silent, good()], transport }, (world) =>
      Effect.gen(function* () {
        expect(yield* take(world, 1)).toEqual([2])
        expect(yield* now).toBe(1000)
      })
    )
    // A rendezvous takes its time, and gives a session.
    const slow = always({ delays: { dial: 50 * second } })
    run({ towers: [slow], transport }, (world) => Effect.map(take(world, 1), (taken) => expect(taken).toEqual([1])))
  })

  it("one at a time when maxHedged is 1", () => {
    run({ towers: [silent, silent, good()], options: { maxHedged: 1 } }, (world) =>
      Effect.gen(function* () {
        yield* world.negotiator.nextSession
        expect(starts(world)).toEqual([
          [0, 1],
          [10_000, 2],
          [20_000, 3]
        ])
      })
    )
  })

  it("no visit is started while a claim is held; when it is given up the round goes on", () => {
    const db = (inner: ClientDb.Service): ClientDb.Service => slowStores(2500)(noStoresFor(1)(inner))
    run({ towers: [good(), good(), good()], db }, (world) =>
      Effect.gen(function* () {
        expect((yield* world.negotiator.nextSession).towerPublicKey).toBe(towerKey(2))
        expect(starts(world)).toEqual([
          [0, 1],
          [2500, 2]
        ])
        expect(yield* now).toBe(5000)
      })
    )
  })
})

describe("the claim: one session a round", () => {
  /** Three towers whose accepting replies would all come after 3 s. */
  const together = [3000, 2000, 1000].map((reply) => always({ delays: { reply } }))

  it("replies in the same instant: one is stored, the others are closed, their reservations go on", () => {
    run({ towers: together }, (world) =>
      Effect.gen(function* () {
        yield* world.negotiator.nextSession
        expect(stored(world).length).toBe(1)
        expect(world.transport.dials().map(({ closedAt }) => closedAt)).toEqual([3000, 3000, 3000])
        yield* Effect.sleep(10 * second)
        expect((yield* Effect.orDie(world.db.listClientSessions())).length).toBe(1)
        yield* take(world, 3, 10 * second)
        // No key was given up: each tower is asked again with the one that it saw.
        const seen = new Map<string, number>()
        for (const [, tower, index] of dials(world)) {
          if (seen.has(`${tower}`)) continue
          seen.set(`${tower}`, index)
          const again = dials(world).filter(([at, one]) => one === tower && at > 3000)[0]
          if (tower !== stored(world)[0]?.[1]) expect(again?.[2]).toBe(index)
        }
      })
    )
  })

  it("a reply while another one is being stored ends its visit without a session and without blame", () => {
    const towers = [always({ delays: { reply: 1200 } }), always({ delays: { reply: 500 } }), good()]
    run({ towers, db: slowStores(1000) }, (world) =>
      Effect.gen(function* () {
        expect((yield* world.negotiator.nextSession).towerPublicKey).toBe(towerKey(1))
        expect(yield* now).toBe(2200)
        expect(ends(world)).toEqual([[1500, 2]])
        expect(world.dialsOf(2)[0]?.closedAt).toBe(1500)
        expect(stored(world)).toEqual([[2200, 1, 1]])
        // Its end was seen: the same key at once.
        yield* take(world, 1)
        expect(dials(world).filter(([, tower]) => tower === 2)).toEqual([
          [1000, 2, 2],
          [2200, 2, 2]
        ])
      })
    )
  })

  it("a slower one that was asked later is interrupted without blame; its key rests 2 s and is used again", () => {
    const towers = [always({ delays: { reply: 1200 } }), inTurn({ delays: { reply: 5000 } }, TowerScript.ok)]
    run({ towers }, (world) =>
      Effect.gen(function* () {
        yield* world.negotiator.nextSession
        expect(ends(world)).toEqual([[1200, 2]])
        expect(failures(world.events)).toEqual([])
        yield* sleepUntil(3200)
        yield* take(world, 1)
        expect(stored(world)[1]).toEqual([3200, 2, 2])
      })
    )
  })

  it("a slower one that was asked before the claimant is overtaken: a failure of the tower and of its address", () => {
    const towers = [
      { ...always({ delays: { reply: 1600 } }), addresses: [addressOf(1, 1), addressOf(1, 2)] },
      good(100)
    ]
    run({ towers }, (world) =>
      Effect.gen(function* () {
        expect((yield* world.negotiator.nextSession).towerPublicKey).toBe(towerKey(2))
        expect(failures(world.events)).toEqual([[1300, 1, "Overtaken"]])
        expect(ends(world)).toEqual([[1300, 1, true]])
        expect(those(world.events, "VisitFailed")).toEqual([expect.objectContaining({ restsUntil: 11_300 })])
        expect(world.dialsOf(1)[0]?.closedAt).toBe(1300)
        // When it has rested it is asked first: at its other address, with the key that it knows.
        yield* sleepUntil(11_300)
        yield* take(world, 1)
        expect(addressesDialled(world, 1)).toEqual([addressOf(1, 1), addressOf(1, 2)])
        expect(dials(world).filter(([, tower]) => tower === 1)).toEqual([
          [0, 1, 1],
          [11_300, 1, 1]
        ])
      })
    )
  })

  it("overtaken is the attempt: one that began after the claimant's visit is not blamed", () => {
    const [first, other] = [addressOf(1, 1), addressOf(1, 2)]
    const towers = [
      byAddress([
        [first, { ...TowerScript.failsAt("dial"), delays: { dial: 1100 } }],
        [other, TowerScript.silentAt("init")]
      ]),
      good(200)
    ]
    run({ towers }, (world) =>
      Effect.gen(function* () {
        expect((yield* world.negotiator.nextSession).towerPublicKey).toBe(towerKey(2))
        // Tower 2 was asked after 1,000 ms, the second address of tower 1 after 1,100 ms.
        expect(failures(world.events)).toEqual([[1100, 1, "DialFailed"]])
        expect(ends(world)).toEqual([[1600, 1]])
      })
    )
  })
})

describe("the claimant's visit, not its attempt, is what counts", () => {
  it("one whose attempt began while the claimant was at its first address is not blamed", () => {
    const towers = [
      byAddress([
        [addressOf(1, 1), { ...TowerScript.failsAt("dial"), delays: { dial: 1100 } }],
        [addressOf(1, 2), { delays: { reply: 200 } }]
      ]),
      always(TowerScript.silentAt("init"))
    ]
    run({ towers }, (world) =>
      Effect.gen(function* () {
        expect((yield* world.negotiator.nextSession).towerPublicKey).toBe(towerKey(1))
        expect(starts(world)).toEqual([
          [0, 1],
          [1000, 2]
        ])
        expect(ends(world)).toEqual([[1300, 2]])
      })
    )
  })
})

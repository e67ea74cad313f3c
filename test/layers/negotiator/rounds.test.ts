/**
 * Rounds and the waits between them: who is asked, in which order, beside whom, and when again (docs/negotiation.md, A
 * round). All instants are exact.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import * as TowerScript from "../../../src/layers/testing/TowerScript.js"
import * as Policy from "../../../src/schema/Policy.js"
import { DialFailed } from "../../../src/schema/TransportError.js"
import type { ClientDb } from "../../../src/services/ClientDb.js"
import {
  addressesDialled,
  always,
  broken,
  byAddress,
  dials,
  failures,
  good,
  inTurn,
  noStoresFor,
  now,
  numberOf,
  rounds,
  sleepUntil,
  slowStores,
  stored,
  waits
} from "./scenes.js"
import { addressOf, hour, regtest, run, second, those, towerKey, type World } from "./world.js"

const patient = { dialTimeout: Infinity, handshakeTimeout: Infinity, messageTimeout: Infinity }
const silent = always(TowerScript.silentAt("dial"))
const dead = always(TowerScript.failsAt("dial"))
const day = 24 * hour

/** Starts of visits as [instant, tower]. */
const starts = (world: World) => those(world.events, "VisitStarted").map(({ at, tower }) => [at, numberOf(tower)])
/** Ends of visits without a session as [instant, tower, blamed]; of interrupted ones without the last. */
const ends = (world: World) =>
  world.events.flatMap(({ at, happening }) =>
    happening._tag === "VisitFailed"
      ? [[at, numberOf(happening.tower), happening.blamed]]
      : happening._tag === "VisitInterrupted"
        ? [[at, numberOf(happening.tower)]]
        : []
  )
/** Asks without waiting and lets time pass until an instant. */
const askUntil = (world: World, instant: number) => Effect.andThen(world.negotiator.requestSession, sleepUntil(instant))

/** Takes so many sessions, one after the other; answers whose they were. */
const take = (world: World, count: number, pause = 0) =>
  Effect.forEach(Array.from({ length: count }), () =>
    Effect.map(world.negotiator.nextSession, (session) => numberOf(session.towerPublicKey)).pipe(
      Effect.tap(Effect.sleep(pause))
    )
  )

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

  it("nobody is started while a claim is held; when it is given up the round goes on", () => {
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

describe("the order of the candidates", () => {
  it("towers that give sessions take turns, and go on doing so with a new negotiator over the same database", () => {
    let db: ClientDb.Service | undefined
    run({ towers: [good(10), good(10), good(10)] }, (world) =>
      Effect.gen(function* () {
        db = world.db
        expect(yield* take(world, 7)).toEqual([1, 2, 3, 1, 2, 3, 1])
      })
    )
    run({ towers: [good(10), good(10), good(10)], db: (own) => db ?? own, time: { startAt: hour } }, (world) =>
      Effect.map(take(world, 4), (taken) => expect(taken).toEqual([2, 3, 1, 2]))
    )
  })

  it("a tower that was never asked comes before those that gave a session", () => {
    run({ towers: [good(), { ...good(), later: true }] }, (world) =>
      Effect.gen(function* () {
        expect(yield* take(world, 2, second)).toEqual([1, 1])
        yield* world.add(2)
        yield* Effect.sleep(second)
        expect(yield* take(world, 4, second)).toEqual([2, 1, 2, 1])
      })
    )
  })

  it("one that fails rests min, 2 min, 4 min, ... max behind the others, and is asked first once it has rested", () => {
    run({ towers: [dead, good()], options: { maxBackoff: "1 minute" } }, (world) =>
      Effect.gen(function* () {
        yield* take(world, 300, second)
        expect(world.dialsOf(1).map(({ at }) => at)).toEqual([0, 10, 30, 70, 130, 190, 250].map((n) => n * second))
        expect(world.sessionsOf(2)).toBe(300)
        expect(those(world.events, "VisitFailed").map(({ at, restsUntil }) => (restsUntil - at) / second)).toEqual([
          10, 20, 40, 60, 60, 60, 60
        ])
      })
    )
  })

  it("only one that has rested is asked before the others; the rest of them come after", () => {
    const recovering = [dead, dead, dead]
    run({ towers: [...recovering, good()] }, (world) =>
      Effect.gen(function* () {
        yield* take(world, 1)
        expect(starts(world)).toEqual([1, 2, 3, 4].map((n) => [0, n]))
        yield* sleepUntil(10 * second)
        yield* take(world, 1)
        expect(starts(world).slice(4)).toEqual([
          [10_000, 1],
          [10_000, 4]
        ])
        yield* take(world, 1)
        expect(starts(world).slice(6)).toEqual([
          [10_000, 2],
          [10_000, 4]
        ])
      })
    )
  })

  it("those that rest are asked last, the earliest end first", () => {
    const failing = (latency: number) => always({ ...TowerScript.failsAt("dial"), delays: { dial: latency } })
    // Ends at 0.5, 0.8 and 1 s; rests end at 10.5, 10.8 and 11 s. A tower that is added wakes the wait.
    run({ towers: [failing(500), failing(300), failing(200), { ...dead, later: true }] }, (world) =>
      Effect.gen(function* () {
        yield* askUntil(world, 2 * second)
        yield* world.add(4)
        yield* sleepUntil(3500)
        expect(starts(world)).toEqual([
          [0, 1],
          [500, 2],
          [800, 3],
          [2000, 4],
          [2000, 1],
          [2500, 2],
          [2800, 3]
        ])
      })
    )
  })

  it("a session ends all rests: the next failure rests min again", () => {
    const script = inTurn(
      TowerScript.failsAt("dial"),
      TowerScript.failsAt("dial"),
      TowerScript.ok,
      TowerScript.failsAt("dial")
    )
    run({ towers: [script] }, (world) =>
      Effect.gen(function* () {
        yield* take(world, 1)
        expect(yield* now).toBe(30 * second)
        yield* askUntil(world, 31 * second)
        expect(those(world.events, "VisitFailed").map(({ at, restsUntil }) => restsUntil - at)).toEqual([
          10_000, 20_000, 10_000
        ])
      })
    )
  })
})

describe("quarantine", () => {
  const refusing = inTurn(TowerScript.replies(64), TowerScript.ok)

  for (const [name, release] of [
    ["an address is added", addressOf(1, 2)],
    ["the tower is added again", addressOf(1, 1)]
  ] as const) {
    it(`ends when ${name}, at once`, () => {
      run({ towers: [refusing] }, (world) =>
        Effect.gen(function* () {
          yield* askUntil(world, hour)
          expect(yield* world.negotiator.status).toMatchObject({ state: { _tag: "WaitingForCandidates", until: day } })
          yield* world.add(1, release)
          yield* sleepUntil(hour + 1)
          expect(stored(world)).toEqual([[hour, 1, 1]])
          expect(addressesDialled(world, 1)[1]).toBe(release)
          expect(waits(world)).toEqual([])
        })
      )
    })
  }

  it("a probe that is refused begins another one; `quarantineProbe` is an option", () => {
    run({ towers: [always(TowerScript.replies(50))], options: { quarantineProbe: "1 hour" } }, (world) =>
      Effect.gen(function* () {
        yield* askUntil(world, 150 * 60 * second)
        expect(rounds(world)).toEqual([0, hour, 2 * hour])
        expect(those(world.events, "Quarantined").map(({ probeAt }) => probeAt)).toEqual([hour, 2 * hour, 3 * hour])
      })
    )
  })

  it("a probe that is answered otherwise ends it: the tower rests like any other", () => {
    const script = inTurn(TowerScript.replies(64), TowerScript.replies(40), TowerScript.ok)
    run({ towers: [script] }, (world) =>
      Effect.gen(function* () {
        yield* take(world, 1)
        // The second failure in a row, but the first wait of this negotiation after one that was no candidate's.
        expect(stored(world)).toEqual([[day + 10 * second, 1, 1]])
        expect(waits(world)).toEqual([[day, day + 10 * second]])
      })
    )
  })

  it("survives the negotiator, and is one policy's alone", () => {
    let db: ClientDb.Service | undefined
    run({ towers: [always(TowerScript.replies(64))] }, (world) =>
      Effect.gen(function* () {
        db = world.db
        yield* askUntil(world, second)
      })
    )
    const again = { towers: [good()], db: (own: ClientDb.Service) => db ?? own, time: { startAt: hour } }
    run(again, (world) =>
      Effect.gen(function* () {
        yield* askUntil(world, hour + second)
        expect(yield* world.negotiator.status).toMatchObject({ state: { _tag: "WaitingForCandidates", until: day } })
      })
    )
    run({ ...again, options: { policy: { ...Policy.defaults(regtest), maxUpdates: 7 } } }, (world) =>
      Effect.map(take(world, 1), (taken) => expect(taken).toEqual([1]))
    )
  })

  it("does not hide the others: with one of two quarantined the round waits for the other one's rest", () => {
    run({ towers: [always(TowerScript.replies(64)), dead] }, (world) =>
      Effect.gen(function* () {
        yield* askUntil(world, 31 * second)
        expect(starts(world)).toEqual([
          [0, 1],
          [0, 2],
          [10_000, 2],
          [30_000, 2]
        ])
      })
    )
  })
})

describe("failures of our own side", () => {
  const brokenFor =
    (...numbers: ReadonlyArray<number>) =>
    (db: ClientDb.Service) =>
      numbers.reduce((inner, n) => noStoresFor(n)(inner), db)

  it("the second one in a round ends it; the next round goes on where nobody failed", () => {
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

  it("whoever runs beside the second one is interrupted without blame", () => {
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

describe("news in a round", () => {
  it("a tower that is added joins: after the hedge delay, or at once when that has passed and nobody was left", () => {
    for (const [added, started] of [
      [500, 1000],
      [1500, 1500]
    ] as const) {
      run({ towers: [silent, { ...good(), later: true }] }, (world) =>
        Effect.gen(function* () {
          const taker = yield* Effect.fork(take(world, 1))
          yield* sleepUntil(added)
          yield* world.add(2)
          expect(yield* Fiber.join(taker)).toEqual([2])
          expect(starts(world)).toEqual([
            [0, 1],
            [started, 2]
          ])
          expect(rounds(world)).toEqual([0])
        })
      )
    }
  })

  it("never above maxHedged: it waits for an end", () => {
    run({ towers: [silent, silent, { ...good(), later: true }], options: { maxHedged: 2 } }, (world) =>
      Effect.gen(function* () {
        const taker = yield* Effect.fork(take(world, 1))
        yield* sleepUntil(5 * second)
        yield* world.add(3)
        yield* Fiber.join(taker)
        expect(starts(world)).toEqual([
          [0, 1],
          [1000, 2],
          [10_000, 3]
        ])
      })
    )
  })

  it("an address of a tower that was not visited yet is used in this round", () => {
    run({ towers: [silent, good()] }, (world) =>
      Effect.gen(function* () {
        const taker = yield* Effect.fork(take(world, 1))
        yield* sleepUntil(500)
        yield* world.add(2, addressOf(2, 2))
        yield* Fiber.join(taker)
        expect(addressesDialled(world, 2)).toEqual([addressOf(2, 2)])
      })
    )
  })

  it("an address of a tower that was visited already is used in the next one, which begins at once", () => {
    const towers = [byAddress([[addressOf(1, 1), TowerScript.silentAt("dial")]])]
    run({ towers }, (world) =>
      Effect.gen(function* () {
        const taker = yield* Effect.fork(take(world, 1))
        yield* sleepUntil(5 * second)
        yield* world.add(1, addressOf(1, 2))
        yield* Fiber.join(taker)
        expect(world.dialsOf(1).map(({ address, at }) => [at, address])).toEqual([
          [0, addressOf(1, 1)],
          [10_000, addressOf(1, 2)]
        ])
      })
    )
  })

  it("a tower that was refused for good and is released in the same round is not asked twice in it", () => {
    run({ towers: [inTurn(TowerScript.replies(64), TowerScript.ok), silent] }, (world) =>
      Effect.gen(function* () {
        const taker = yield* Effect.fork(take(world, 1))
        yield* sleepUntil(5 * second)
        yield* world.add(1)
        yield* Fiber.join(taker)
        expect(starts(world)).toEqual([
          [0, 1],
          [0, 2],
          [10_000, 1]
        ])
      })
    )
  })
})

describe("removals", () => {
  it("of a tower that is being asked: interrupted without blame, the next one at once", () => {
    run({ towers: [silent, good()] }, (world) =>
      Effect.gen(function* () {
        const taker = yield* Effect.fork(take(world, 1))
        yield* sleepUntil(300)
        yield* world.remove(1)
        expect(yield* Fiber.join(taker)).toEqual([2])
        expect(starts(world)).toEqual([
          [0, 1],
          [300, 2]
        ])
        expect(ends(world)).toEqual([[300, 1]])
        expect(world.dialsOf(1)[0]?.closedAt).toBe(300)
      })
    )
  })

  it("of a tower with another address, after its key was shown: its visit ends at once all the same", () => {
    const towers = [{ ...always(TowerScript.silentAt("init")), addresses: [addressOf(1, 1), addressOf(1, 2)] }]
    run({ towers: [...towers, good()] }, (world) =>
      Effect.gen(function* () {
        const taker = yield* Effect.fork(take(world, 1))
        yield* sleepUntil(300)
        yield* world.remove(1)
        expect(yield* Fiber.join(taker)).toEqual([2])
        expect(yield* now).toBe(300)
        expect(ends(world)).toEqual([[300, 1]])
        expect(addressesDialled(world, 1)).toEqual([addressOf(1, 1)])
      })
    )
  })

  it("of a tower while its key is derived: it is not dialled", () => {
    run(
      {
        towers: [good(), good()],
        keyRing: (ring) => ({
          ...ring,
          deriveKey: (locator) => Effect.delay(ring.deriveKey(locator), locator.index === 1 ? 800 : 0)
        })
      },
      (world) =>
        Effect.gen(function* () {
          const taker = yield* Effect.fork(take(world, 1))
          yield* sleepUntil(300)
          yield* world.remove(1)
          expect(yield* Fiber.join(taker)).toEqual([2])
          expect(world.dialsOf(1)).toEqual([])
        })
    )
  })

  it("of the address that is being asked: the visit goes on with the other, once the shown key has rested", () => {
    const [first, other] = [addressOf(1, 1), addressOf(1, 2)]
    for (const [step, next] of [
      ["dial", 300],
      ["init", 2300]
    ] as const) {
      const towers = [
        byAddress([
          [first, TowerScript.silentAt(step)],
          [other, TowerScript.ok]
        ])
      ]
      run({ towers }, (world) =>
        Effect.gen(function* () {
          const taker = yield* Effect.fork(take(world, 1))
          yield* sleepUntil(300)
          yield* world.remove(1, first)
          yield* Fiber.join(taker)
          expect(world.dialsOf(1).map(({ address, at }) => [at, address])).toEqual([
            [0, first],
            [next, other]
          ])
          expect(stored(world)).toEqual([[next, 1, 1]])
          expect(failures(world.events)).toEqual([])
        })
      )
    }
  })

  it("of an address that has not had its turn: it is not dialled any more", () => {
    const [first, other, last] = [addressOf(1, 1), addressOf(1, 2), addressOf(1, 3)]
    const towers = [
      byAddress([
        [first, TowerScript.silentAt("dial")],
        [other, TowerScript.ok],
        [last, TowerScript.ok]
      ])
    ]
    run({ towers }, (world) =>
      Effect.gen(function* () {
        const taker = yield* Effect.fork(take(world, 1))
        yield* sleepUntil(300)
        yield* world.remove(1, other)
        yield* Fiber.join(taker)
        expect(addressesDialled(world, 1)).toEqual([first, last])
      })
    )
  })

  it("of a tower whose session is being stored: it is stored and delivered", () => {
    run({ towers: [good()], db: slowStores(second) }, (world) =>
      Effect.gen(function* () {
        const taker = yield* Effect.fork(take(world, 1))
        yield* sleepUntil(500)
        yield* world.remove(1)
        expect(yield* Fiber.join(taker)).toEqual([1])
        expect(yield* now).toBe(second)
      })
    )
  })

  it("wake nobody; with the last one gone the round after the wait finds nobody", () => {
    run({ towers: [dead, dead] }, (world) =>
      Effect.gen(function* () {
        yield* askUntil(world, 3 * second)
        yield* world.remove(2)
        yield* sleepUntil(6 * second)
        yield* world.remove(1)
        yield* sleepUntil(11 * second)
        expect(those(world.events, "Woken")).toEqual([])
        expect(rounds(world)).toEqual([0, 10_000])
        expect(yield* world.negotiator.status).toMatchObject({ state: { _tag: "WaitingForCandidates" } })
      })
    )
  })
})

describe("the waits", () => {
  it("are exactly min, 2 min, 4 min, ... max, max; a session ends the series", () => {
    const script = ({ number }: TowerScript.Dial) => (number === 7 ? TowerScript.ok : TowerScript.failsAt("dial"))
    run({ towers: [{ script }], options: { minBackoff: "3 seconds", maxBackoff: "20 seconds" } }, (world) =>
      Effect.gen(function* () {
        yield* take(world, 1)
        yield* askUntil(world, 100 * second)
        const lengths = waits(world).map(([at, until]) => (until - at) / second)
        expect(lengths).toEqual([3, 6, 12, 20, 20, 20, 3, 6, 12])
        expect(those(world.events, "BackingOff").map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4, 5, 6, 1, 2, 3])
        expect(rounds(world)).toEqual([0, 3, 9, 21, 41, 61, 81, 81, 84, 90].map((n) => n * second))
      })
    )
  })

  it("tell every failure of the round", () => {
    run({ towers: [{ ...dead, addresses: [addressOf(1, 1), addressOf(1, 2)] }, dead] }, (world) =>
      Effect.gen(function* () {
        yield* askUntil(world, second)
        const { state } = yield* world.negotiator.status
        expect(state).toMatchObject({ _tag: "BackingOff", until: 10_000, attempt: 1 })
        const failed = state._tag === "BackingOff" ? state.failures : []
        expect(failed.map(({ address, failure }) => [address, failure._tag])).toEqual([
          [addressOf(1, 1), "DialFailed"],
          [addressOf(1, 2), "DialFailed"],
          [addressOf(2, 1), "DialFailed"]
        ])
      })
    )
  })

  it("that were cut short by news count as steps", () => {
    run({ towers: [dead, { ...dead, later: true }] }, (world) =>
      Effect.gen(function* () {
        yield* askUntil(world, 2 * second)
        yield* world.add(2)
        yield* sleepUntil(5 * second)
        yield* world.add(2, addressOf(2, 2))
        yield* sleepUntil(6 * second)
        expect(waits(world)).toEqual([
          [0, 10_000],
          [2000, 22_000],
          [5000, 45_000]
        ])
        expect(those(world.events, "Woken").map(({ at }) => at)).toEqual([2000, 5000])
      })
    )
  })

  it("stay in force when the request is withdrawn; the next one waits for their end", () => {
    run({ towers: [dead] }, (world) =>
      Effect.gen(function* () {
        const one = yield* Effect.fork(world.negotiator.nextSession)
        yield* sleepUntil(2 * second)
        yield* Fiber.interrupt(one)
        expect(yield* world.negotiator.status).toMatchObject({ pending: 0, state: { _tag: "BackingOff" } })
        yield* sleepUntil(5 * second)
        yield* world.negotiator.requestSession
        yield* sleepUntil(10 * second + 1)
        expect(rounds(world)).toEqual([0, 10_000])
        expect(waits(world)[1]).toEqual([10_000, 30_000])
      })
    )
  })

  it("that end without a request lead to idleness; a request then finds the series where it was", () => {
    run({ towers: [dead] }, (world) =>
      Effect.gen(function* () {
        const one = yield* Effect.fork(world.negotiator.nextSession)
        yield* sleepUntil(2 * second)
        yield* Fiber.interrupt(one)
        yield* sleepUntil(15 * second)
        expect(yield* world.negotiator.status).toEqual({ pending: 0, undelivered: 0, state: { _tag: "Idle" } })
        yield* world.negotiator.requestSession
        yield* sleepUntil(16 * second)
        expect(rounds(world)).toEqual([0, 15_000])
        expect(waits(world)[1]).toEqual([15_000, 35_000])
      })
    )
  })

  it("with jitter lie between half of the wait and all of it, never above max, and differ", () => {
    const all = new Set<number>()
    for (let seed = 1; seed <= 5; seed++) {
      run({ towers: [dead], options: { jitter: true, maxBackoff: "1 minute" }, time: { seed } }, (world) =>
        Effect.gen(function* () {
          yield* askUntil(world, 600 * second)
          const lengths = waits(world).map(([at, until]) => until - at)
          for (const [i, length] of lengths.entries()) {
            const whole = 10_000 * 2 ** i
            expect(length).toBeGreaterThanOrEqual(Math.min(whole / 2, 60_000))
            expect(length).toBeLessThanOrEqual(Math.min(whole, 60_000))
          }
          expect(lengths.length).toBeGreaterThan(9)
          for (const length of lengths.slice(0, 3)) all.add(length)
        })
      )
    }
    expect(all.size).toBeGreaterThan(10)
  })
})

describe("no candidates", () => {
  it("sleeps without a timer until one is added, then asks it at once", () => {
    run({ towers: [{ ...good(), later: true }] }, (world, time) =>
      Effect.gen(function* () {
        yield* askUntil(world, second)
        expect(yield* world.negotiator.status).toEqual({
          pending: 1,
          undelivered: 0,
          state: { _tag: "WaitingForCandidates", until: undefined }
        })
        expect(time.timers()).toBe(0)
        const events = world.events.length
        yield* sleepUntil(day)
        expect(world.events.length).toBe(events)
        yield* world.add(1)
        yield* sleepUntil(day + 1)
        expect(stored(world)).toEqual([[day, 1, 1]])
        expect(waits(world)).toEqual([])
      })
    )
  })

  it("the first probe of several ends the sleep, whichever tower's it is", () => {
    const refusing = (latency: number) => always({ ...TowerScript.replies(64), delays: { reply: latency } })
    run({ towers: [refusing(1500), refusing(100)] }, (world) =>
      Effect.gen(function* () {
        yield* askUntil(world, 2 * second)
        expect(yield* world.negotiator.status).toMatchObject({ state: { until: day + 1100 } })
        yield* sleepUntil(day + 2 * second)
        expect(starts(world)).toEqual([
          [0, 1],
          [1000, 2],
          [day + 1100, 2],
          [day + 1500, 1]
        ])
      })
    )
  })
})

describe("the wall clock is set", () => {
  it("back or forth: hedging, waits and the time for a visit go on as they were", () => {
    for (const jump of [-hour, hour]) {
      run({ towers: [silent, silent, dead], transport: patient }, (world, time) =>
        Effect.gen(function* () {
          yield* world.negotiator.requestSession
          yield* Effect.sleep(500)
          time.jump(jump)
          yield* Effect.sleep(120 * second)
          expect(starts(world).map(([at, tower]) => [(at ?? 0) - (at === 0 ? 0 : jump), tower])).toEqual([
            [0, 1],
            [1000, 2],
            [2000, 3],
            // The second visit has ended after 91 s: a wait of 10 s, and the tower that has rested longest comes first.
            [101_000, 3],
            [101_000, 1],
            [102_000, 2]
          ])
        })
      )
    }
  })

  it("back: a rest, and a quarantine, that would end too late begin anew", () => {
    const script = inTurn(TowerScript.failsAt("dial"), TowerScript.replies(64), TowerScript.ok)
    run({ towers: [script, good()], options: { quarantineProbe: "1 hour" } }, (world, time) =>
      Effect.gen(function* () {
        yield* sleepUntil(200 * second)
        yield* take(world, 1)
        // It rests until 210 s; the clock is put back by 150 s.
        time.jump(-150 * second)
        yield* take(world, 1)
        yield* sleepUntil(59_999)
        yield* take(world, 1)
        expect(world.dialsOf(1).length).toBe(1)
        yield* sleepUntil(60_000)
        yield* take(world, 1)
        expect(world.dialsOf(1).length).toBe(2)
        // Now it is quarantined until 1 h and 60 s; the clock is put back by 40 s.
        time.jump(-40 * second)
        yield* take(world, 1)
        yield* sleepUntil(hour + 19_999)
        yield* take(world, 1)
        expect(world.dialsOf(1).length).toBe(2)
        yield* sleepUntil(hour + 20_000)
        expect(yield* take(world, 1)).toEqual([1])
      })
    )
  })
})

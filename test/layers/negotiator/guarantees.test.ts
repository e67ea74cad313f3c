/**
 * The guarantees G1 to G9 of docs/negotiation.md, by their numbers. G2 is held by the tests that kill clients, G9 by
 * `secrets.test.ts`.
 */
import { describe, expect, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, Layer, Stream } from "effect"
import * as BrontideTowerTransport from "../../../src/layers/BrontideTowerTransport.js"
import * as Connection from "../../../src/layers/brontide/connection.js"
import type { StaticKey } from "../../../src/layers/brontide/handshake.js"
import * as SessionNegotiator from "../../../src/layers/negotiator/SessionNegotiator.js"
import * as RoundRobinTowerCandidates from "../../../src/layers/RoundRobinTowerCandidates.js"
import * as FixedKeyRing from "../../../src/layers/testing/FixedKeyRing.js"
import * as MemoryClientDb from "../../../src/layers/testing/MemoryClientDb.js"
import * as SocketPair from "../../../src/layers/testing/SocketPair.js"
import * as TowerScript from "../../../src/layers/testing/TowerScript.js"
import * as VirtualTime from "../../../src/layers/testing/VirtualTime.js"
import { ChainHash, HexBytes } from "../../../src/schema/Ids.js"
import type { NegotiatorEvent } from "../../../src/schema/NegotiatorEvent.js"
import * as Codec from "../../../src/schema/wire/Codec.js"
import { ErrorMessage } from "../../../src/schema/wire/ErrorMessage.js"
import { Init } from "../../../src/schema/wire/Init.js"
import type { Message } from "../../../src/schema/wire/Message.js"
import type { ClientDb } from "../../../src/services/ClientDb.js"
import * as Curve from "../../../src/services/Curve.js"
import { SocketDialer } from "../../../src/services/SocketDialer.js"
import { TowerCandidates } from "../../../src/services/TowerCandidates.js"
import type { Plan, TowerPlan } from "./random/plan.js"
import { play } from "./random/play.js"
import { always, broken, good, inTurn, now, numberOf, slowStores } from "./scenes.js"
import {
  addressOf,
  hour,
  make,
  minute,
  options,
  regtest,
  run,
  second,
  those,
  towerKey,
  type World,
  type WorldOptions
} from "./world.js"

/** Asks for one session after the other until an instant; answers how long each took. */
const ask = (world: World, until: number, pause: number) =>
  Effect.gen(function* () {
    const took: Array<number> = []
    yield* Effect.gen(function* () {
      for (;;) {
        const begin = yield* now
        yield* world.negotiator.nextSession
        took.push((yield* now) - begin)
        yield* Effect.sleep(pause)
      }
    }).pipe(Effect.timeoutOption(until))
    return took
  })

const stages: ReadonlyArray<TowerScript.Stage> = ["dial", "actTwo", "sendInit", "init", "sendCreateSession", "reply"]
const codes = [40, 50, 60, 61, 62, 63, 64, 70, 65535]
const otherChain = ChainHash.make("00".repeat(32))
const otherInit = (init: Partial<Init>): TowerScript.Script => ({
  init: (theirs) => new Init({ ...TowerScript.goodInit(theirs), ...init })
})
const errorMessage = new ErrorMessage({ code: 40, data: HexBytes.make("") })

/** All that a tower can do instead of giving a session. */
const misdeeds: ReadonlyArray<readonly [string, TowerScript.Script]> = [
  ...stages.map((stage) => [`ends at ${stage}`, TowerScript.failsAt(stage)] as const),
  ...stages.map((stage) => [`silent at ${stage}`, TowerScript.silentAt(stage)] as const),
  ...codes.map((code) => [`replies ${code}`, TowerScript.replies(code, 7)] as const),
  ["says Error instead of Init", TowerScript.says("init", errorMessage)],
  ["says Error instead of its reply", TowerScript.says("reply", errorMessage)],
  ["says Init twice", TowerScript.says("reply", new Init({ features: [], chainHash: otherChain }))],
  ["watches another chain", otherInit({ chainHash: otherChain })],
  ["requires what nobody knows", otherInit({ features: [1000] })],
  ["sends a long reward script", TowerScript.replies(0, 0, HexBytes.make("51".repeat(1025)))]
]

/** Each of them also as one that never hangs up. */
const hostile = misdeeds.flatMap(
  ([name, script]): ReadonlyArray<readonly [string, TowerScript.Script]> => [
    [name, script],
    [`${name}, never hangs up`, { ...script, hangUpAfter: Number.POSITIVE_INFINITY }]
  ]
)

describe("G1: delivered only after it is durable, at most once, and none is lost", () => {
  it("nobody has a session before its store was confirmed", () => {
    let confirmed = 0
    const db = (inner: ClientDb.Service): ClientDb.Service => ({
      ...inner,
      createClientSession: (...args) =>
        Effect.tap(Effect.delay(inner.createClientSession(...args), 3 * second), () => Effect.sync(() => ++confirmed))
    })
    run({ towers: [good(50)], db }, (world) =>
      Effect.gen(function* () {
        for (let n = 1; n <= 3; n++) {
          yield* world.negotiator.nextSession
          expect(confirmed).toBe(n)
          expect(yield* now).toBe(n * (3 * second + 150))
        }
      })
    )
  })

  it("a session whose store failed, or whose fate is unknown, reaches nobody", () => {
    let calls = 0
    const db = (inner: ClientDb.Service): ClientDb.Service => ({
      ...inner,
      createClientSession: (...args) => {
        calls += 1
        if (calls === 1) return Effect.fail(broken)
        return calls === 2
          ? Effect.andThen(inner.createClientSession(...args), Effect.fail(broken))
          : inner.createClientSession(...args)
      }
    })
    run({ towers: [good(), good(), good(), good()], db }, (world) =>
      Effect.gen(function* () {
        const session = yield* world.negotiator.nextSession
        expect(calls).toBe(3)
        expect(those(world.events, "SessionStored").map((stored) => stored.session.id)).toEqual([session.id])
        yield* Effect.sleep(hour)
        expect(those(world.events, "SessionDelivered").length).toBe(1)
      })
    )
  })

  it("of many takers of all kinds each gets another one; those who leave leave theirs to the next", () => {
    run({ towers: [good(20), good(20)] }, (world) =>
      Effect.gen(function* () {
        const { negotiator } = world
        const got: Array<string> = []
        const keep = ({ id }: { readonly id: string }) => Effect.sync(() => void got.push(id))
        const takers = yield* Effect.forEach(Array.from({ length: 30 }), (_, i) =>
          Effect.fork(
            i % 3 === 0
              ? Effect.flatMap(negotiator.nextSession, keep)
              : i % 3 === 1
                ? Effect.andThen(negotiator.requestSession, Effect.flatMap(negotiator.takeSession, keep))
                : Stream.runForEach(Stream.take(negotiator.newSessions, 1), keep)
          )
        )
        for (const [i, taker] of takers.entries()) {
          yield* Effect.sleep(15)
          if (i % 4 === 1) yield* Fiber.interrupt(taker)
        }
        yield* negotiator.requestSession
        yield* Effect.sleep(minute)
        const stored = those(world.events, "SessionStored").map(({ session }) => session.id)
        const { undelivered } = yield* negotiator.status
        expect(new Set(got).size).toBe(got.length)
        expect(got.length + undelivered).toBe(stored.length)
        expect(got.every((id) => stored.some((known) => known === id))).toBe(true)
        yield* Fiber.interruptAll(takers)
      })
    )
  })
})

describe("G3: every connection is closed on every path, and at most one is live for a key", () => {
  for (const [name, script] of [...hostile, ["good, hangs up late", { hangUpAfter: 1500 }] as const]) {
    it(`a tower with three addresses that ${name}`, () => {
      const addresses = [addressOf(1, 1), addressOf(1, 2), addressOf(1, 3)]
      run({ towers: [{ ...always(script), addresses }, good(300)] }, (world) =>
        Effect.gen(function* () {
          yield* ask(world, 3 * minute, 10 * second)
          yield* Effect.sleep(2 * minute)
          expect(world.transport.count()).toBeGreaterThan(3)
          expect(world.transport.open()).toEqual([])
          expect(world.transport.violations()).toEqual([])
          expect(world.transport.dials().every((dial) => dial.closedAt !== undefined)).toBe(true)
        })
      )
    })
  }
})

describe("G4: closing takes effect at once at every step", () => {
  const manner = { latency: 300, hangUpAfter: 500 }
  const tower = (dials: TowerPlan["dials"]): TowerPlan => ({
    addresses: 2,
    onionOnly: false,
    later: false,
    dials,
    whenWell: manner
  })
  const plan: Plan = {
    seed: 1,
    yieldEvery: null,
    settings: {
      minBackoff: second,
      maxBackoff: 8 * second,
      hedgeDelay: 200,
      maxHedged: 8,
      maxPending: 1,
      maxKeyAttempts: 3,
      visitTimeout: 90 * second,
      quarantineProbe: minute,
      hangUpWait: 2 * second
    },
    patient: false,
    towers: [
      tower([{ kind: "silent", stage: "reply", ...manner }]),
      tower([
        { kind: "replies", code: 60, bytes: 0, ...manner },
        { kind: "ends", stage: "init", ...manner }
      ]),
      tower([
        { kind: "replies", code: 40, bytes: 0, ...manner },
        { kind: "good", ...manner }
      ])
    ],
    faults: [],
    deeds: [
      { at: 0, what: "next", end: null },
      { at: 100, what: "take", end: null },
      { at: 500, what: "negotiate", end: null },
      { at: 700, what: "stream", end: null },
      { at: 10 * second, what: "next", end: null }
    ],
    wellAt: 20 * second,
    stop: null
  }
  const events = play(plan).events.length
  const slow = { from: 1, to: 1_000_000, takes: 700, outcome: "well" } as const
  const slowWrites: Plan["faults"] = [
    { operation: "nextSessionKeyIndex", ...slow },
    { operation: "freeSessionKeyIndex", ...slow },
    { operation: "createClientSession", ...slow },
    { operation: "saveStanding", ...slow }
  ]

  it("in the step of each of its events: in no time, and nothing is left", () => {
    expect(events).toBeGreaterThan(100)
    for (let event = 1; event <= events; event++) {
      expect([event, play({ ...plan, stop: { event } }).violations]).toEqual([event, []])
    }
  })

  it("with slow writes: a write in progress and the one that frees are finished, those of all visits at once", () => {
    for (let event = 1; event <= events; event += 2) {
      // Whatever goes on: at most two writes one after the other, and the close ends in the step in which one ends.
      const { violations } = play({ ...plan, faults: slowWrites, stop: { event } })
      expect([event, violations]).toEqual([event, []])
    }
  })
})

describe("G5: the waits are exactly min, 2 min, ... max unless woken", () => {
  const waits = (spec: Omit<WorldOptions, "towers">) =>
    run({ ...spec, towers: [always(TowerScript.failsAt("dial"))] }, (world) =>
      Effect.gen(function* () {
        yield* Effect.timeoutOption(world.negotiator.nextSession, 4 * hour)
        const ends = those(world.events, "RoundEnded").map(({ at }) => at)
        const starts = those(world.events, "RoundStarted").map(({ at }) => at)
        return ends.slice(0, starts.length - 1).map((end, i) => (starts[i + 1] ?? 0) - end)
      })
    )

  it("to the millisecond, from the end of a round to the start of the next", () => {
    const found = waits({})
    const expected = [10, 20, 40, 80, 160, ...Array.from({ length: found.length - 5 }, () => 300)]
    expect(found).toEqual(expected.map((seconds) => seconds * second))
    expect(found.length).toBeGreaterThan(40)
  })

  it("with jitter within (0, max], whatever the seed", () => {
    for (let seed = 1; seed <= 5; seed++) {
      const found = waits({ options: { jitter: true, maxBackoff: minute }, time: { seed } })
      for (const [i, wait] of found.entries()) {
        const whole = Math.min(10 * second * 2 ** i, minute)
        expect(wait).toBeGreaterThan(0)
        expect(wait).toBeGreaterThanOrEqual(Math.floor(Math.min(whole, (10 * second * 2 ** i) / 2)))
        expect(wait).toBeLessThanOrEqual(whole)
      }
    }
  })
})

describe("G6: towers that do not answer delay others by at most one hedge delay", () => {
  const silent = always(TowerScript.silentAt("dial"))

  for (const count of [1, 2, 4, 7]) {
    it(`${count} of them: one each in the first round, afterwards one together`, () => {
      const towers = [...Array.from({ length: count }, () => silent), good(30)]
      run({ towers }, (world) =>
        Effect.gen(function* () {
          const took = yield* ask(world, 2 * hour, 10 * second)
          expect(took[0]).toBe(count * second + 90)
          const rounds = took.slice(1)
          expect(Math.max(...rounds)).toBeLessThanOrEqual(second + 90)
          // While all of them rest nobody waits.
          const delayed = rounds.filter((time) => time > 90).length
          expect(delayed).toBeLessThanOrEqual(((2 * hour) / (5 * minute) + 6) * count)
          expect(rounds.length).toBeGreaterThan(500)
        })
      )
    })
  }

  it("more than maxHedged of them are overcome when the first visits end", () => {
    run({ towers: [...Array.from({ length: 20 }, () => silent), good(30)] }, (world) =>
      Effect.gen(function* () {
        const took = yield* ask(world, hour, 5 * second)
        // Eight at a time, 10 s each by the transport's own limit.
        expect(took[0]).toBeLessThanOrEqual(3 * 10 * second + second)
        expect(Math.max(...took.slice(1))).toBeLessThanOrEqual(second + 90)
      })
    )
  })

  for (const [name, latencies] of [
    ["that answer within one hedge delay", [0, 20, 100, 300]],
    ["that are equally slow", [2000, 2000, 2000, 2000]]
  ] as const) {
    it(`sessions are spread evenly among towers ${name}`, () => {
      run({ towers: latencies.map((latency) => good(latency)) }, (world) =>
        Effect.gen(function* () {
          yield* ask(world, 2 * hour, 20 * second)
          const counts = latencies.map((_, i) => world.sessionsOf(i + 1))
          expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1)
          expect(Math.min(...counts)).toBeGreaterThan(60)
        })
      )
    })
  }
})

describe("G7: a hostile tower costs little and cannot slow the others", () => {
  /** Visits in half an hour: rests of 10, 20, ... 160 s, then 300 s each; each with three keys at most. */
  const visits = 11
  const noWrites = (db: ClientDb.Service): ClientDb.Service => ({
    ...db,
    freeSessionKeyIndex: () => Effect.fail(broken),
    saveStanding: () => Effect.fail(broken)
  })
  const indexesOf = (events: ReadonlyArray<NegotiatorEvent>, n: number) =>
    new Set(those(events, "KeyReserved").flatMap(({ keyIndex, tower }) => (numberOf(tower) === n ? [keyIndex] : [])))

  for (const [where, others, db] of [
    ["alone", [], undefined],
    ["beside a good tower", [good(20)], undefined],
    ["beside a good tower, while standings cannot be written", [good(20)], noWrites]
  ] as const) {
    it(`${where}, whatever it does: connections, keys and time`, () => {
      for (const [name, script] of hostile) {
        run({ towers: [always(script), ...others], ...(db === undefined ? {} : { db }) }, (world) =>
          Effect.gen(function* () {
            const took = yield* ask(world, hour / 2, 25 * second)
            const isUsed = name.startsWith("replies 60")
            const dials = world.dialsOf(1).length
            expect([name, dials <= visits * (isUsed ? 3 : 1)]).toEqual([name, true])
            const indexes = indexesOf(world.events, 1).size
            expect([name, indexes <= (isUsed ? 3 * visits : 2)]).toEqual([name, true])
            if (others.length === 0) return
            expect([name, took.length > 60]).toEqual([name, true])
            // One hedge delay when it is asked; no time at all when it rests.
            const delayed = took.filter((time) => time > 60 + 150)
            expect([name, delayed.length <= visits]).toEqual([name, true])
            expect([name, Math.max(...took) <= second + 60 + 150]).toEqual([name, true])
          })
        )
      }
    })
  }

  it("one that gives a session now and then, to end its rests, is asked once per minBackoff at most when it fails", () => {
    const moody = inTurn(
      ...Array.from({ length: 2000 }, (_, i) => (i % 2 === 0 ? TowerScript.ok : TowerScript.silentAt("init")))
    )
    run({ towers: [moody, good(20)] }, (world) =>
      Effect.gen(function* () {
        const took = yield* ask(world, hour, 4 * second)
        const failed = those(world.events, "VisitFailed").length
        expect(failed).toBeLessThanOrEqual(hour / (10 * second))
        expect(Math.max(...took)).toBeLessThanOrEqual(second + 60)
        // The good one gives at least half of the sessions.
        expect(world.sessionsOf(2)).toBeGreaterThanOrEqual(world.sessionsOf(1))
      })
    )
  })
})

describe("G7: a tower that does not stop sending is read up to a bound", () => {
  /** Two of the longest frames, and what one read may bring. */
  const bound = 4 * 65_569

  const key: StaticKey<never> = {
    publicKey: FixedKeyRing.publicKeyOf(1_000_001),
    ecdh: (point) => Effect.orDie(FixedKeyRing.make.ecdh({ family: 9, index: 1_000_001 }, point))
  }
  const long = Codec.encode(new ErrorMessage({ code: 1, data: HexBytes.make("00".repeat(65_000)) }))

  /** Says these messages and then others without end, whatever it is told. */
  const flooding = (messages: ReadonlyArray<Message>) => (end: SocketPair.End) =>
    Effect.gen(function* () {
      const connection = yield* Connection.accept(end, key, {
        address: addressOf(1),
        curve: Curve.noble,
        handshakeTimeout: Duration.seconds(5),
        messageTimeout: Duration.minutes(5)
      })
      for (const message of messages) yield* connection.send(Codec.encode(message))
      return yield* Effect.forever(connection.send(long))
    }).pipe(Effect.scoped, Effect.ignore, Effect.ensuring(end.close))

  for (const [name, messages] of [
    ["instead of its reply", [TowerScript.goodInit(new Init({ features: [], chainHash: regtest.chainHash }))]],
    [
      "after an accepting reply, until it is hung up on",
      [TowerScript.goodInit(new Init({ features: [], chainHash: regtest.chainHash })), TowerScript.goodReply()]
    ]
  ] as const) {
    it(name, () => {
      let connections = 0
      let read = 0
      const { dial, route } = SocketPair.dialer(flooding(messages))
      const counting: SocketDialer.Service = {
        route,
        dial: (address) =>
          Effect.map(dial(address), (socket) => {
            connections += 1
            const count = ({ length }: Uint8Array) =>
              Effect.sync(() => {
                read += length
              })
            return { ...socket, read: Effect.tap(socket.read, count) }
          })
      }
      const program = Effect.gen(function* () {
        const candidates = yield* TowerCandidates
        yield* candidates.add(key.publicKey, addressOf(1))
        const negotiator = yield* SessionNegotiator.make(options)
        yield* Effect.exit(negotiator.negotiate)
        yield* Effect.sleep(minute)
      })
      const ports = Layer.mergeAll(
        Layer.provideMerge(RoundRobinTowerCandidates.layer(), MemoryClientDb.layer()),
        FixedKeyRing.layer,
        Layer.provide(BrontideTowerTransport.layer(), Layer.succeed(SocketDialer, counting))
      )
      expect(VirtualTime.run(Effect.scoped(Effect.provide(program, ports)))._tag).toBe("Success")
      expect(connections).toBe(1)
      expect(read).toBeGreaterThan(100)
      expect(read).toBeLessThanOrEqual(bound)
    })
  }
})

describe("G8: while a request is pending the status says what is done or waited for, and until when", () => {
  const stateAt = (spec: WorldOptions, at: number) =>
    run(spec, (world) =>
      Effect.gen(function* () {
        yield* world.negotiator.requestSession
        yield* Effect.sleep(at)
        return yield* world.negotiator.status
      })
    )

  it("nobody to ask; quarantine; backing off; asking; delivering", () => {
    expect(stateAt({ towers: [] }, 1)).toEqual({
      pending: 1,
      undelivered: 0,
      state: { _tag: "WaitingForCandidates", until: undefined }
    })
    expect(stateAt({ towers: [always(TowerScript.replies(64))] }, second).state).toEqual({
      _tag: "WaitingForCandidates",
      until: 24 * hour
    })
    expect(stateAt({ towers: [always(TowerScript.failsAt("dial"))] }, 15 * second).state).toMatchObject({
      _tag: "BackingOff",
      until: 30 * second,
      attempt: 2,
      failures: [{ tower: towerKey(1), address: addressOf(1), failure: { _tag: "DialFailed" } }]
    })
    expect(stateAt({ towers: [always(TowerScript.silentAt("init"))] }, 2 * second).state).toEqual({
      _tag: "Negotiating",
      attempts: [
        {
          towerId: 1,
          tower: towerKey(1),
          address: addressOf(1),
          step: "receivingInit",
          since: 0,
          deadline: 90 * second
        }
      ]
    })
    expect(stateAt({ towers: [good(20)], db: slowStores(second) }, 500).state).toMatchObject({
      attempts: [{ step: "storing", since: 60 }]
    })
    expect(stateAt({ towers: [good(20)] }, second)).toEqual({
      pending: 1,
      undelivered: 1,
      state: { _tag: "Delivering" }
    })
  })

  it("at every instant of an hour in which everything goes wrong", () => {
    const scripts = misdeeds.map(([, script]) => script)
    const towers = Array.from({ length: 4 }, (_, i) => inTurn(...scripts.slice(i * 6), ...scripts.slice(0, i * 6)))
    run({ towers }, (world) =>
      Effect.gen(function* () {
        const fiber = yield* Effect.fork(world.negotiator.nextSession)
        const seen = new Set<string>()
        for (let at = 0; at < hour; at += 700) {
          yield* Effect.sleep(700)
          if (fiber.unsafePoll() !== null) break
          const { pending, state } = yield* world.negotiator.status
          const instant = yield* now
          seen.add(state._tag)
          expect(pending).toBe(1)
          if (state._tag === "Negotiating") {
            expect(state.attempts.length).toBeGreaterThan(0)
            for (const { deadline } of state.attempts) expect(deadline).toBeGreaterThanOrEqual(instant)
          } else if (state._tag === "BackingOff" || state._tag === "WaitingForCandidates") {
            expect(state.until).toBeGreaterThanOrEqual(instant)
          } else expect(state._tag).toBe("Negotiating or waiting")
        }
        expect(seen.size).toBe(3)
        yield* Fiber.interrupt(fiber)
      })
    )
  })

  it("pending requests are not durable", () => {
    const exit = run({ towers: [always(TowerScript.failsAt("dial"))] }, (world) =>
      Effect.gen(function* () {
        yield* world.negotiator.requestSession
        yield* Effect.sleep(second)
        yield* world.close
        const again = yield* make({ towers: [good(20)], db: () => world.db })
        yield* Effect.sleep(minute)
        const status = yield* again.negotiator.status
        yield* again.close
        return Exit.succeed(status)
      })
    )
    expect(exit).toEqual(Exit.succeed({ pending: 0, undelivered: 0, state: { _tag: "Idle" } }))
  })
})

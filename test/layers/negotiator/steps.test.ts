/**
 * One visit, step by step: what each answer, failure and silence of a tower does, and each failure of our own side
 * (docs/negotiation.md, A visit and An attempt). All instants are exact.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber, Redacted } from "effect"
import * as TowerScript from "../../../src/layers/testing/TowerScript.js"
import * as BlobType from "../../../src/schema/BlobType.js"
import * as Chain from "../../../src/schema/Chain.js"
import { HexBytes, type Route, TowerId } from "../../../src/schema/Ids.js"
import { OwnTimeout } from "../../../src/schema/NegotiationError.js"
import type { Step } from "../../../src/schema/NegotiatorEvent.js"
import * as Policy from "../../../src/schema/Policy.js"
import { Reservation } from "../../../src/schema/Reservation.js"
import { Tower } from "../../../src/schema/Tower.js"
import { TowerAddress } from "../../../src/schema/TowerAddress.js"
import { GarbledFrame, HandshakeFailed, MalformedMessage } from "../../../src/schema/TransportError.js"
import { CreateSessionReply } from "../../../src/schema/wire/CreateSessionReply.js"
import { ErrorMessage } from "../../../src/schema/wire/ErrorMessage.js"
import { Init } from "../../../src/schema/wire/Init.js"
import type { ClientDb } from "../../../src/services/ClientDb.js"
import type { KeyRing } from "../../../src/services/KeyRing.js"
import {
  addressesDialled,
  always,
  broken,
  brokenRing,
  byAddress,
  dials,
  failures,
  good,
  indexOf,
  inTurn,
  noKeysFor,
  noStoresFor,
  now,
  numberOf,
  sleepUntil,
  slowStores,
  stored,
  waits
} from "./scenes.js"
import { addressOf, hour, regtest, run, second, those, towerKey, type World } from "./world.js"

const { Move } = TowerScript
const empty = HexBytes.make("")
const bytes = (count: number) => HexBytes.make("ab".repeat(count))
const day = 24 * hour

/** Two addresses for a tower, in the order of trial. */
const [first, other] = [addressOf(1, 1), addressOf(1, 2)]
const twoAddresses = { addresses: [first, other] }

describe("a good tower", () => {
  it("is taken through the steps in their order; what it is told and what it gives is stored", () => {
    const script: TowerScript.Script = {
      delays: { dial: 100, actTwo: 10, sendInit: 1, init: 200, sendCreateSession: 2, reply: 300 },
      reply: () => new CreateSessionReply({ code: 0, lastApplied: 300, data: empty })
    }
    run({ towers: [always(script)] }, (world) =>
      Effect.gen(function* () {
        const session = yield* world.negotiator.nextSession
        const steps = those(world.events, "StepStarted").map(({ address, at, step }) => [at, step, address] as const)
        const expected: ReadonlyArray<readonly [number, Step, TowerAddress | undefined]> = [
          [0, "reserving", undefined],
          [0, "deriving", undefined],
          [0, "dialling", first],
          [100, "handshaking", first],
          [110, "sendingInit", first],
          [111, "receivingInit", first],
          [311, "sendingCreateSession", first],
          [313, "receivingReply", first],
          [613, "storing", first],
          [613, "hangingUp", first]
        ]
        expect(steps).toEqual(expected)
        const [dial] = world.transport.dials()
        expect(dial).toMatchObject({ at: 0, connectedAt: 100, shownAt: 110, endedAt: 613, closedAt: 613 })
        expect(dial?.sent).toEqual([
          expect.objectContaining({ _tag: "Init", features: [0, 3], chainHash: regtest.chainHash }),
          expect.objectContaining({ _tag: "CreateSession", ...Policy.defaults(regtest) })
        ])
        expect(session).toMatchObject({
          id: dial?.publicKey,
          towerId: 1,
          towerPublicKey: towerKey(1),
          keyIndex: 1,
          policy: Policy.defaults(regtest),
          rewardPkScript: "",
          seqNum: 0,
          // What the reply says of an earlier session is nothing to go on.
          towerLastApplied: 0,
          status: "active",
          createdAt: 613
        })
        expect(yield* world.db.listClientSessions()).toEqual([session])
      }).pipe(Effect.orDie)
    )
  })

  for (const [name, hangUpAfter, delivered] of [
    ["hangs up with its reply", 0, 0],
    ["hangs up 1.5 s later", 1500, 1500],
    ["never hangs up", Number.POSITIVE_INFINITY, 2000]
  ] as const) {
    it(`that ${name}: its session is delivered after ${delivered} ms, the connection closed before`, () => {
      run({ towers: [always({ hangUpAfter })] }, (world) =>
        Effect.gen(function* () {
          const session = yield* world.negotiator.nextSession
          expect(session.createdAt).toBe(0)
          expect(yield* now).toBe(delivered)
          expect(world.transport.open()).toEqual([])
          expect(world.dialsOf(1)[0]?.closedAt).toBe(delivered)
        })
      )
    })
  }

  it("is asked with the features and the terms of the policy: anchor on Decred", () => {
    const chain = Chain.decredRegnet
    const policy = { ...Policy.defaults(chain, BlobType.altruistAnchorCommit), maxUpdates: 7 }
    run({ towers: [good()], options: { chain, policy } }, (world) =>
      Effect.gen(function* () {
        const session = yield* world.negotiator.nextSession
        expect(world.dialsOf(1)[0]?.sent).toEqual([
          expect.objectContaining({ features: [0, 3], chainHash: chain.chainHash }),
          expect.objectContaining(policy)
        ])
        expect(session.policy).toEqual(policy)
      })
    )
  })

  it("may announce unknown odd features, none at all, or both of a pair", () => {
    for (const features of [[], [7, 4001], [2, 3], [0, 1, 2, 3, 4, 5]]) {
      const init = ({ chainHash }: Init) => new Init({ features, chainHash })
      run({ towers: [always({ init })] }, (world) =>
        Effect.map(world.negotiator.nextSession, (session) => expect(session.createdAt).toBe(0))
      )
    }
  })
})

describe("a reply that refuses: the next tower, not the next address", () => {
  const refused = { ...twoAddresses, script: () => TowerScript.ok }
  /** Tower 1 refuses at its first visit and is good afterwards; tower 2 is good. */
  const towers = (code: number) => [
    { ...refused, ...inTurn({ ...TowerScript.replies(code, 3, bytes(2)), latency: 100 }, TowerScript.ok) },
    good()
  ]

  for (const code of [40, 70, 65535]) {
    it(`${code}: SessionRejected; the tower rests, and is asked with the same key when its rest has ended`, () => {
      run({ towers: towers(code) }, (world) =>
        Effect.gen(function* () {
          expect((yield* world.negotiator.nextSession).towerPublicKey).toBe(towerKey(2))
          expect(dials(world)).toEqual([
            [0, 1, 1],
            [300, 2, 2]
          ])
          expect(those(world.events, "AttemptFailed")).toEqual([
            expect.objectContaining({
              at: 300,
              address: first,
              failure: expect.objectContaining({ _tag: "SessionRejected", code, data: bytes(2) })
            })
          ])
          expect(those(world.events, "VisitFailed")).toEqual([
            expect.objectContaining({ at: 300, blamed: true, restsUntil: 300 + 10 * second })
          ])
          expect(those(world.events, "Quarantined")).toEqual([])
          yield* sleepUntil(10_299)
          expect((yield* world.negotiator.nextSession).towerPublicKey).toBe(towerKey(2))
          yield* sleepUntil(10_300)
          expect(yield* world.negotiator.nextSession).toMatchObject({ towerPublicKey: towerKey(1), keyIndex: 1 })
          // It was the tower that failed, not its address.
          expect(addressesDialled(world, 1)).toEqual([first, first])
        })
      )
    })
  }

  for (const [code, reason] of [
    [50, "PermanentFailure"],
    [61, "RejectMaxUpdates"],
    [62, "RejectRewardRate"],
    [63, "RejectSweepFeeRate"],
    [64, "RejectBlobType"]
  ] as const) {
    it(`${code}: PermanentTowerFailure, ${reason}; quarantine until the probe a day later, with the same key`, () => {
      run({ towers: towers(code) }, (world) =>
        Effect.gen(function* () {
          expect((yield* world.negotiator.nextSession).towerPublicKey).toBe(towerKey(2))
          expect(those(world.events, "AttemptFailed")).toEqual([
            expect.objectContaining({ failure: expect.objectContaining({ _tag: "PermanentTowerFailure", reason }) })
          ])
          expect(those(world.events, "Quarantined")).toEqual([
            expect.objectContaining({ at: 300, reason, probeAt: 300 + day })
          ])
          yield* sleepUntil(day + 299)
          expect((yield* world.negotiator.nextSession).towerPublicKey).toBe(towerKey(2))
          expect(world.dialsOf(1).length).toBe(1)
          yield* sleepUntil(day + 300)
          expect(yield* world.negotiator.nextSession).toMatchObject({ towerPublicKey: towerKey(1), keyIndex: 1 })
        })
      )
    })
  }

  it("60 once: the next key at the same address at once, and the used key is never used again", () => {
    const script = inTurn({ ...TowerScript.replies(60, 300), latency: 100 }, TowerScript.ok)
    run({ towers: [{ ...twoAddresses, ...script }] }, (world) =>
      Effect.gen(function* () {
        const session = yield* world.negotiator.nextSession
        expect(session).toMatchObject({ keyIndex: 2, createdAt: 300, towerLastApplied: 0, seqNum: 0 })
        expect(dials(world)).toEqual([
          [0, 1, 1],
          [300, 1, 2]
        ])
        expect(addressesDialled(world, 1)).toEqual([first, first])
        expect(those(world.events, "KeyUsed")).toEqual([
          expect.objectContaining({ at: 300, keyIndex: 1, lastApplied: 300 })
        ])
        expect(those(world.events, "VisitFailed")).toEqual([])
        // Longer than any lease: it was ended, not left to run out.
        yield* Effect.sleep(300 * second)
        yield* world.negotiator.nextSession
        yield* world.negotiator.nextSession
        expect(dials(world).map(([, , index]) => index)).toEqual([1, 2, 3, 4])
      })
    )
  })

  it("60 for ever: three keys a visit, then the tower rests; no key is shown twice", () => {
    run({ towers: [{ ...twoAddresses, ...always(TowerScript.replies(60, 1)) }] }, (world) =>
      Effect.gen(function* () {
        yield* world.negotiator.requestSession
        yield* sleepUntil(35 * second)
        const at = (instant: number, ...keys: ReadonlyArray<number>) => keys.map((key) => [instant, 1, key])
        expect(dials(world)).toEqual([...at(0, 1, 2, 3), ...at(10_000, 4, 5, 6), ...at(30_000, 7, 8, 9)])
        expect(new Set(addressesDialled(world, 1))).toEqual(new Set([first]))
        expect(those(world.events, "VisitFailed").map(({ failure }) => failure._tag)).toEqual(
          Array(3).fill("SessionKeyAlreadyUsed")
        )
        expect(those(world.events, "Quarantined")).toEqual([])
      })
    )
  })

  it("60 for ever beside a good tower: the good one's session comes in the same round, with a key of its own", () => {
    run({ towers: [always(TowerScript.replies(60, 1)), good()], options: { maxKeyAttempts: 2 } }, (world) =>
      Effect.gen(function* () {
        yield* world.negotiator.nextSession
        yield* sleepUntil(10 * second)
        yield* world.negotiator.nextSession
        expect(dials(world)).toEqual([
          [0, 1, 1],
          [0, 1, 2],
          [0, 2, 3],
          // Index 4 waits for tower 2 since its session was stored.
          [10_000, 1, 5],
          [10_000, 1, 6],
          [10_000, 2, 4]
        ])
      })
    )
  })
})

describe("what else a tower can say", () => {
  const error = new ErrorMessage({ code: 77, data: bytes(3) })
  const reply = new CreateSessionReply({ code: 0, lastApplied: 0, data: empty })
  const init = TowerScript.goodInit(new Init({ features: [], chainHash: regtest.chainHash }))

  for (const [name, script, tag, details] of [
    ["Error instead of Init", TowerScript.says("init", error), "TowerErrorMessage", { code: 77, data: bytes(3) }],
    ["Error instead of its reply", TowerScript.says("reply", error), "TowerErrorMessage", { code: 77, data: bytes(3) }]
  ] as const) {
    it(`${name}: ${tag} with code and data; the next tower`, () => {
      run({ towers: [{ ...twoAddresses, ...always(script) }, good()] }, (world) =>
        Effect.gen(function* () {
          expect((yield* world.negotiator.nextSession).towerPublicKey).toBe(towerKey(2))
          expect(addressesDialled(world, 1)).toEqual([first])
          expect(those(world.events, "AttemptFailed")[0]?.failure).toMatchObject({ _tag: tag, ...details })
          expect(those(world.events, "Quarantined")).toEqual([])
        })
      )
    })
  }

  for (const [name, script, expected] of [
    ["its reply instead of Init", TowerScript.says("init", reply), ["Init", "CreateSessionReply"]],
    ["Init instead of its reply", TowerScript.says("reply", init), ["CreateSessionReply", "Init"]]
  ] as const) {
    it(`${name}: UnexpectedMessage; the next address, with the same key`, () => {
      run(
        {
          towers: [
            byAddress([
              [first, script],
              [other, TowerScript.ok]
            ])
          ]
        },
        (world) =>
          Effect.gen(function* () {
            expect(yield* world.negotiator.nextSession).toMatchObject({ keyIndex: 1, createdAt: 0 })
            expect(addressesDialled(world, 1)).toEqual([first, other])
            const [failed] = those(world.events, "AttemptFailed")
            expect(failed).toMatchObject({
              address: first,
              failure: { _tag: "UnexpectedMessage", expected: expected[0], received: expected[1] }
            })
          })
      )
    })
  }

  for (const [name, theirs, details] of [
    [
      "another chain",
      () => new Init({ features: [1, 3], chainHash: Chain.bitcoinMainnet.chainHash }),
      { reason: "WrongChain", theirChain: Chain.bitcoinMainnet.chainHash }
    ],
    [
      "features that nobody knows and that it requires",
      ({ chainHash }: Init) => new Init({ features: [1, 6, 7, 4000], chainHash }),
      { reason: "UnknownRequiredFeature", features: [6, 4000] }
    ]
  ] as const) {
    it(`${name}: quarantine, nothing more is sent, the next tower`, () => {
      run({ towers: [{ ...twoAddresses, ...always({ init: theirs }) }, good()] }, (world) =>
        Effect.gen(function* () {
          expect((yield* world.negotiator.nextSession).towerPublicKey).toBe(towerKey(2))
          expect(world.dialsOf(1).map((dial) => dial.sent.map((message) => message._tag))).toEqual([["Init"]])
          expect(those(world.events, "AttemptFailed")[0]?.failure).toMatchObject({
            _tag: "PermanentTowerFailure",
            ...details
          })
          expect(those(world.events, "Quarantined")).toEqual([
            expect.objectContaining({ reason: details.reason, probeAt: day })
          ])
        })
      )
    })
  }
})

describe("a connection that fails: the next address, with the same key", () => {
  const stages: ReadonlyArray<TowerScript.Stage> = ["dial", "actTwo", "sendInit", "init", "sendCreateSession", "reply"]

  for (const stage of stages) {
    const tag = stage === "dial" ? "DialFailed" : stage === "actTwo" ? "HandshakeFailed" : "ConnectionEnded"

    it(`its end at ${stage}: ${tag}; at once`, () => {
      const script = { ...TowerScript.failsAt(stage), latency: 100 }
      run(
        {
          towers: [
            byAddress([
              [first, script],
              [other, TowerScript.ok]
            ])
          ]
        },
        (world) =>
          Effect.gen(function* () {
            const session = yield* world.negotiator.nextSession
            const [one, two] = world.dialsOf(1)
            expect(failures(world.events)).toEqual([[one?.closedAt, 1, tag]])
            expect(two).toMatchObject({ at: one?.closedAt, address: other, publicKey: one?.publicKey })
            expect(session).toMatchObject({ keyIndex: 1, createdAt: one?.closedAt })
            expect(one?.shownAt === undefined).toBe(stage === "dial" || stage === "actTwo")
            // The address that worked is the first to be tried the next time.
            yield* world.negotiator.nextSession
            expect(addressesDialled(world, 1)).toEqual([first, other, other])
          })
      )
    })

    const silence = stage === "dial" ? 10_000 : stage === "actTwo" ? 5_000 : 15_000
    const silent = stage === "dial" ? "DialFailed" : stage === "actTwo" ? "HandshakeFailed" : "MessageTimeout"
    // The tower may have seen the key, and its end was not seen.
    const rest = stage === "dial" || stage === "actTwo" ? 0 : 2_000

    it(`silence at ${stage}: ${silent} after ${silence} ms; the key is shown again ${rest} ms later`, () => {
      run(
        {
          towers: [
            byAddress([
              [first, TowerScript.silentAt(stage)],
              [other, TowerScript.ok]
            ])
          ]
        },
        (world) =>
          Effect.gen(function* () {
            const session = yield* world.negotiator.nextSession
            expect(failures(world.events)).toEqual([[silence, 1, silent]])
            expect(session).toMatchObject({ keyIndex: 1, createdAt: silence + rest })
            expect(world.dialsOf(1)[0]?.closedAt).toBe(silence)
          })
      )
    })
  }

  it("garbage: we hang up at once, and the key rests unless the tower has hung up by then", () => {
    for (const [hangUpAfter, next] of [
      [0, 0],
      [500, 2_000]
    ] as const) {
      const script: TowerScript.Script = {
        moves: { init: Move.Fail({ error: (address) => new GarbledFrame({ address }) }) },
        hangUpAfter
      }
      const towers = [
        byAddress([
          [first, script],
          [other, TowerScript.ok]
        ])
      ]
      run({ towers }, (world) =>
        Effect.gen(function* () {
          yield* world.negotiator.nextSession
          expect(world.dialsOf(1).map(({ at, closedAt }) => [at, closedAt])).toEqual([
            [0, 0],
            [next, next]
          ])
        })
      )
    }
  })

  for (const [name, stage, error] of [
    ["an act two that is not right", "actTwo", (address) => new HandshakeFailed({ address, act: 2, reason: "BadMac" })],
    ["garbage instead of Init", "init", (address) => new GarbledFrame({ address })],
    [
      "an unknown message instead of Init",
      "init",
      (address) => new MalformedMessage({ address, type: 18, reason: "UnknownType" })
    ],
    ["garbage instead of its reply", "reply", (address) => new GarbledFrame({ address })],
    ["a reply cut short", "reply", (address) => new MalformedMessage({ address, type: 603, reason: "Truncated" })]
  ] satisfies ReadonlyArray<
    readonly [string, TowerScript.Stage, (address: TowerAddress) => GarbledFrame | MalformedMessage | HandshakeFailed]
  >) {
    it(`${name}: a failure of that address`, () => {
      const script = TowerScript.at(stage, Move.Fail({ error }))
      run(
        {
          towers: [
            byAddress([
              [first, script],
              [other, TowerScript.ok]
            ])
          ]
        },
        (world) =>
          Effect.gen(function* () {
            expect(yield* world.negotiator.nextSession).toMatchObject({ keyIndex: 1 })
            expect(addressesDialled(world, 1)).toEqual([first, other])
            expect(those(world.events, "AttemptFailed")).toEqual([
              expect.objectContaining({ address: first, failure: error(first) })
            ])
          })
      )
    })
  }
})

describe("the addresses of a tower", () => {
  const [newest, middle, oldest] = [addressOf(1, 1), addressOf(1, 2), addressOf(1, 3)]
  const three = { addresses: [newest, middle, oldest] }

  it("all fail: newest first, one failure each, one key; next time the one that failed longest ago first", () => {
    const script = { ...TowerScript.failsAt("dial"), latency: 100 }
    run({ towers: [{ ...three, ...always(script) }] }, (world) =>
      Effect.gen(function* () {
        yield* world.negotiator.requestSession
        yield* sleepUntil(10_350)
        yield* world.add(1, addressOf(1, 4))
        yield* sleepUntil(11_050)
        // The second visit is over at 10,600; the address that was added wakes the wait that follows.
        expect(world.dialsOf(1).map(({ address, at }) => [at, address])).toEqual([
          [0, newest],
          [100, middle],
          [200, oldest],
          [10_300, newest],
          [10_400, middle],
          [10_500, oldest],
          [10_600, addressOf(1, 4)],
          [10_700, newest],
          [10_800, middle],
          [10_900, oldest]
        ])
        expect(new Set(dials(world).map(([, , index]) => index))).toEqual(new Set([1]))
        expect(failures(world.events).length).toBe(10)
        expect(those(world.events, "VisitFailed").map(({ at }) => at)).toEqual([300, 10_600, 11_000])
      })
    )
  })

  it("the last that worked is the first, even before a newer one; one that then fails is the last", () => {
    let broken: TowerAddress = newest
    const script = ({ address }: TowerScript.Dial) =>
      address === broken ? TowerScript.failsAt("dial") : TowerScript.ok
    run({ towers: [{ ...three, script }] }, (world) =>
      Effect.gen(function* () {
        const dialled = Effect.suspend(() => {
          const before = world.dialsOf(1).length
          return Effect.map(world.negotiator.nextSession, () => addressesDialled(world, 1).slice(before))
        })
        expect(yield* dialled).toEqual([newest, middle])
        yield* world.add(1, addressOf(1, 4))
        yield* Effect.sleep(second)
        expect(yield* dialled).toEqual([middle])
        broken = middle
        expect(yield* dialled).toEqual([middle, addressOf(1, 4)])
        expect(yield* dialled).toEqual([addressOf(1, 4)])
        broken = addressOf(1, 4)
        yield* Effect.sleep(second)
        expect(yield* dialled).toEqual([addressOf(1, 4), oldest])
        broken = oldest
        // All have failed but the one that works fails now: then the others, longest ago first.
        yield* Effect.sleep(second)
        expect(yield* dialled).toEqual([oldest, newest])
      })
    )
  })

  it("none: NoTowerAddrs before a key index is taken; the tower rests", () => {
    const db = (inner: ClientDb.Service): ClientDb.Service => ({
      ...inner,
      listTowers: Effect.map(inner.listTowers, (towers) =>
        towers.map((tower) => (tower.id === 1 ? new Tower({ ...tower, addresses: [] }) : tower))
      )
    })
    run({ towers: [good(), good()], db }, (world) =>
      Effect.gen(function* () {
        expect((yield* world.negotiator.nextSession).towerPublicKey).toBe(towerKey(2))
        expect(failures(world.events)).toEqual([[0, 1, "NoTowerAddrs"]])
        expect(those(world.events, "KeyReserved").map(({ tower }) => numberOf(tower))).toEqual([2])
        expect(those(world.events, "VisitFailed")).toEqual([
          expect.objectContaining({ blamed: true, restsUntil: 10 * second })
        ])
        const policy = Policy.defaults(regtest)
        const standings = yield* Effect.orDie(world.db.loadStandings(policy.blobType, Policy.keyOf(policy)))
        expect([...standings.values()][0]).toMatchObject({ failedVisits: 1, lastVisit: 0, attempts: 0 })
      })
    )
  })

  const onion = TowerAddress.make(`${"a".repeat(56)}.onion:9911`)

  it("only onion without a proxy: OnionWithoutProxy before a key index is taken", () => {
    run({ towers: [{ ...good(), addresses: [onion] }, good()] }, (world) =>
      Effect.gen(function* () {
        expect((yield* world.negotiator.nextSession).towerPublicKey).toBe(towerKey(2))
        expect(failures(world.events)).toEqual([[0, 1, "OnionWithoutProxy"]])
        expect(those(world.events, "KeyReserved").map(({ tower }) => numberOf(tower))).toEqual([2])
      })
    )
  })

  it("one of them onion: left out without a proxy, dialled through one", () => {
    const towers = [{ ...always(TowerScript.failsAt("dial")), addresses: [onion, newest] }]
    for (const [route, expected] of [
      ["clear", [newest]],
      ["tor", [onion, newest]]
    ] as const) {
      run({ towers, transport: { route } }, (world) =>
        Effect.gen(function* () {
          yield* world.negotiator.requestSession
          yield* Effect.sleep(second)
          expect(addressesDialled(world, 1)).toEqual(expected)
        })
      )
    }
  })
})

describe("a failure of our own side: nobody is blamed, no other address is tried, the next tower", () => {
  /** Tower 1 has two addresses; whatever fails, fails for tower 1. */
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

  it("the key cannot be derived: nobody is dialled, and the index is used at the next visit", () => {
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

  it("while one store takes long nobody else is started, and it is not the visit's deadline that ends it", () => {
    run({ towers: [good(), good()], db: slowStores(100 * second), options: { visitTimeout: 20 * second } }, (world) =>
      Effect.gen(function* () {
        expect((yield* world.negotiator.nextSession).towerPublicKey).toBe(towerKey(1))
        expect(yield* now).toBe(100 * second)
        expect(world.transport.count()).toBe(1)
      })
    )
  })
})

describe("the lease of a key: act three and CreateSession are written only while it holds", () => {
  /** Tower 1's leases hold so long. */
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

  it("the monotonic clock alone says so, when the wall clock was put back meanwhile", () => {
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
        // Otherwise tower 2 is asked meanwhile.
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

describe("a visit has a time limit of 90 s, a failure of whom it waits for", () => {
  const patient = { dialTimeout: Infinity, handshakeTimeout: Infinity, messageTimeout: Infinity }
  const stages: ReadonlyArray<TowerScript.Stage> = ["dial", "actTwo", "sendInit", "init", "sendCreateSession", "reply"]

  for (const stage of stages) {
    it(`a tower silent at ${stage}: VisitTimeout; the address that was not reached has its turn in the next visit`, () => {
      const towers = [
        {
          ...byAddress([
            [first, TowerScript.silentAt(stage)],
            [other, TowerScript.ok]
          ])
        }
      ]
      run({ towers, transport: patient }, (world) =>
        Effect.gen(function* () {
          const session = yield* world.negotiator.nextSession
          expect(failures(world.events)).toEqual([[90_000, 1, "VisitTimeout"]])
          expect(those(world.events, "VisitFailed")).toEqual([
            expect.objectContaining({ at: 90_000, blamed: true, restsUntil: 100_000 })
          ])
          expect(world.dialsOf(1).map(({ address, at }) => [at, address])).toEqual([
            [0, first],
            [100_000, other]
          ])
          expect(session).toMatchObject({ keyIndex: 1, createdAt: 100_000 })
        })
      )
    })
  }

  it("many addresses, each slow to fail: the limit ends the visit, and those not reached come first afterwards", () => {
    const all = Array.from({ length: 12 }, (_, i) => addressOf(1, i + 1))
    const towers = [{ ...always(TowerScript.silentAt("dial")), addresses: all }]
    run({ towers }, (world) =>
      Effect.gen(function* () {
        yield* world.negotiator.requestSession
        yield* sleepUntil(125 * second)
        expect(addressesDialled(world, 1)).toEqual(all)
        expect(those(world.events, "VisitFailed")[0]?.at).toBe(90_000)
      })
    )
  })

  it("a database that takes longer than the visit: OwnTimeout, once it has answered; the key is not shown", () => {
    run(
      {
        towers: [good()],
        db: (db) => ({
          ...db,
          nextSessionKeyIndex: (...all) => Effect.delay(db.nextSessionKeyIndex(...all), 91 * second)
        })
      },
      (world) =>
        Effect.gen(function* () {
          yield* world.negotiator.requestSession
          yield* sleepUntil(92 * second)
          expect(failures(world.events)).toEqual([[91_000, 1, "OwnTimeout"]])
          expect(those(world.events, "AttemptFailed")).toEqual([
            expect.objectContaining({ failure: new OwnTimeout({ waitingFor: "database" }) })
          ])
          expect(those(world.events, "VisitFailed")).toEqual([expect.objectContaining({ blamed: false })])
          expect(dials(world)).toEqual([])
        })
    )
  })

  for (const operation of ["deriveKey", "ecdh"] as const) {
    it(`a key ring that does not answer (${operation}): OwnTimeout, the tower is not blamed`, () => {
      run(
        {
          towers: [good()],
          keyRing: (ring) => ({
            ...ring,
            deriveKey: (locator) =>
              operation === "deriveKey" && locator.index > 0 ? Effect.never : ring.deriveKey(locator),
            ecdh: (...all) => (operation === "ecdh" ? Effect.never : ring.ecdh(...all))
          })
        },
        (world) =>
          Effect.gen(function* () {
            yield* world.negotiator.requestSession
            yield* sleepUntil(91 * second)
            expect(failures(world.events)).toEqual([[90_000, 1, "OwnTimeout"]])
            expect(those(world.events, "VisitFailed")).toEqual([expect.objectContaining({ blamed: false })])
          })
      )
    })
  }
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

describe("the reward script (docs/negotiation.md, D14)", () => {
  const reward: Policy.Policy<Chain.BitcoinChain["minFeeRate"]> = {
    ...Policy.defaults(regtest, BlobType.rewardCommit),
    rewardBase: 100,
    rewardRate: 10_000
  }

  for (const [name, policy, length, kept] of [
    ["an altruist session: ignored and noted", Policy.defaults(regtest), 22, 0],
    ["an altruist session without one", Policy.defaults(regtest), 0, 0],
    ["a rewarded session: kept", reward, 22, 22],
    ["a rewarded session without one", reward, 0, 0],
    ["a rewarded session, 1,024 bytes", reward, 1024, 1024]
  ] as const) {
    it(name, () => {
      run({ towers: [always(TowerScript.replies(0, 0, bytes(length)))], options: { policy } }, (world) =>
        Effect.gen(function* () {
          const session = yield* world.negotiator.nextSession
          expect(session.rewardPkScript).toBe(bytes(kept))
          const ignored = those(world.events, "RewardIgnored").map((one) => one.bytes)
          expect(ignored).toEqual(length > kept ? [length] : [])
        })
      )
    })
  }

  for (const [name, policy] of [
    ["a rewarded", reward],
    ["an altruist", Policy.defaults(regtest)]
  ] as const) {
    it(`more than 1,024 bytes for ${name} session: RewardScriptTooLong, nothing is stored, the next tower`, () => {
      const towers = [{ ...twoAddresses, ...always(TowerScript.replies(0, 0, bytes(1025))) }, good()]
      run({ towers, options: { policy } }, (world) =>
        Effect.gen(function* () {
          yield* world.negotiator.nextSession
          expect(stored(world)).toEqual([[0, 2, 2]])
          expect(those(world.events, "AttemptFailed")).toEqual([
            expect.objectContaining({
              address: first,
              failure: expect.objectContaining({ _tag: "RewardScriptTooLong", bytes: 1025 })
            })
          ])
          expect(those(world.events, "VisitFailed")).toEqual([expect.objectContaining({ blamed: true })])
        })
      )
    })
  }
})

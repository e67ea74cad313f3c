/**
 * What a tower says, and what follows from it: a session, the next address, the next tower, or quarantine
 * (docs/negotiation.md, An attempt). All instants are exact.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import * as TowerScript from "../../../src/layers/testing/TowerScript.js"
import * as BlobType from "../../../src/schema/BlobType.js"
import * as Chain from "../../../src/schema/Chain.js"
import { HexBytes } from "../../../src/schema/Ids.js"
import type { Step } from "../../../src/schema/NegotiatorEvent.js"
import * as Policy from "../../../src/schema/Policy.js"
import type { TowerAddress } from "../../../src/schema/TowerAddress.js"
import { CreateSessionReply } from "../../../src/schema/wire/CreateSessionReply.js"
import { ErrorMessage } from "../../../src/schema/wire/ErrorMessage.js"
import { Init } from "../../../src/schema/wire/Init.js"
import { addressesDialled, always, byAddress, dials, good, inTurn, now, sleepUntil, stored } from "./scenes.js"
import { addressOf, day, regtest, run, second, those, towerKey } from "./world.js"

const empty = HexBytes.make("")
const bytes = (count: number) => HexBytes.make("ab".repeat(count))
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

  it("60 every time: three keys a visit, then the tower rests; no key is shown twice", () => {
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

  it("60 every time, beside a good tower: the good one's session comes in the same round, with a key of its own", () => {
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
      "unknown features that it requires",
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

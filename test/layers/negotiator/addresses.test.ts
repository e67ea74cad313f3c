/** Connections that fail, and the addresses of a tower in their order (docs/negotiation.md, A visit). All instants are exact. */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import * as TowerScript from "../../../src/layers/testing/TowerScript.js"
import * as Policy from "../../../src/schema/Policy.js"
import { Tower } from "../../../src/schema/Tower.js"
import { TowerAddress } from "../../../src/schema/TowerAddress.js"
import { GarbledFrame, HandshakeFailed, MalformedMessage } from "../../../src/schema/TransportError.js"
import type { ClientDb } from "../../../src/services/ClientDb.js"
import { addressesDialled, always, byAddress, dials, failures, good, numberOf, sleepUntil } from "./scenes.js"
import { addressOf, regtest, run, second, those, towerKey } from "./world.js"

const { Move } = TowerScript
/** Two addresses for a tower, in the order of trial. */
const [first, other] = [addressOf(1, 1), addressOf(1, 2)]

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

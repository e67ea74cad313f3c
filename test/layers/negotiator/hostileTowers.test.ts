/**
 * What a hostile tower can do to us: nothing stays open, it costs little, and it does not slow the others
 * (docs/negotiation.md, G3 and G7).
 */
import { describe, expect, it } from "@effect/vitest"
import { Duration, Effect, Layer } from "effect"
import * as BrontideTowerTransport from "../../../src/layers/BrontideTowerTransport.js"
import * as Connection from "../../../src/layers/brontide/connection.js"
import type { StaticKey } from "../../../src/layers/brontide/handshake.js"
import * as Alarm from "../../../src/layers/concurrency/alarm.js"
import * as SessionNegotiator from "../../../src/layers/negotiator/SessionNegotiator.js"
import * as RoundRobinTowerCandidates from "../../../src/layers/RoundRobinTowerCandidates.js"
import * as FixedKeyRing from "../../../src/layers/testing/FixedKeyRing.js"
import * as MemoryClientDb from "../../../src/layers/testing/MemoryClientDb.js"
import * as SocketPair from "../../../src/layers/testing/SocketPair.js"
import * as TowerScript from "../../../src/layers/testing/TowerScript.js"
import * as VirtualTime from "../../../src/layers/testing/VirtualTime.js"
import { HexBytes } from "../../../src/schema/Ids.js"
import type { NegotiatorEvent } from "../../../src/schema/NegotiatorEvent.js"
import * as Codec from "../../../src/schema/wire/Codec.js"
import { ErrorMessage } from "../../../src/schema/wire/ErrorMessage.js"
import { Init } from "../../../src/schema/wire/Init.js"
import type { Message } from "../../../src/schema/wire/Message.js"
import type { ClientDb } from "../../../src/services/ClientDb.js"
import * as Curve from "../../../src/services/Curve.js"
import { SocketDialer } from "../../../src/services/SocketDialer.js"
import { TowerCandidates } from "../../../src/services/TowerCandidates.js"
import { hostileScripts } from "./hostileScripts.js"
import { always, broken, good, inTurn, numberOf, takeUntil } from "./scenes.js"
import { addressOf, hour, minute, options, regtest, run, second, those } from "./world.js"

/** Each of them also as one that never hangs up. */
const hostile = hostileScripts.flatMap(
  ([name, script]): ReadonlyArray<readonly [string, TowerScript.Script]> => [
    [name, script],
    [`${name}, never hangs up`, { ...script, hangUpAfter: Number.POSITIVE_INFINITY }]
  ]
)

describe("G3: every connection is closed on every path, and at most one is live for a key", () => {
  for (const [name, script] of [...hostile, ["good, hangs up late", { hangUpAfter: 1500 }] as const]) {
    it(`a tower with three addresses that ${name}`, () => {
      const addresses = [addressOf(1, 1), addressOf(1, 2), addressOf(1, 3)]
      run({ towers: [{ ...always(script), addresses }, good(300)] }, (world) =>
        Effect.gen(function* () {
          yield* takeUntil(world, 3 * minute, 10 * second)
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
            const took = yield* takeUntil(world, hour / 2, 50 * second)
            const isUsed = name.startsWith("replies 60")
            const dials = world.dialsOf(1).length
            expect([name, dials <= visits * (isUsed ? 3 : 1)]).toEqual([name, true])
            const indexes = indexesOf(world.events, 1).size
            expect([name, indexes <= (isUsed ? 3 * visits : 2)]).toEqual([name, true])
            if (others.length === 0) return
            expect([name, took.length > 30]).toEqual([name, true])
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
        const took = yield* takeUntil(world, hour, 4 * second)
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

  /** Says these messages and then others without end; it reads nothing. */
  const flooding = (messages: ReadonlyArray<Message>) => (end: SocketPair.End) =>
    Effect.gen(function* () {
      const connection = yield* Connection.accept(end, key, {
        address: addressOf(1),
        curve: Curve.noble,
        alarm: yield* Alarm.shared,
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
            return {
              ...socket,
              take: () => {
                const taken = socket.take()
                if (taken !== undefined && taken !== "Ended") read += taken.length
                return taken
              }
            }
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

import { assert, describe, it } from "@effect/vitest"
import { type Duration, Effect, Fiber, Layer, Redacted, TestClock } from "effect"
import * as BrontideTowerTransport from "../../../src/layers/BrontideTowerTransport.js"
import * as SocketPair from "../../../src/layers/testing/SocketPair.js"
import * as LoopbackTower from "../../../src/layers/tower/LoopbackTower.js"
import { BlobType } from "../../../src/schema/BlobType.js"
import * as Chain from "../../../src/schema/Chain.js"
import { ChainHash, HexBytes } from "../../../src/schema/Ids.js"
import { CreateSessionReply } from "../../../src/schema/wire/CreateSessionReply.js"
import { DeleteSession } from "../../../src/schema/wire/DeleteSession.js"
import { ErrorMessage } from "../../../src/schema/wire/ErrorMessage.js"
import { Init } from "../../../src/schema/wire/Init.js"
import { SocketDialer } from "../../../src/services/SocketDialer.js"
import { answersTo, ask, scriptHex, tick, towerKey, withTower } from "./loopback.js"
import {
  chain,
  connect,
  create,
  init,
  publicKeyOf,
  receive,
  secretOf,
  sessionIdOf,
  talk,
  update
} from "./towerClient.js"

describe("creating a session (docs/protocol.md, CreateSession)", () => {
  it.effect("takes the types of its chain, answers once and hangs up", () =>
    Effect.gen(function* () {
      for (const type of [2, 6, 10, 26]) {
        assert.strictEqual(yield* answersTo(create({ blobType: BlobType.make(type) })), "Init 1,3 | 0 0 | end")
      }
    })
  )

  it.effect("refuses every other type with 64", () =>
    Effect.gen(function* () {
      for (const type of [0, 1, 3, 4, 7, 8, 11, 14, 16, 18, 24, 27, 30, 64, 65535]) {
        assert.strictEqual(yield* answersTo(create({ blobType: BlobType.make(type) })), "Init 1,3 | 64 0 | end")
      }
      const request = create({ blobType: BlobType.make(10), sweepFeeRate: 10_000n })
      const decred = new Init({ features: [0], chainHash: Chain.decredMainnet.chainHash })
      const said = yield* withTower((tower) => talk(tower.publicKey, 1, [decred, request]), {
        chain: Chain.decredMainnet
      })
      assert.strictEqual(said, "Init 1,3 | 64 0 | end")
    })
  )

  it.effect("takes no more types than it is told to", () =>
    Effect.gen(function* () {
      const said = yield* answersTo(create({ blobType: BlobType.make(10) }), { blobTypes: [BlobType.make(2)] })
      assert.strictEqual(said, "Init 1,3 | 64 0 | end")
    })
  )

  it.effect("answers a policy that is not valid with 40", () =>
    Effect.gen(function* () {
      for (const change of [
        { sweepFeeRate: 999n },
        { sweepFeeRate: 0n },
        { sweepFeeRate: 1n << 63n },
        { sweepFeeRate: (1n << 64n) - 1n },
        { maxUpdates: 0 },
        { rewardBase: 1 },
        { rewardRate: 1 }
      ]) {
        assert.strictEqual(yield* answersTo(create(change)), "Init 1,3 | 40 0 | end")
      }
      assert.strictEqual(yield* answersTo(create({ sweepFeeRate: 1000n })), "Init 1,3 | 0 0 | end")
      assert.strictEqual(
        yield* answersTo(create({ sweepFeeRate: (1n << 63n) - 1n, maxUpdates: 65_535 })),
        "Init 1,3 | 0 0 | end"
      )
    })
  )

  it.effect("hands out its reward script where rewards are enabled", () =>
    Effect.gen(function* () {
      const reward = create({ blobType: BlobType.make(3), rewardBase: 5, rewardRate: 10 })
      assert.strictEqual(yield* answersTo(reward, { rewardScript: scriptHex }), `Init 1,3 | 0 0 ${scriptHex} | end`)
      assert.strictEqual(yield* answersTo(create(), { rewardScript: scriptHex }), "Init 1,3 | 0 0 | end")
    })
  )

  it.effect("hangs up where its reply would be longer than the daemons write", () =>
    Effect.gen(function* () {
      const reward = create({ blobType: BlobType.make(3) })
      const scripted = (bytes: number) => answersTo(reward, { rewardScript: HexBytes.make("ab".repeat(bytes)) })
      assert.strictEqual(yield* scripted(1022), `Init 1,3 | 0 0 ${"ab".repeat(1022)} | end`)
      assert.strictEqual(yield* scripted(1023), "Init 1,3 | end")
    })
  )

  it.effect("overwrites an unused session, and tells of a used one whatever is asked", () =>
    withTower((tower) =>
      Effect.gen(function* () {
        assert.strictEqual(yield* ask(tower, 1, create({ blobType: BlobType.make(6) })), "Init 1,3 | 0 0 | end")
        assert.strictEqual(yield* ask(tower, 1, create({ sweepFeeRate: 5000n })), "Init 1,3 | 0 0 | end")
        const stored = (yield* tower.sessions).get(sessionIdOf(1))
        assert.deepStrictEqual([stored?.policy.blobType, stored?.policy.sweepFeeRate], [2, 5000n])
        assert.strictEqual(yield* ask(tower, 1, update(1, 0, 1)), "Init 1,3 | 0 1 | end")
        assert.strictEqual(yield* ask(tower, 1, create()), "Init 1,3 | 60 1 | end")
        yield* tower.markUsed(sessionIdOf(1), 300)
        assert.strictEqual(yield* ask(tower, 1, create({ blobType: BlobType.make(0) })), "Init 1,3 | 60 300 | end")
        assert.strictEqual(yield* ask(tower, 2, create()), "Init 1,3 | 0 0 | end")
        assert.sameMembers([...(yield* tower.sessions).keys()], [sessionIdOf(1), sessionIdOf(2)])
      })
    )
  )

  it.effect("does not overwrite a session by a request that it refuses", () =>
    withTower((tower) =>
      Effect.gen(function* () {
        yield* ask(tower, 1, create())
        const before = (yield* tower.sessions).get(sessionIdOf(1))
        assert.strictEqual(yield* ask(tower, 1, create({ maxUpdates: 0 })), "Init 1,3 | 40 0 | end")
        assert.strictEqual(yield* ask(tower, 1, create({ blobType: BlobType.make(1) })), "Init 1,3 | 64 0 | end")
        assert.strictEqual((yield* tower.sessions).get(sessionIdOf(1)), before)
      })
    )
  )

  it.effect("answers a duplicate with a reward the same way, with the stored script once it is used", () =>
    withTower(
      (tower) =>
        Effect.gen(function* () {
          const reward = create({ blobType: BlobType.make(3), rewardRate: 10 })
          assert.strictEqual(yield* ask(tower, 1, reward), `Init 1,3 | 0 0 ${scriptHex} | end`)
          assert.strictEqual(yield* ask(tower, 1, reward), `Init 1,3 | 0 0 ${scriptHex} | end`)
          yield* tower.markUsed(sessionIdOf(1), 1)
          assert.strictEqual(yield* ask(tower, 1, reward), `Init 1,3 | 60 1 ${scriptHex} | end`)
        }),
      { rewardScript: scriptHex }
    )
  )

  it.effect("begins with the sessions that it is given, and tells of each that is created or changed", () =>
    Effect.gen(function* () {
      const told: Array<string> = []
      const first = yield* withTower((tower) => Effect.andThen(ask(tower, 1, create()), tower.sessions))
      const initialSessions = [...first.values()].map((session) => ({ ...session, lastApplied: 7 }))
      yield* withTower(
        (tower) =>
          Effect.gen(function* () {
            assert.strictEqual(yield* ask(tower, 1, create()), "Init 1,3 | 60 7 | end")
            assert.strictEqual(yield* ask(tower, 2, create()), "Init 1,3 | 0 0 | end")
            assert.strictEqual(yield* ask(tower, 2, update(1, 0, 1)), "Init 1,3 | 0 1 | end")
          }),
        {
          initialSessions,
          onSession: ({ id, lastApplied }) => Effect.sync(() => told.push(`${id} ${lastApplied}`))
        }
      )
      assert.deepStrictEqual(told, [`${sessionIdOf(2)} 0`, `${sessionIdOf(2)} 1`])
    })
  )
})

describe("a connection (docs/protocol.md, A connection)", () => {
  it.effect("waits for the client's Init, and takes any features that it knows or that are odd", () =>
    withTower((tower) =>
      Effect.gen(function* () {
        for (const features of [[], [1], [5], [7], [0, 1], [2, 3], [65535]]) {
          const own = new Init({ features, chainHash: chain.chainHash })
          assert.strictEqual(yield* talk(tower.publicKey, 1, [own, create()]), "Init 1,3 | 0 0 | end")
        }
      })
    )
  )

  it.effect("sends its Init and hangs up on another chain and on unknown even bits", () =>
    withTower((tower) =>
      Effect.gen(function* () {
        const other = new Init({ features: [0], chainHash: Chain.bitcoinMainnet.chainHash })
        assert.strictEqual(yield* talk(tower.publicKey, 1, [other, create()]), "Init 1,3 | end")
        const unknown = new Init({ features: [0, 6], chainHash: chain.chainHash })
        assert.strictEqual(yield* talk(tower.publicKey, 1, [unknown, create()]), "Init 1,3 | end")
        assert.strictEqual((yield* tower.sessions).size, 0)
      })
    )
  )

  it.effect("hangs up without a word on anything but Init first, and on anything but a request second", () =>
    withTower((tower) =>
      Effect.gen(function* () {
        const error = new ErrorMessage({ code: 40, data: HexBytes.make("") })
        for (const first of [create(), error, new DeleteSession(), update(1, 0)]) {
          assert.strictEqual(yield* talk(tower.publicKey, 1, [first]), "end")
        }
        for (const second of [
          init,
          error,
          new CreateSessionReply({ code: 0, lastApplied: 0, data: HexBytes.make("") })
        ]) {
          assert.strictEqual(yield* ask(tower, 1, second), "Init 1,3 | end")
        }
      })
    )
  )

  it.effect("is one for each session key: a second is closed without a word, the first untouched", () =>
    withTower((tower) =>
      Effect.scoped(
        Effect.gen(function* () {
          const first = yield* connect(tower.publicKey, 1)
          yield* first.send(init)
          assert.strictEqual(yield* receive(first), "Init 1,3")
          assert.strictEqual(yield* ask(tower, 1, create()), "end")
          assert.strictEqual(yield* ask(tower, 2, create()), "Init 1,3 | 0 0 | end")
          assert.deepStrictEqual(yield* tower.connections, { served: 3, open: 1, refused: 1 })
          yield* first.send(create())
          assert.strictEqual(yield* receive(first), "0 0")
          yield* first.closed
          assert.strictEqual(yield* ask(tower, 1, create()), "Init 1,3 | 0 0 | end")
          assert.deepStrictEqual(yield* tower.connections, { served: 4, open: 0, refused: 1 })
        })
      )
    )
  )

  it.effect("frees the session key when the client hangs up", () =>
    withTower((tower) =>
      Effect.gen(function* () {
        yield* Effect.scoped(connect(tower.publicKey, 1))
        yield* tick
        assert.strictEqual((yield* tower.connections).open, 0)
        assert.strictEqual(yield* ask(tower, 1, create()), "Init 1,3 | 0 0 | end")
      })
    )
  )

  it.effect("ends after 5 s without a handshake and 15 s without a message", () =>
    withTower((tower) =>
      Effect.scoped(
        Effect.gen(function* () {
          const [ours, theirs] = yield* SocketPair.make()
          const mute = yield* Effect.fork(tower.serve(theirs))
          const connection = yield* connect(tower.publicKey, 1)
          const other = yield* connect(tower.publicKey, 2)
          yield* other.send(init)
          assert.strictEqual(yield* receive(other), "Init 1,3")
          yield* TestClock.adjust("4999 millis")
          assert.strictEqual((yield* tower.connections).open, 3)
          yield* TestClock.adjust("1 millis")
          yield* Fiber.join(mute)
          assert.isFalse(yield* ours.send(Uint8Array.of(0)))
          assert.strictEqual((yield* tower.connections).open, 2)
          yield* TestClock.adjust("10 seconds")
          assert.strictEqual((yield* tower.connections).open, 0)
          assert.isTrue(yield* connection.isClosed)
          assert.isTrue(yield* other.isClosed)
        })
      )
    )
  )

  it.effect("is refused to who does not know the tower's key", () =>
    withTower((tower) =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(Effect.scoped(connect(publicKeyOf(99), 1)))
        assert.deepInclude(error, { _tag: "HandshakeFailed", act: 2, reason: "Ended" })
        assert.strictEqual((yield* tower.connections).open, 0)
      })
    )
  )

  it.effect("takes bytes one at a time, and Init and CreateSession together", () =>
    Effect.gen(function* () {
      const tower = yield* LoopbackTower.make({ chain, secretKey: Redacted.make(secretOf(towerKey)) })
      const dialer = Layer.succeed(SocketDialer, SocketPair.dialer(tower.serve, { chunkSize: 1 }))
      const together = Effect.gen(function* () {
        const connection = yield* connect(tower.publicKey, 1)
        yield* connection.send(init)
        yield* connection.send(create())
        return [yield* receive(connection), yield* receive(connection), yield* receive(connection)]
      })
      const came = yield* Effect.provide(Effect.scoped(together), Layer.provide(BrontideTowerTransport.layer(), dialer))
      assert.deepStrictEqual(came, ["Init 1,3", "0 0", "end"])
    })
  )
})

describe("deleting a session (docs/protocol.md, DeleteSession)", () => {
  it.effect("deletes the session of the connection's key and no other", () =>
    withTower((tower) =>
      Effect.gen(function* () {
        yield* ask(tower, 2, create())
        assert.strictEqual(yield* ask(tower, 1, new DeleteSession()), "Init 1,3 | 80 | end")
        assert.strictEqual(yield* ask(tower, 1, create()), "Init 1,3 | 0 0 | end")
        assert.strictEqual(yield* ask(tower, 1, new DeleteSession()), "Init 1,3 | 0 | end")
        assert.deepStrictEqual([...(yield* tower.sessions).keys()], [sessionIdOf(2)])
      })
    )
  )
})

describe("faults", () => {
  it.effect("the reply is lost: the session is there, and the same key gets it again", () =>
    withTower((tower) =>
      Effect.gen(function* () {
        yield* tower.setFault(LoopbackTower.Fault.HangUp({ before: "reply" }))
        assert.strictEqual(yield* ask(tower, 1, create()), "Init 1,3 | end")
        assert.strictEqual((yield* tower.sessions).size, 1)
        yield* tower.setFault(undefined)
        assert.strictEqual(yield* ask(tower, 1, create()), "Init 1,3 | 0 0 | end")
      })
    )
  )

  it.effect("silence before any step, until the client goes", () =>
    withTower((tower) =>
      Effect.gen(function* () {
        const silence = (before: LoopbackTower.Action) => LoopbackTower.Fault.Silent({ before })
        const until = Effect.fn(function* (before: LoopbackTower.Action, wait: Duration.DurationInput) {
          yield* tower.setFault(silence(before))
          const client = yield* Effect.fork(Effect.either(ask(tower, 1, create())))
          yield* TestClock.adjust(wait)
          const said = yield* Fiber.join(client)
          yield* tick
          assert.strictEqual((yield* tower.connections).open, 0)
          return said._tag === "Right" ? said.right : said.left._tag
        })
        assert.strictEqual(yield* until("handshake", "5 seconds"), "HandshakeFailed")
        assert.strictEqual(yield* until("init", "45 seconds"), "MessageTimeout | MessageTimeout | MessageTimeout")
        assert.strictEqual(yield* until("reply", "30 seconds"), "Init 1,3 | MessageTimeout | MessageTimeout")
        assert.strictEqual(yield* until("hangUp", "15 seconds"), "Init 1,3 | 0 0 | MessageTimeout")
      })
    )
  )

  it.effect("another message than was decided, even one that the daemons do not write", () =>
    withTower((tower) =>
      Effect.gen(function* () {
        const reply = new CreateSessionReply({ code: 0, lastApplied: 9, data: HexBytes.make("ab".repeat(2000)) })
        yield* tower.setFault(
          LoopbackTower.Fault.Replace({ with: (decided) => (decided._tag === "Init" ? decided : reply) })
        )
        assert.strictEqual(yield* ask(tower, 1, create()), `Init 1,3 | 0 9 ${"ab".repeat(2000)} | end`)
        const strange = new Init({ features: [100], chainHash: ChainHash.make("09".repeat(32)) })
        yield* tower.setFault(LoopbackTower.Fault.Replace({ with: () => strange }))
        assert.strictEqual(yield* ask(tower, 1, create()), "Init 100 | Init 100 | end")
      })
    )
  )
})

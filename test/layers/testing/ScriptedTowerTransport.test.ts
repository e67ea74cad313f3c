import { assert, describe, it } from "@effect/vitest"
import { Clock, Deferred, Duration, Effect, Fiber, TestClock } from "effect"
import * as ScriptedTowerTransport from "../../../src/layers/testing/ScriptedTowerTransport.js"
import * as TowerScript from "../../../src/layers/testing/TowerScript.js"
import * as VirtualTime from "../../../src/layers/testing/VirtualTime.js"
import { decredMainnet } from "../../../src/schema/Chain.js"
import { HexBytes } from "../../../src/schema/Ids.js"
import type { TowerAddress } from "../../../src/schema/TowerAddress.js"
import { ConnectionEnded, GarbledFrame, MalformedMessage } from "../../../src/schema/TransportError.js"
import { CreateSessionReply } from "../../../src/schema/wire/CreateSessionReply.js"
import { Init } from "../../../src/schema/wire/Init.js"
import {
  address,
  conversation,
  createSession,
  failure,
  init,
  negotiate,
  request,
  run,
  secret,
  tower
} from "./scriptedTowers.js"

describe("a good tower", () => {
  it("takes no time, and hangs up with its reply", () => {
    assert.deepStrictEqual(run(negotiate(ScriptedTowerTransport.make(() => TowerScript.ok))), {
      theirs: new Init({ features: [1, 3], chainHash: decredMainnet.chainHash }),
      reply: new CreateSessionReply({ code: 0, lastApplied: 0, data: HexBytes.make("") }),
      hungUp: true,
      at: 0
    })
  })

  it("takes its latency for the dial, its Init and its reply, and its delays instead", () => {
    const at = (script: TowerScript.Script) =>
      run(Effect.map(negotiate(ScriptedTowerTransport.make(() => script)), (end) => end.at))
    assert.strictEqual(at({ latency: "100 millis" }), 300)
    assert.strictEqual(at({ latency: 100, delays: { dial: 1, actTwo: 20, sendInit: 3, sendCreateSession: 4 } }), 228)
  })

  it("says what the script says", () => {
    const towers = ScriptedTowerTransport.make(() => ({
      init: () => new Init({ features: [3], chainHash: decredMainnet.chainHash }),
      reply: ({ maxUpdates }, dial) =>
        new CreateSessionReply({ code: 60, lastApplied: maxUpdates + dial.number, data: HexBytes.make("ab") })
    }))
    const { theirs, reply } = run(negotiate(towers))
    assert.deepStrictEqual(theirs._tag === "Init" ? theirs.features : [], [3])
    assert.deepStrictEqual(reply, new CreateSessionReply({ code: 60, lastApplied: 1025, data: HexBytes.make("ab") }))
  })

  it("hangs up later, or never", () => {
    const wait = (hangUpAfter: Duration.DurationInput) =>
      run(
        Effect.gen(function* () {
          const { service } = ScriptedTowerTransport.make(() => ({ hangUpAfter }))
          const connection = yield* service.connect(request())
          yield* connection.send(init)
          yield* connection.receive
          yield* connection.send(createSession)
          yield* connection.receive
          const seen = yield* Effect.timeoutOption(connection.closed, "2 seconds")
          return [seen._tag, yield* connection.isClosed, yield* Clock.currentTimeMillis] as const
        }).pipe(Effect.scoped)
      )
    assert.deepStrictEqual(wait(500), ["Some", true, 500])
    assert.deepStrictEqual(wait(5_000), ["None", false, 2_000])
    assert.deepStrictEqual(wait(Duration.infinity), ["None", false, 2_000])
  })

  it("does not speak before the client has", () => {
    const { service } = ScriptedTowerTransport.make(() => TowerScript.ok)
    const early = Effect.scoped(Effect.flatMap(service.connect(request()), (connection) => connection.receive))
    const [failed, at] = run(Effect.all([Effect.flip(early), Clock.currentTimeMillis]))
    assert.deepStrictEqual([failed._tag, at], ["MessageTimeout", 15_000])
  })
})

describe("what can go wrong", () => {
  it("each step fails as the real transport's does, and the tower's end is seen", () => {
    const tags = (["dial", "actTwo", "sendInit", "init", "sendCreateSession", "reply"] as const).map((step) => {
      const { at, endedAt, failed, sent } = failure({ latency: 10, ...TowerScript.failsAt(step) })
      return [step, failed._tag, at, sent?.length, endedAt]
    })
    assert.deepStrictEqual(tags, [
      ["dial", "DialFailed", 10, 0, 10],
      ["actTwo", "HandshakeFailed", 10, 0, 10],
      ["sendInit", "ConnectionEnded", 10, 1, 10],
      ["init", "ConnectionEnded", 20, 1, 20],
      ["sendCreateSession", "ConnectionEnded", 20, 2, 20],
      ["reply", "ConnectionEnded", 30, 2, 30]
    ])
  })

  it("silence lasts as long as the transport waits, and the tower's end is not seen", () => {
    const tags = (["dial", "actTwo", "sendInit", "init", "sendCreateSession", "reply"] as const).map((step) => {
      const { at, endedAt, failed } = failure(TowerScript.silentAt(step))
      return [step, failed._tag, at, endedAt]
    })
    assert.deepStrictEqual(tags, [
      ["dial", "DialFailed", 10_000, undefined],
      ["actTwo", "HandshakeFailed", 5_000, undefined],
      ["sendInit", "MessageTimeout", 15_000, undefined],
      ["init", "MessageTimeout", 15_000, undefined],
      ["sendCreateSession", "MessageTimeout", 15_000, undefined],
      ["reply", "MessageTimeout", 15_000, undefined]
    ])
  })

  it("a step that takes too long is as good as silence", () => {
    assert.deepStrictEqual(
      [failure({ delays: { init: 15_001 } }).at, conversation({ delays: { init: 15_000 } })._tag],
      [15_000, "Right"]
    )
  })

  it("other messages, garbage and malformed messages come as they are", () => {
    const said = conversation(TowerScript.says("init", createSession))
    assert.strictEqual(said._tag === "Left" ? said.left._tag : "", "ConnectionEnded")
    const garbled = (address: TowerAddress) => new GarbledFrame({ address })
    assert.deepStrictEqual(
      failure(TowerScript.at("reply", TowerScript.Move.Fail({ error: garbled }))).failed,
      garbled(address)
    )
    const malformed = (address: TowerAddress) => new MalformedMessage({ address, reason: "UnknownType", type: 16 })
    assert.deepStrictEqual(
      failure(TowerScript.at("init", TowerScript.Move.Fail({ error: malformed }))).failed,
      malformed(address)
    )
  })

  it("nothing goes through after the tower's end", () => {
    const { service } = ScriptedTowerTransport.make(() => TowerScript.says("init", createSession))
    const [received, send, receive] = run(
      Effect.gen(function* () {
        const connection = yield* service.connect(request())
        yield* connection.send(init)
        const received = yield* connection.receive
        return [received, yield* Effect.flip(connection.send(createSession)), yield* Effect.flip(connection.receive)]
      }).pipe(Effect.scoped)
    )
    assert.deepStrictEqual(
      [received, send, receive],
      [createSession, new ConnectionEnded({ address }), new ConnectionEnded({ address })]
    )
  })
})

describe("the handshake", () => {
  it("tells its steps and asks for the ECDH once, before act three", () => {
    const seen: Array<string> = []
    const towers = ScriptedTowerTransport.make(() => TowerScript.ok)
    const note = (what: string) => Effect.sync(() => void seen.push(`${what} ${towers.dials()[0]?.shownAt}`))
    run(
      negotiate(towers, {
        onProgress: note,
        ecdh: (point: string) => Effect.as(note(`ecdh with ${point.slice(0, 8)}`), secret)
      })
    )
    assert.deepStrictEqual(seen, ["connected undefined", "actTwo undefined", "ecdh with 0279be66 undefined"])
    assert.strictEqual(towers.dials()[0]?.shownAt, 0)
  })

  it("ends without act three when the ECDH fails or hangs", () => {
    const towers = ScriptedTowerTransport.make(() => TowerScript.ok)
    const failing = Effect.flip(negotiate(towers, { ecdh: () => Effect.fail("signer away") }))
    const hanging = Effect.timeoutOption(negotiate(towers, { ecdh: () => Effect.never }), "1 second")
    const [failed] = run(Effect.all([failing, hanging]))
    assert.strictEqual(String(failed), "signer away")
    assert.deepStrictEqual(
      towers.dials().map((dial) => [dial.shownAt, dial.closedAt]),
      [
        [undefined, 0],
        [undefined, 1_000]
      ]
    )
    assert.deepStrictEqual(towers.open(), [])
  })
})

describe("the record", () => {
  it("counts the attempts of each tower, and remembers as many as it is told", () => {
    const numbers: Array<number> = []
    const towers = ScriptedTowerTransport.make(
      ({ number }) => {
        numbers.push(number)
        return TowerScript.failsAt("dial")
      },
      { remember: 2 }
    )
    const attempt = (index: number) => Effect.ignore(negotiate(towers, { tower: tower(index) }))
    run(Effect.forEach([1, 1, 2, 1, 2, 2], attempt))
    assert.deepStrictEqual(numbers, [1, 2, 1, 3, 2, 3])
    assert.strictEqual(towers.count(), 6)
    assert.deepStrictEqual(
      towers
        .dials()
        .slice(-2)
        .map((dial) => dial.number),
      [2, 3]
    )
    assert.isAtMost(towers.dials().length, 4)
  })

  it("closes a connection with its scope, at every step", () => {
    for (const step of ["dial", "actTwo", "sendInit", "init", "sendCreateSession", "reply"] as const) {
      const towers = ScriptedTowerTransport.make(() => TowerScript.silentAt(step))
      const time = VirtualTime.make()
      time.run(Effect.timeoutOption(negotiate(towers), "1 second"))
      const [dial] = towers.dials()
      assert.deepStrictEqual([step, dial?.closedAt, towers.open().length, time.timers()], [step, 1_000, 0, 0])
    }
  })

  it.effect("lets a test wait for a dial and hold a step, under TestClock too", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const towers = ScriptedTowerTransport.make(() => ({ delays: { reply: Deferred.await(gate) } }))
      const fiber = yield* Effect.fork(negotiate(towers))
      yield* towers.dialled(1)
      yield* TestClock.adjust("14 seconds")
      assert.strictEqual(towers.open().length, 1)
      yield* Deferred.succeed(gate, undefined)
      assert.strictEqual((yield* Fiber.join(fiber)).at, 14_000)
    })
  )
})

describe("what must not happen with a session key is found", () => {
  const rules = (
    program: (towers: ScriptedTowerTransport.ScriptedTowerTransport) => Effect.Effect<unknown, unknown>,
    script = TowerScript.ok
  ) => {
    const towers = ScriptedTowerTransport.make(() => script)
    run(Effect.ignore(program(towers)))
    return towers.violations().map((violation) => violation.rule)
  }
  const unseen: TowerScript.Script = { hangUpAfter: Duration.infinity }

  it("two live connections with it", () => {
    assert.deepStrictEqual(
      rules((towers) => Effect.all([negotiate(towers), negotiate(towers)], { concurrency: 2 }), { latency: 10 }),
      ["one connection for a key"]
    )
    assert.deepStrictEqual(
      rules((towers) => Effect.all([negotiate(towers), negotiate(towers)])),
      []
    )
  })

  it("shown again too soon", () => {
    const again = (after: Duration.DurationInput) => (towers: ScriptedTowerTransport.ScriptedTowerTransport) =>
      Effect.andThen(negotiate(towers), Effect.delay(negotiate(towers), after))
    assert.deepStrictEqual(rules(again(1_999), unseen), ["a shown key rests"])
    assert.deepStrictEqual(rules(again(2_000), unseen), [])
    assert.deepStrictEqual(rules(again(0)), [])
  })

  it("shown to two towers, unless act three was not written", () => {
    const two = (towers: ScriptedTowerTransport.ScriptedTowerTransport) =>
      Effect.andThen(Effect.ignore(negotiate(towers)), negotiate(towers, { tower: tower(2) }))
    assert.deepStrictEqual(rules(two), ["one tower for a key"])
    assert.deepStrictEqual(rules(two, TowerScript.failsAt("actTwo")), [])
  })
})

import { assert, describe, it } from "@effect/vitest"
import { Cause, Clock, Deferred, Duration, Effect, Exit, Fiber, HashMap, Redacted, Ref, TestClock } from "effect"
import * as FixedKeyRing from "../../../src/layers/testing/FixedKeyRing.js"
import * as ScriptedTowerTransport from "../../../src/layers/testing/ScriptedTowerTransport.js"
import * as TowerScript from "../../../src/layers/testing/TowerScript.js"
import * as VirtualTime from "../../../src/layers/testing/VirtualTime.js"
import * as Sessions from "../../../src/layers/tower/sessions.js"
import { decredMainnet } from "../../../src/schema/Chain.js"
import { HexBytes, Hint, SessionId } from "../../../src/schema/Ids.js"
import * as Policy from "../../../src/schema/Policy.js"
import { TowerAddress } from "../../../src/schema/TowerAddress.js"
import { ConnectionEnded, GarbledFrame, MalformedMessage } from "../../../src/schema/TransportError.js"
import { CreateSession } from "../../../src/schema/wire/CreateSession.js"
import { CreateSessionReply } from "../../../src/schema/wire/CreateSessionReply.js"
import { DeleteSession } from "../../../src/schema/wire/DeleteSession.js"
import { Init } from "../../../src/schema/wire/Init.js"
import type { Message } from "../../../src/schema/wire/Message.js"
import { StateUpdate } from "../../../src/schema/wire/StateUpdate.js"
import { StateUpdateReply } from "../../../src/schema/wire/StateUpdateReply.js"
import type { TowerTransport } from "../../../src/services/TowerTransport.js"

const address = TowerAddress.make("10.0.0.1:9911")
const key = (index: number) => FixedKeyRing.fakeKeyOf({ family: 8, index })
const tower = (index: number) => FixedKeyRing.fakeKeyOf({ family: 9, index })
const secret = Redacted.make(new Uint8Array(32))
const init = new Init({ features: [0], chainHash: decredMainnet.chainHash })
const createSession = new CreateSession(Policy.defaults(decredMainnet))

const request = (overrides: Partial<TowerTransport.ConnectRequest<never>> = {}) => ({
  tower: tower(1),
  address,
  publicKey: key(1),
  ecdh: () => Effect.succeed(secret),
  onProgress: () => Effect.void,
  ...overrides
})

/** What a client does with a tower up to its reply, and how long it took. */
const negotiate = ({ service }: ScriptedTowerTransport.ScriptedTowerTransport, overrides = {}) =>
  Effect.gen(function* () {
    const connection = yield* service.connect(request(overrides))
    yield* connection.send(init)
    const theirs = yield* connection.receive
    yield* connection.send(createSession)
    const reply = yield* connection.receive
    return { theirs, reply, hungUp: yield* connection.isClosed, at: yield* Clock.currentTimeMillis }
  }).pipe(Effect.scoped)

const run = <A, E>(effect: Effect.Effect<A, E>): A =>
  Exit.getOrElse(VirtualTime.run(effect), (cause) => assert.fail(Cause.pretty(cause)))

const conversation = (script: TowerScript.Script) => {
  const towers = ScriptedTowerTransport.make(() => script)
  return run(Effect.either(negotiate(towers)))
}

/** The failure of a conversation and when it came. */
const failure = (script: TowerScript.Script) => {
  const towers = ScriptedTowerTransport.make(() => script)
  const [failed, at] = run(Effect.all([Effect.flip(negotiate(towers)), Clock.currentTimeMillis]))
  const [dial] = towers.dials()
  return { failed, at, sent: dial?.sent.map((message) => message._tag), endedAt: dial?.endedAt }
}

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

describe("a tower with a memory", () => {
  const chain = decredMainnet
  const blob = HexBytes.make("ab".repeat(314))
  const update = (seqNum: number, lastApplied = seqNum - 1) =>
    new StateUpdate({
      seqNum,
      lastApplied,
      isComplete: 0,
      hint: Hint.make(String(seqNum).padStart(32, "0")),
      encryptedBlob: blob
    })
  const words = (message: Message): string =>
    "code" in message ? `${message.code}${"lastApplied" in message ? ` ${message.lastApplied}` : ""}` : message._tag

  /** Sends all of it, then reads until the tower says no more. */
  const talk = (script: TowerScript.Script, ...messages: ReadonlyArray<Message>) =>
    Effect.gen(function* () {
      const connection = yield* ScriptedTowerTransport.make(() => script).service.connect(request())
      yield* Effect.forEach([init, ...messages], (message) => connection.send(message))
      const came: Array<string> = []
      while (came.length <= messages.length) came.push(words(yield* connection.receive))
      return came.slice(1).join(" | ")
    }).pipe(
      Effect.scoped,
      Effect.catchAll(({ _tag }) => Effect.succeed(_tag))
    )
  const seqNums = (memory: TowerScript.Memory) =>
    Effect.map(memory.sessions, (sessions) =>
      Sessions.updatesOf(sessions, SessionId.make(request().publicKey)).map(({ seqNum }) => seqNum)
    )

  /** A memory with the session of the client's key. */
  const withSession = Effect.gen(function* () {
    const memory = TowerScript.memory(chain)
    assert.strictEqual(yield* talk({ memory }, createSession), "0 0")
    return memory
  })

  it("answers by the rules of real towers, and knows its sessions in the next connection", () => {
    run(
      Effect.gen(function* () {
        const memory = TowerScript.memory(chain)
        assert.strictEqual(yield* talk({ memory }, update(1)), "50 0")
        assert.strictEqual(yield* talk({ memory }, createSession), "0 0")
        assert.strictEqual(
          yield* talk({ memory }, update(1), update(2), update(2), update(3, 0)),
          "0 1 | 0 2 | 0 2 | 70 0"
        )
        assert.strictEqual(yield* talk({ memory }, update(4, 2)), "72 0")
        assert.strictEqual(yield* talk({ memory }, createSession), "60 2")
        assert.deepStrictEqual(yield* seqNums(memory), [1, 2])
        assert.strictEqual(yield* talk({ memory }, new DeleteSession()), "0")
        assert.strictEqual(yield* talk({ memory }, new DeleteSession()), "80")
        assert.strictEqual(yield* talk({ memory }, createSession), "0 0")
      })
    )
  })

  it("is put back to an older copy, loses a session, or all", () => {
    run(
      Effect.gen(function* () {
        const memory = yield* withSession
        yield* talk({ memory }, update(1))
        const older = yield* memory.sessions
        yield* talk({ memory }, update(2))
        yield* Ref.set(memory.sessions, older)
        assert.strictEqual(yield* talk({ memory }, createSession), "60 1")
        assert.strictEqual(yield* talk({ memory }, update(3)), "72 0")
        yield* Ref.update(memory.sessions, HashMap.remove(SessionId.make(request().publicKey)))
        assert.strictEqual(yield* talk({ memory }, update(2)), "50 0")
      })
    )
  })

  it("has stored what arrived, also when the client reads no reply", () => {
    run(
      Effect.gen(function* () {
        const memory = yield* withSession
        const script = { memory, latency: "1 second" } as const
        yield* Effect.scoped(
          Effect.gen(function* () {
            const connection = yield* ScriptedTowerTransport.make(() => script).service.connect(request())
            yield* Effect.forEach([init, update(1), update(2)], (message) => connection.send(message))
          })
        )
        assert.deepStrictEqual(yield* seqNums(memory), [1, 2])
        assert.strictEqual(
          yield* talk({ ...script, ...TowerScript.failsAt("updateReply") }, update(3)),
          "ConnectionEnded"
        )
        assert.strictEqual(yield* talk({ memory, ...TowerScript.failsAt("sendUpdate") }, update(4)), "ConnectionEnded")
        assert.deepStrictEqual(yield* seqNums(memory), [1, 2, 3])
        yield* Ref.set(memory.sessions, HashMap.empty())
        assert.strictEqual(yield* talk({ memory, ...TowerScript.failsAt("reply") }, createSession), "ConnectionEnded")
        assert.strictEqual(HashMap.size(yield* memory.sessions), 1)
      })
    )
  })

  it("answers updates that are under way together after one latency, and one after another where each takes a delay", () => {
    const takes = (script: TowerScript.Script) =>
      run(
        Effect.gen(function* () {
          const memory = yield* withSession
          const from = yield* Clock.currentTimeMillis
          assert.strictEqual(yield* talk({ ...script, memory }, update(1), update(2), update(3)), "0 1 | 0 2 | 0 3")
          return (yield* Clock.currentTimeMillis) - from
        })
      )
    // The dial; then its Init and all replies, since all that they answer was sent at once.
    assert.strictEqual(takes({ latency: 100 }), 200)
    assert.strictEqual(takes({ delays: { updateReply: "14 seconds" } }), 42_000)
  })

  it("takes some updates and gives each later one another answer, which is not stored", () => {
    run(
      Effect.gen(function* () {
        const { HangUp, Silence } = TowerScript.Answer
        const rows: ReadonlyArray<readonly [TowerScript.Answer, string, string]> = [
          [TowerScript.refuses(40), "0 1 | 40 0", "ConnectionEnded"],
          [TowerScript.refuses(71), "0 1 | 71 0", "ConnectionEnded"],
          [HangUp(), "ConnectionEnded", "ConnectionEnded"],
          [Silence(), "MessageTimeout", "MessageTimeout"]
        ]
        for (const [answer, one, more] of rows) {
          const memory = yield* withSession
          const script = { memory, ...TowerScript.afterUpdates(1, answer) }
          assert.strictEqual(yield* talk(script, update(1), update(2)), one)
          assert.strictEqual(yield* talk(script, update(1), update(2), update(2)), more)
          assert.deepStrictEqual(yield* seqNums(memory), [1])
        }
      })
    )
  })

  it("lies about what it has stored", () => {
    run(
      Effect.gen(function* () {
        const memory = yield* withSession
        const lies: TowerScript.Script = {
          memory,
          answer: (_, due) =>
            Effect.map(due, (answer) =>
              answer._tag === "Reply" && answer.reply._tag === "StateUpdateReply"
                ? TowerScript.Answer.Reply({ reply: new StateUpdateReply({ ...answer.reply, lastApplied: 65_535 }) })
                : answer
            )
        }
        assert.strictEqual(yield* talk(lies, update(1), update(2)), "0 65535 | 0 65535")
        assert.deepStrictEqual(yield* seqNums(memory), [1, 2])
      })
    )
  })

  it("hangs up on another request between updates, and on a client that was silent for more than 15 s", () => {
    run(
      Effect.gen(function* () {
        const memory = yield* withSession
        assert.strictEqual(yield* talk({ memory }, update(1), createSession), "ConnectionEnded")
        const late = Effect.gen(function* () {
          const connection = yield* ScriptedTowerTransport.make(() => ({ memory })).service.connect(request())
          yield* Effect.forEach([init, update(2)], (message) => connection.send(message))
          yield* Effect.forEach([1, 2], () => connection.receive)
          yield* Effect.sleep("15 seconds")
          yield* connection.send(update(3))
          const reply = yield* connection.receive
          yield* Effect.sleep("15001 millis")
          const error = yield* Effect.flip(connection.send(update(4)))
          return [words(reply), error._tag]
        })
        assert.deepStrictEqual(yield* Effect.scoped(late), ["0 3", "ConnectionEnded"])
      })
    )
  })

  it("keeps the reply for a client that was interrupted while it waited, and for one that waited before it asked", () => {
    run(
      Effect.gen(function* () {
        const memory = yield* withSession
        const replies = Effect.gen(function* () {
          const transport = ScriptedTowerTransport.make(() => ({ memory, delays: { updateReply: "5 seconds" } }))
          const connection = yield* transport.service.connect(request())
          yield* connection.send(init)
          yield* connection.receive
          const waiting = yield* Effect.fork(connection.receive)
          yield* Effect.sleep("3 seconds")
          yield* connection.send(update(1))
          const first = words(yield* Fiber.join(waiting))
          yield* connection.send(update(2))
          const given = yield* Effect.timeoutOption(connection.receive, "4 seconds")
          return [first, given._tag, words(yield* connection.receive)]
        })
        assert.deepStrictEqual(yield* Effect.scoped(replies), ["0 1", "None", "0 2"])
      })
    )
  })

  it("can be told what to say to CreateSession all the same; without a memory it knows no session", () => {
    run(
      Effect.gen(function* () {
        const memory = yield* withSession
        yield* talk({ memory }, update(1))
        assert.strictEqual(yield* talk({ ...TowerScript.replies(60, 65_535), memory }, createSession), "60 65535")
        assert.deepStrictEqual(yield* seqNums(memory), [1])
        assert.strictEqual(yield* talk(TowerScript.ok, update(1)), "50 0")
        assert.strictEqual(yield* talk(TowerScript.ok, new DeleteSession()), "80")
      })
    )
  })
})

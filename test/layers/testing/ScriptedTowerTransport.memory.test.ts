import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, HashMap, Ref } from "effect"
import * as ScriptedTowerTransport from "../../../src/layers/testing/ScriptedTowerTransport.js"
import * as TowerScript from "../../../src/layers/testing/TowerScript.js"
import * as Sessions from "../../../src/layers/tower/sessions.js"
import { decredMainnet } from "../../../src/schema/Chain.js"
import { HexBytes, Hint, SessionId } from "../../../src/schema/Ids.js"
import { DeleteSession } from "../../../src/schema/wire/DeleteSession.js"
import type { Message } from "../../../src/schema/wire/Message.js"
import { StateUpdate } from "../../../src/schema/wire/StateUpdate.js"
import { StateUpdateReply } from "../../../src/schema/wire/StateUpdateReply.js"
import { createSession, init, request, run } from "./scriptedTowers.js"

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

/**
 * How real towers begin, refuse and end connections, and what our transport reports.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Either } from "effect"
import * as NodeSocketDialer from "../../src/layers/NodeSocketDialer.js"
import * as FixedKeyRing from "../../src/layers/testing/FixedKeyRing.js"
import { rewardCommit } from "../../src/schema/BlobType.js"
import * as Chain from "../../src/schema/Chain.js"
import { CreateSession } from "../../src/schema/wire/CreateSession.js"
import { Init } from "../../src/schema/wire/Init.js"
import type { Message } from "../../src/schema/wire/Message.js"
import type { SocketDialer } from "../../src/services/SocketDialer.js"
import * as Client from "./support/client.js"
import * as Gate from "./support/gate.js"
import { note } from "./support/matrix.js"
import * as Outcome from "./support/outcome.js"
import * as Record from "./support/record.js"
import * as Tower from "./support/tower.js"

describe.each(Tower.binaries)("%s", (binary) => {
  const { accepts, chain } = Tower.kinds[binary]
  const { policy } = Client.proposal(chain)
  const ours = (features: ReadonlyArray<number> = [0]) =>
    new Init({ features: [...features], chainHash: chain.chainHash })
  const knowsTaproot = accepts.includes(10)

  it.scopedLive("announces bits 1 and 3, never taproot", (context) =>
    Effect.gen(function* () {
      const tower = yield* Tower.start(binary)
      const { init } = yield* Client.converse(tower, { keyIndex: 1, chain, request: policy })
      assert.deepStrictEqual(init, new Init({ features: [1, 3], chainHash: tower.chainHash }))
      note(context, tower.version, "-", "its Init", "bits 1 and 3")
    })
  )

  it.scopedLive("hangs up at an even feature bit that it does not know, and at no other", (context) =>
    Effect.gen(function* () {
      const tower = yield* Tower.start(binary)
      const accepted = [[], [1], [5], [7], [0, 1], [2, 3], [65_535], ...(knowsTaproot ? [[4], [0, 4]] : [])]
      for (const features of accepted) {
        const { reply } = yield* Client.converse(tower, { keyIndex: 1, chain, features, request: policy })
        assert.strictEqual(Outcome.ofReply(reply), "code 0", `bits ${features}`)
      }
      const refused = [[6], [8], [65_534], ...(knowsTaproot ? [] : [[4], [0, 4]])]
      for (const features of refused) {
        const connection = yield* Client.connect(tower, 1)
        yield* connection.send(ours(features))
        assert.strictEqual((yield* connection.receive)._tag, "Init")
        assert.strictEqual((yield* Effect.flip(connection.receive))._tag, "ConnectionEnded", `bits ${features}`)
      }
      note(context, tower.version, "-", `feature bits ${refused.join("; ")}`, "its Init, then ConnectionEnded")
    })
  )

  it.scopedLive("ends with a reset or a clean end: the same to us, and what it said before is not lost", (context) =>
    Effect.gen(function* () {
      const tower = yield* Tower.start(binary)
      const otherChain = Chain.all.find((candidate) => candidate.chainHash !== chain.chainHash)
      if (otherChain === undefined) return assert.fail("another chain")
      const wrong = new Init({ features: [0], chainHash: otherChain.chainHash })
      const told = (dialer: SocketDialer.Service, messages: ReadonlyArray<Message>) =>
        Effect.scoped(
          Effect.gen(function* () {
            const connection = yield* Client.connect(tower, 1, dialer)
            for (const message of messages) yield* connection.send(message)
            yield* connection.closed
            const first = yield* Effect.either(connection.receive)
            const then = yield* Effect.either(connection.receive)
            return [first, then].map(Either.match({ onLeft: ({ _tag }) => _tag, onRight: ({ _tag }) => _tag }))
          })
        )
      for (let round = 1; round <= 20; round += 1) {
        // All that was sent is read: the tower's end is clean.
        assert.deepStrictEqual(yield* told(NodeSocketDialer.make, [wrong]), ["Init", "ConnectionEnded"])
        // Something lies unread at the tower when it closes: the kernel makes a reset of it.
        const unread = [wrong, new CreateSession(policy)]
        assert.deepStrictEqual(yield* told(Gate.initWithNext, unread), ["Init", "ConnectionEnded"])
        // Our next message is on the way, and meets either end.
        assert.deepStrictEqual(yield* told(NodeSocketDialer.make, unread), ["Init", "ConnectionEnded"])
      }
      note(
        context,
        tower.version,
        "-",
        "wrong chain, clean end and reset, 20 times each",
        "its Init, then ConnectionEnded"
      )
    })
  )

  it.scopedLive("takes Init and CreateSession sent together", (context) =>
    Effect.gen(function* () {
      const tower = yield* Tower.start(binary)
      const connection = yield* Client.connect(tower, 1)
      yield* connection.send(ours())
      yield* connection.send(new CreateSession(policy))
      assert.strictEqual((yield* connection.receive)._tag, "Init")
      assert.strictEqual(Outcome.ofReply(yield* connection.receive), "code 0")
      yield* connection.closed
      note(context, tower.version, 2, "Init and CreateSession at once", "code 0")
    })
  )

  it.scopedLive("closes the second connection of one key without a word, and serves the first", (context) =>
    Effect.gen(function* () {
      const tower = yield* Tower.start(binary)
      const first = yield* Client.connect(tower, 1)
      yield* first.send(ours())
      assert.strictEqual((yield* first.receive)._tag, "Init")

      const second = yield* Client.connect(tower, 1)
      yield* second.closed
      assert.strictEqual((yield* Effect.flip(second.receive))._tag, "ConnectionEnded")

      const client = yield* Client.make()
      yield* client.add(tower)
      const negotiator = yield* client.negotiator(Client.proposal(chain))
      assert.strictEqual(Outcome.ofRound(yield* Effect.either(negotiator.negotiate)), "ConnectionEnded")

      yield* first.send(new CreateSession(policy))
      assert.strictEqual(Outcome.ofReply(yield* first.receive), "code 0")
      yield* first.closed
      const session = yield* negotiator.negotiate
      assert.strictEqual(session.keyIndex, 1)
      assert.lengthOf(yield* tower.sessions, 1)
      note(context, tower.version, 2, "two connections with one key", "ConnectionEnded; the first is served")
    })
  )

  it.scopedLive("does not answer act one for another key than its own", (context) =>
    Effect.gen(function* () {
      const tower = yield* Tower.start(binary)
      const other = yield* Tower.start(binary)
      const client = yield* Client.make()
      yield* client.add({ publicKey: other.publicKey, address: tower.address })
      const negotiator = yield* client.negotiator(Client.proposal(chain))
      assert.strictEqual(Outcome.ofRound(yield* Effect.either(negotiator.negotiate)), "HandshakeFailed(2 Ended)")
      // The key was not shown: it is free again at once.
      yield* client.add(other)
      assert.strictEqual((yield* negotiator.negotiate).keyIndex, 1)
      note(context, tower.version, 2, "wrong tower key", "HandshakeFailed(2 Ended)")
    })
  )

  it.scopedLive("stores the session and never answers: the next visit has it under the same key", (context) =>
    Effect.gen(function* () {
      const silent = yield* Tower.start(binary, { mode: "silent" })
      const client = yield* Client.make()
      yield* client.add(silent)
      const negotiator = yield* client.negotiator(Client.proposal(chain))
      for (let visit = 1; visit <= 3; visit += 1) {
        assert.strictEqual(Outcome.ofRound(yield* Effect.either(negotiator.negotiate)), "ConnectionEnded")
        assert.lengthOf(yield* silent.sessions, 1)
      }
      assert.deepStrictEqual(yield* client.db.listClientSessions(), [])
      yield* silent.kill

      const tower = yield* Tower.start(binary, { folder: silent.folder, listen: silent.address })
      assert.lengthOf(yield* tower.sessions, 1)
      const session = yield* negotiator.negotiate
      assert.strictEqual(session.keyIndex, 1)
      assert.deepStrictEqual(
        (yield* tower.sessions).map((kept) => kept.encoded),
        [Record.encoded(session)]
      )
      note(context, tower.version, 2, "stores and never answers, three times", "ConnectionEnded; one session, same key")
    })
  )

  it.scopedLive("is silent with the connection open: the next visit has another key, the first one rests", (context) =>
    Effect.gen(function* () {
      const tower = yield* Tower.start(binary)
      const dialer = Gate.make({ when: "before", operation: "CreateSession" }, tower.freeze)
      const client = yield* Client.make({ dialer, messageTimeout: "1 second" })
      yield* client.add(tower)
      const negotiator = yield* client.negotiator(Client.proposal(chain))
      const end = yield* Effect.either(negotiator.negotiate)
      yield* tower.thaw
      assert.strictEqual(Outcome.ofRound(end), "MessageTimeout")
      const session = yield* negotiator.negotiate
      assert.strictEqual(session.keyIndex, 2)
      assert.strictEqual((yield* tower.session(session.id)).encoded, Record.encoded(session))
      // Of the key that was given up the tower may hold an unused session, and no more.
      const kept = (yield* tower.sessions).map(({ id }) => id)
      assert.includeMembers([FixedKeyRing.publicKeyOf(1), FixedKeyRing.publicKeyOf(2)], kept)
      note(
        context,
        tower.version,
        2,
        "frozen before CreateSession",
        "MessageTimeout, then a session under the next key"
      )
    })
  )

  it.scopedLive("hands out a reward script where it is built to", (context) =>
    Effect.gen(function* () {
      const tower = yield* Tower.start(binary, { mode: "reward" })
      const client = yield* Client.make()
      yield* client.add(tower)
      const fields = { blobType: rewardCommit, rewardBase: 100, rewardRate: 10_000 }
      const negotiator = yield* client.negotiator(Client.proposal(chain, fields))
      const session = yield* negotiator.negotiate
      const kept = yield* tower.session(session.id)
      assert.strictEqual(session.rewardPkScript, kept.rewardScript)
      assert.strictEqual(kept.encoded, Record.encoded(session))
      const bytes = session.rewardPkScript.length / 2
      // Taproot's script, and that of a public key hash.
      assert.strictEqual(bytes, chain.name === "bitcoin" ? 34 : 25)
      note(context, tower.version, 3, "a tower built to take rewards", `session, script of ${bytes} bytes`)
    })
  )

  it.scopedLive("keeps its sessions over a crash, the used ones as used", (context) =>
    Effect.gen(function* () {
      const first = yield* Tower.start(binary)
      const client = yield* Client.make()
      yield* client.add(first)
      const negotiator = yield* client.negotiator(Client.proposal(chain))
      const session = yield* negotiator.negotiate
      yield* first.use(session.id, 2)
      yield* first.kill
      const tower = yield* Tower.start(binary, { folder: first.folder, listen: first.address })
      assert.strictEqual(tower.publicKey, first.publicKey)
      assert.strictEqual((yield* tower.session(session.id)).encoded, Record.encoded(session, 2, 1))
      const { reply } = yield* Client.converse(tower, { keyIndex: session.keyIndex, chain, request: policy })
      assert.strictEqual(Outcome.ofReply(reply), "code 60, last applied 2")
      assert.strictEqual((yield* negotiator.negotiate).keyIndex, session.keyIndex + 1)
      note(context, tower.version, 2, "killed, restarted on the same database", "code 60, last applied 2; next key")
    })
  )
})

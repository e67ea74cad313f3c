import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Scope, TestClock } from "effect"
import { concat, fromHex, toHex } from "../../../src/internal/bytes.js"
import * as Frame from "../../../src/internal/frame.js"
import type * as Connection from "../../../src/layers/brontide/connection.js"
import * as SocketPair from "../../../src/layers/testing/SocketPair.js"
import { MalformedMessage, MessageTimeout } from "../../../src/schema/TransportError.js"
import * as Codec from "../../../src/schema/wire/Codec.js"
import type { Init } from "../../../src/schema/wire/Init.js"
import { connect, connected, endsAfter, init, same } from "./client.js"
import { accept, address, dialTo, request, takesThen } from "./endpoints.js"

const sendTo = (tower: Connection.BrontideConnection, message: Init) => tower.send(Codec.encode(message))

describe("BrontideTowerTransport", () => {
  describe("messages", () => {
    it.scoped("come in order, both ways at once, over rotations of both keys, cut anyhow", () =>
      Effect.gen(function* () {
        const { client, tower } = yield* connected({ chunkSize: 11, capacity: 1000 })
        const count = 1100
        const numbers = Array.from({ length: count }, (_, i) => i)
        const fromTower = Effect.forEach(numbers, (i) => sendTo(tower, init(i)), { discard: true })
        const fromClient = Effect.forEach(numbers, (i) => client.send(init(i, i + 1)), { discard: true })
        const [, , heard, told] = yield* Effect.all(
          [
            fromTower,
            fromClient,
            Effect.replicateEffect(client.receive, count),
            Effect.replicateEffect(tower.receive, count)
          ],
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(
          heard,
          numbers.map((i) => init(i))
        )
        assert.deepStrictEqual(
          told.map(toHex),
          numbers.map((i) => toHex(Codec.encode(init(i, i + 1))))
        )
      })
    )

    it.scoped("are not mixed when they are sent at the same time", () =>
      Effect.gen(function* () {
        // Each write has to wait for room, several times.
        const { client, tower } = yield* connected({ chunkSize: 3, capacity: 10 })
        const numbers = Array.from({ length: 20 }, (_, i) => i)
        yield* Effect.fork(Effect.forEach(numbers, (i) => client.send(init(i)), { concurrency: "unbounded" }))
        const told = yield* Effect.replicateEffect(tower.receive, numbers.length)
        assert.deepStrictEqual(
          told.map(toHex),
          numbers.map((i) => toHex(Codec.encode(init(i))))
        )
      })
    )

    it.scoped("time out after 15 s from the beginning of the read, also when they drip", () =>
      Effect.gen(function* () {
        const { client, end } = yield* connected()
        yield* TestClock.adjust("1 minute")
        yield* Effect.fork(Effect.forever(Effect.andThen(Effect.sleep("4 seconds"), end.send(new Uint8Array(1)))))
        same(yield* endsAfter(15, Effect.flip(client.receive)), new MessageTimeout({ address, direction: "receive" }))
      })
    )

    it.scoped("time out after 15 s when the tower does not take them", () =>
      Effect.gen(function* () {
        const [ours, theirs] = yield* SocketPair.make({ capacity: 100 })
        // The tower takes the two acts and then reads no more.
        yield* Effect.fork(accept(takesThen(theirs, 2, () => undefined)))
        const client = yield* connect(dialTo(ours), request().request)
        yield* client.send(init())
        same(yield* endsAfter(15, Effect.flip(client.send(init()))), new MessageTimeout({ address, direction: "send" }))
      })
    )

    it.scoped("are read before garbage, also from one chunk, and nothing after it", () =>
      Effect.gen(function* () {
        const [ours, theirs] = yield* SocketPair.make()
        let behind = new Uint8Array(0)
        const spoiling: SocketPair.End = {
          ...theirs,
          write: (bytes, onWritten) => theirs.write(concat(bytes, behind), onWritten)
        }
        const accepting = yield* Effect.fork(accept(spoiling))
        const client = yield* connect(dialTo(ours), request().request)
        const tower = yield* Fiber.join(accepting)
        yield* sendTo(tower, init(1))
        behind = new Uint8Array(200)
        yield* sendTo(tower, init(2))
        behind = new Uint8Array(0)
        yield* sendTo(tower, init(3))
        assert.deepStrictEqual([yield* client.receive, yield* client.receive], [init(1), init(2)])
        for (let i = 0; i < 2; i++) assert.strictEqual((yield* Effect.flip(client.receive))._tag, "GarbledFrame")
        assert.isFalse(yield* client.isClosed)
      })
    )

    it.scoped("of another kind than wtwire's are malformed", () =>
      Effect.gen(function* () {
        const { client, tower } = yield* connected()
        yield* tower.send(fromHex("1234"))
        yield* tower.send(fromHex("0258"))
        yield* tower.send(new Uint8Array(0))
        same(yield* Effect.flip(client.receive), new MalformedMessage({ address, type: 0x1234, reason: "UnknownType" }))
        same(yield* Effect.flip(client.receive), new MalformedMessage({ address, type: 600, reason: "Truncated" }))
        same(yield* Effect.flip(client.receive), new MalformedMessage({ address, reason: "Truncated" }))
      })
    )

    it.scoped("do not outgrow a frame: that is a bug, found before anything is written", () =>
      Effect.gen(function* () {
        const { client, tower } = yield* connected()
        const exit = yield* Effect.exit(tower.send(new Uint8Array(Frame.maxBody + 1)))
        assert.isTrue(Exit.isFailure(exit) && exit.cause._tag === "Die")
        yield* sendTo(tower, init(3))
        assert.deepStrictEqual(yield* client.receive, init(3))
      })
    )
  })

  describe("the end", () => {
    it.scoped("comes after all that had arrived, and stays", () =>
      Effect.gen(function* () {
        const { client, end, tower } = yield* connected({ chunkSize: 5 })
        yield* sendTo(tower, init(1))
        yield* sendTo(tower, init(2))
        yield* end.close
        yield* client.closed
        assert.isTrue(yield* client.isClosed)
        assert.deepStrictEqual([yield* client.receive, yield* client.receive], [init(1), init(2)])
        for (let i = 0; i < 2; i++) assert.strictEqual((yield* Effect.flip(client.receive))._tag, "ConnectionEnded")
        assert.strictEqual((yield* Effect.flip(client.send(init())))._tag, "ConnectionEnded")
        yield* client.closed
      })
    )

    it.scoped("is not seen before it is there", () =>
      Effect.gen(function* () {
        const { client, end } = yield* connected()
        const closed = yield* Effect.fork(client.closed)
        yield* TestClock.adjust("1 hour")
        assert.isNull(closed.unsafePoll())
        assert.isFalse(yield* client.isClosed)
        yield* end.close
        yield* Fiber.join(closed)
      })
    )

    it.scoped("in the middle of a frame is the end", () =>
      Effect.gen(function* () {
        const { client, end } = yield* connected()
        yield* end.send(new Uint8Array(17))
        yield* end.close
        assert.strictEqual((yield* Effect.flip(client.receive))._tag, "ConnectionEnded")
      })
    )

    it.scoped("is not told by a failed write while a message waits to be read", () =>
      Effect.gen(function* () {
        const { client, end, tower } = yield* connected()
        yield* sendTo(tower, init(9))
        yield* end.close
        yield* client.send(init())
        yield* client.send(init())
        assert.deepStrictEqual(yield* client.receive, init(9))
        assert.strictEqual((yield* Effect.flip(client.send(init())))._tag, "ConnectionEnded")
        assert.strictEqual((yield* Effect.flip(client.receive))._tag, "ConnectionEnded")
      })
    )

    it.scoped("loses nothing when who waits for it goes away", () =>
      Effect.gen(function* () {
        const { client, tower } = yield* connected({ chunkSize: 1 })
        const closed = yield* Effect.fork(client.closed)
        yield* Effect.yieldNow()
        yield* Fiber.interrupt(closed)
        yield* sendTo(tower, init(5))
        assert.deepStrictEqual(yield* client.receive, init(5))
      })
    )

    it.scoped("is of both: a tower that reads sees a client that hangs up", () =>
      Effect.gen(function* () {
        const { ours, tower } = yield* connected()
        yield* ours.close
        yield* tower.closed
        assert.strictEqual((yield* Effect.flip(tower.receive))._tag, "ConnectionEnded")
      })
    )

    it.scoped.each([
      ["", false],
      ["it was opened in an uninterruptible region and ", true]
    ] as const)("comes when the scope closes, although %sa message is half read", ([, isUninterruptible]) =>
      Effect.gen(function* () {
        const [ours, theirs] = yield* SocketPair.make()
        const scope = yield* Scope.make()
        const accepting = yield* Effect.fork(accept(theirs))
        const opening = Scope.extend(connect(dialTo(ours), request().request), scope)
        const client = yield* isUninterruptible ? Effect.uninterruptible(opening) : opening
        const tower = yield* Fiber.join(accepting)
        yield* theirs.send(new Uint8Array(3))
        const receiving = yield* Effect.fork(Effect.flip(client.receive))
        yield* Effect.yieldNow()
        const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
        yield* TestClock.adjust(1)
        assert.isNotNull(closing.unsafePoll())
        yield* tower.closed
        assert.strictEqual((yield* Fiber.join(receiving))._tag, "ConnectionEnded")
      })
    )

    const steps = ["connected", "actTwo", "ecdh"] as const
    it.scoped.each(steps.map((step) => [step] as const))(
      "comes at once when connecting is interrupted at %s",
      ([step]) =>
        Effect.gen(function* () {
          const [ours, theirs] = yield* SocketPair.make()
          const accepting = yield* Effect.fork(Effect.flip(accept(theirs)))
          const reached = yield* Deferred.make<void>()
          const stop = Effect.andThen(Deferred.succeed(reached, undefined), Effect.never)
          const wanted = request({
            onProgress: (done) => (done === step ? stop : Effect.void),
            ...(step === "ecdh" && { ecdh: () => stop })
          }).request
          const connecting = yield* Effect.fork(connect(dialTo(ours), wanted))
          yield* Deferred.await(reached)
          yield* Fiber.interrupt(connecting)
          assert.strictEqual((yield* Fiber.join(accepting)).reason, "Ended")
        })
    )
  })

  it.scoped.each([0, 1000])("reads ahead of its taker, but not without bound: bodies of %i bytes", (length) =>
    Effect.gen(function* () {
      const { client, tower } = yield* connected()
      let bytes = 0
      const send = Effect.tap(tower.send(new Uint8Array(length)), () => {
        bytes += length + Frame.overhead
      })
      yield* Effect.fork(Effect.forever(send))
      yield* TestClock.adjust("14 seconds")
      // What the reader keeps, the chunk that took it over its bound, and what the pair holds.
      assert.isAtMost(bytes, 2 * Frame.maxFrame + 2 * 65_536)
      assert.isAbove(bytes, 2 * Frame.maxFrame)
      const before = bytes
      if (length === 0) return
      yield* Effect.replicateEffect(Effect.flip(client.receive), 100)
      yield* TestClock.adjust(1)
      assert.isAbove(bytes, before)
    })
  )

  it.scoped("hands a bug of the socket on to the reader", () =>
    Effect.gen(function* () {
      const [ours, theirs] = yield* SocketPair.make()
      const accepting = yield* Effect.fork(accept(theirs))
      const broken = takesThen(ours, 1, () => {
        throw new Error("a bug")
      })
      const client = yield* connect(dialTo(broken), request().request)
      yield* Fiber.join(accepting)
      const exit = yield* Effect.exit(client.receive)
      assert.isTrue(Exit.isFailure(exit) && exit.cause._tag === "Die")
    })
  )
})

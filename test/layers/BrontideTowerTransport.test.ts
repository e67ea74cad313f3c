import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Equal, Exit, Fiber, Layer, Scope, TestClock } from "effect"
import { concat, fromHex, toHex } from "../../src/internal/bytes.js"
import * as Frame from "../../src/internal/frame.js"
import * as BrontideTowerTransport from "../../src/layers/BrontideTowerTransport.js"
import * as Connection from "../../src/layers/brontide/connection.js"
import * as SocketPair from "../../src/layers/testing/SocketPair.js"
import { bitcoinMainnet } from "../../src/schema/Chain.js"
import { PublicKey } from "../../src/schema/Ids.js"
import { KeyRingError } from "../../src/schema/KeyRingError.js"
import { DialFailed, HandshakeFailed, MalformedMessage, MessageTimeout } from "../../src/schema/TransportError.js"
import * as Codec from "../../src/schema/wire/Codec.js"
import { Init } from "../../src/schema/wire/Init.js"
import { SocketDialer } from "../../src/services/SocketDialer.js"
import { TowerTransport } from "../../src/services/TowerTransport.js"
import {
  accept,
  address,
  dialTo,
  entropy,
  keyOf,
  options,
  rawTower,
  readsThen,
  request,
  towerKey
} from "./brontide.fixtures.js"

const init = (...features: ReadonlyArray<number>) => new Init({ features, chainHash: bitcoinMainnet.chainHash })

const connect = <E>(dialer: SocketDialer.Service, wanted: TowerTransport.ConnectRequest<E>) =>
  Effect.flatMap(TowerTransport, (transport) => transport.connect(wanted)).pipe(
    Effect.provide(Layer.provide(BrontideTowerTransport.layer(), Layer.succeed(SocketDialer, dialer)))
  )

/** Both sides after the handshake: the client with messages, the tower with bodies, and the tower's raw end. */
const connected = (options?: SocketPair.Options) =>
  Effect.gen(function* () {
    const [ours, theirs] = yield* SocketPair.make(options)
    const accepting = yield* Effect.fork(accept(theirs))
    const client = yield* connect(dialTo(ours), request().request)
    return { client, tower: yield* Fiber.join(accepting), end: theirs, ours }
  })

const sendTo = (tower: Connection.BrontideConnection, message: Init) => tower.send(Codec.encode(message))

/** The seconds after which the effect comes to an end by itself; all that is under way is to be waiting for the clock. */
const endsAfter = <A, E, R>(seconds: number, effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(Effect.exit(effect))
    yield* TestClock.adjust(seconds * 1000 - 1)
    assert.isNull(fiber.unsafePoll(), `not before ${seconds} s`)
    yield* TestClock.adjust(1)
    return yield* Effect.flatten(Fiber.join(fiber))
  })

/** By value: a failure of a span is a proxy, which is equal but not the same. */
const same = (actual: unknown, expected: unknown) =>
  assert.isTrue(Equal.equals(actual, expected), `${actual} is not ${expected}`)

const act = (reason: HandshakeFailed["reason"], number: HandshakeFailed["act"]) =>
  new HandshakeFailed({ address, act: number, reason })

describe("BrontideTowerTransport", () => {
  describe("connecting", () => {
    it.scopedLive("tells its steps, asks for the ECDH once, and sends act three with the first message", () =>
      Effect.gen(function* () {
        const [ours, theirs] = yield* SocketPair.make()
        const accepting = yield* Effect.fork(accept(theirs))
        const asked = request()
        const actThree = { log: asked.log }
        const watched: SocketPair.End = {
          ...ours,
          write: (bytes) =>
            Effect.suspend(() => {
              actThree.log.push(`${bytes.length} bytes`)
              return ours.write(bytes)
            })
        }
        const client = yield* connect(dialTo(watched), asked.request)
        yield* client.send(init(1))
        yield* client.send(init(1))
        const frame = Codec.encode(init(1)).length + Frame.overhead
        const writes = [`${66 + frame} bytes`, `${frame} bytes`]
        assert.deepStrictEqual(asked.log, ["connected", "50 bytes", "actTwo", "ecdh", ...writes])
        const tower = yield* Fiber.join(accepting)
        assert.strictEqual(tower.remotePublicKey, asked.request.publicKey)
        assert.deepStrictEqual(yield* tower.receive, Codec.encode(init(1)))
      })
    )

    it.scoped("writes act three alone when nothing is said", () =>
      Effect.gen(function* () {
        const { tower } = yield* connected()
        assert.strictEqual(tower.remotePublicKey, request().request.publicKey)
      })
    )

    it.scoped("has the dialer's route", () =>
      Effect.gen(function* () {
        for (const route of ["tor", "clear"] as const) {
          const dialer = Layer.succeed(SocketDialer, { route, dial: () => Effect.never })
          const transport = yield* Effect.provide(BrontideTowerTransport.make(), dialer)
          assert.strictEqual(transport.route, route)
        }
      })
    )

    it.scoped("says the bytes of the recorded negotiation", () =>
      Effect.gen(function* () {
        const file = JSON.parse(readFileSync(new URL("../fixtures/session-transcripts.json", import.meta.url), "utf8"))
        for (const { clientEphemeralPriv, frames, sessionPriv, towerPub } of file.transcripts) {
          const { dialer, end, source } = yield* rawTower({ chunkSize: 7 })
          const key = keyOf(sessionPriv)
          const wanted = request({ tower: towerPub, publicKey: key.publicKey, ecdh: key.ecdh }).request
          const [one, two, three, ourInit, theirInit, create, reply] = frames
          const tower = yield* Effect.fork(
            Effect.gen(function* () {
              for (const [heard, answer] of [
                [one, two],
                [three, undefined],
                [ourInit, theirInit],
                [create, reply]
              ]) {
                assert.strictEqual(toHex(yield* source.exactly(heard.hex.length / 2)), heard.hex)
                if (answer) yield* end.write(fromHex(answer.hex))
              }
              yield* end.close
            })
          )
          // A secret that is no private key comes first: it is thrown away.
          const client = yield* connect(dialer, wanted).pipe(
            Effect.provide(entropy("00".repeat(32), "ff".repeat(32), clientEphemeralPriv))
          )
          for (const sent of [ourInit, create]) {
            yield* client.send(yield* Codec.decode(fromHex(sent.plaintext)))
            const received = sent === ourInit ? theirInit : reply
            assert.strictEqual(toHex(Codec.encode(yield* client.receive)), received.plaintext)
          }
          yield* client.closed
          yield* Fiber.join(tower)
        }
      })
    )

    it.scoped("gives up the dial after 10 s, by a proxy after 60 s", () =>
      Effect.gen(function* () {
        for (const [route, seconds] of [["clear", 10] as const, ["tor", 60] as const]) {
          const dial = connect({ route, dial: () => Effect.never }, request().request)
          same(yield* endsAfter(seconds, Effect.flip(dial)), new DialFailed({ address, reason: "Timeout" }))
        }
      })
    )

    it.scoped("fails as the dialer said last when the dial takes too long", () =>
      Effect.gen(function* () {
        const late = (reason: DialFailed["reason"]) => new DialFailed({ address, reason })
        const dialer: SocketDialer.Service = {
          route: "clear",
          dial: (_, onProgress) =>
            Effect.gen(function* () {
              onProgress?.(late("NameTimeout"))
              yield* Effect.sleep("1 second")
              onProgress?.(late("ProxyUnavailable"))
              return yield* Effect.never
            })
        }
        same(yield* endsAfter(10, Effect.flip(connect(dialer, request().request))), late("ProxyUnavailable"))
      })
    )

    it.scoped("gives up act two after 5 s, also when it drips, and has not asked for the ECDH", () =>
      Effect.gen(function* () {
        const { dialer, end } = yield* rawTower()
        const asked = request()
        yield* Effect.fork(Effect.forever(Effect.andThen(end.write(new Uint8Array(1)), Effect.sleep(400))))
        const error = yield* endsAfter(5, Effect.flip(connect(dialer, asked.request)))
        same(error, act("Timeout", 2))
        assert.deepStrictEqual(asked.log, ["connected"])
      })
    )

    it.scoped("gives up act three and the first message after 15 s when the tower does not take them", () =>
      Effect.gen(function* () {
        const [ours, theirs] = yield* SocketPair.make({ capacity: 60 })
        // Act one is read; what comes then does not fit, and nobody reads it.
        yield* Effect.fork(accept(readsThen(theirs, 1, Effect.never)))
        const client = yield* connect(dialTo(ours), request().request)
        same(yield* endsAfter(15, Effect.flip(client.send(init()))), new MessageTimeout({ address, direction: "send" }))
      })
    )

    it.scoped("lets the key ring take its time", () =>
      Effect.gen(function* () {
        const [ours, theirs] = yield* SocketPair.make()
        yield* Effect.fork(Connection.accept(theirs, towerKey, { ...options, handshakeTimeout: Duration.minutes(1) }))
        const { ecdh } = request().request
        const slow = request({ ecdh: (point) => Effect.delay(ecdh(point), "30 seconds") }).request
        yield* endsAfter(30, connect(dialTo(ours), slow))
      })
    )

    it.scoped("fails as the key ring does, and hangs up", () =>
      Effect.gen(function* () {
        const [ours, theirs] = yield* SocketPair.make()
        const accepting = yield* Effect.fork(Effect.flip(accept(theirs)))
        const away = new KeyRingError({ operation: "ecdh", detail: "the signer is away" })
        const error = yield* Effect.flip(connect(dialTo(ours), { ...request().request, ecdh: () => away }))
        same(error, away)
        assert.strictEqual((yield* Fiber.join(accepting)).reason, "Ended")
      })
    )

    it.scoped("tells the end of the connection before act two", () =>
      Effect.gen(function* () {
        const { dialer, end, source } = yield* rawTower()
        yield* Effect.fork(Effect.andThen(source.exactly(50), end.close))
        same(yield* Effect.flip(connect(dialer, request().request)), act("Ended", 2))
      })
    )

    it.scoped("tells a tower that is gone when act one is written", () =>
      Effect.gen(function* () {
        const { dialer, end } = yield* rawTower()
        yield* end.close
        same(yield* Effect.flip(connect(dialer, request().request)), act("Ended", 1))
      })
    )

    it.scoped("tells a tower that is gone when act three is written", () =>
      Effect.gen(function* () {
        const [ours, theirs] = yield* SocketPair.make()
        yield* Effect.fork(accept(theirs))
        const { ecdh } = request().request
        const wanted = request({ ecdh: (point) => Effect.tap(ecdh(point), theirs.close) }).request
        const client = yield* connect(dialTo(ours), wanted)
        assert.strictEqual((yield* Effect.flip(client.send(init())))._tag, "ConnectionEnded")
      })
    )

    it.scoped("is refused by a tower of another key", () =>
      Effect.gen(function* () {
        const [ours, theirs] = yield* SocketPair.make()
        const accepting = yield* Effect.fork(Effect.flip(Effect.ensuring(accept(theirs), theirs.close)))
        const asked = request({ tower: keyOf("23".repeat(32)).publicKey })
        same(yield* Effect.flip(connect(dialTo(ours), asked.request)), act("Ended", 2))
        assert.deepStrictEqual(asked.log, ["connected"])
        const refused = yield* Fiber.join(accepting)
        assert.deepStrictEqual([refused.act, refused.reason], [1, "BadMac"])
      })
    )

    it.scoped("refuses a tower's key that is no point", () =>
      Effect.gen(function* () {
        const { dialer } = yield* rawTower()
        const wrong = request({ tower: PublicKey.make(`02${"00".repeat(31)}05`) }).request
        same(yield* Effect.flip(connect(dialer, wrong)), act("BadKey", 1))
      })
    )

    const point = towerKey.publicKey
    it.scoped.each([
      ["BadVersion", `01${point}${"00".repeat(16)}`],
      ["BadKey", `0004${point.slice(2)}${"00".repeat(16)}`],
      ["BadMac", `00${point}${"00".repeat(16)}`]
    ] as const)("refuses an act two with %s, and hangs up at once", ([reason, actTwo]) =>
      Effect.gen(function* () {
        const { dialer, end, source } = yield* rawTower()
        const asked = request()
        yield* end.write(fromHex(actTwo))
        same(yield* Effect.flip(connect(dialer, asked.request)), act(reason, 2))
        assert.deepStrictEqual(asked.log, ["connected"])
        yield* source.exactly(50)
        // The scope of this test is still open; the connection is not.
        assert.strictEqual(yield* Effect.flip(source.next), "Ended")
      })
    )
  })

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
        const [ours, theirs] = yield* SocketPair.make()
        let writes = 0
        // Every other write begins later than it was asked for, as it does when its fiber has to yield.
        const hesitating: SocketPair.End = {
          ...ours,
          write: (bytes) =>
            Effect.suspend(() => (writes++ % 2 === 0 ? Effect.delay(ours.write(bytes), 1) : ours.write(bytes)))
        }
        const accepting = yield* Effect.fork(accept(theirs))
        const connecting = yield* Effect.fork(connect(dialTo(hesitating), request().request))
        yield* TestClock.adjust(1)
        const client = yield* Fiber.join(connecting)
        const tower = yield* Fiber.join(accepting)
        const numbers = Array.from({ length: 20 }, (_, i) => i)
        yield* Effect.fork(Effect.forEach(numbers, (i) => client.send(init(i)), { concurrency: "unbounded" }))
        yield* TestClock.adjust(20)
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
        yield* Effect.fork(Effect.forever(Effect.andThen(Effect.sleep("4 seconds"), end.write(new Uint8Array(1)))))
        same(yield* endsAfter(15, Effect.flip(client.receive)), new MessageTimeout({ address, direction: "receive" }))
      })
    )

    it.scoped("time out after 15 s when the tower does not take them", () =>
      Effect.gen(function* () {
        const [ours, theirs] = yield* SocketPair.make({ capacity: 100 })
        // The tower takes the two acts and then reads no more.
        yield* Effect.fork(accept(readsThen(theirs, 2, Effect.never)))
        const client = yield* connect(dialTo(ours), request().request)
        yield* client.send(init())
        same(yield* endsAfter(15, Effect.flip(client.send(init()))), new MessageTimeout({ address, direction: "send" }))
      })
    )

    it.scoped("are read before garbage, also from one chunk, and nothing after it", () =>
      Effect.gen(function* () {
        const [ours, theirs] = yield* SocketPair.make()
        let behind = new Uint8Array(0)
        const spoiling = { ...theirs, write: (bytes: Uint8Array) => theirs.write(concat(bytes, behind)) }
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
        yield* end.write(new Uint8Array(17))
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
        yield* theirs.write(new Uint8Array(3))
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
      const broken = readsThen(ours, 1, Effect.dieMessage("a bug"))
      const client = yield* connect(dialTo(broken), request().request)
      yield* Fiber.join(accepting)
      const exit = yield* Effect.exit(client.receive)
      assert.isTrue(Exit.isFailure(exit) && exit.cause._tag === "Die")
    })
  )
})

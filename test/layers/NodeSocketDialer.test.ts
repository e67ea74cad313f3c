import * as Net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Either, Exit, Fiber, Layer, Scope } from "effect"
import { concat } from "../../src/internal/bytes.js"
import * as BrontideTowerTransport from "../../src/layers/BrontideTowerTransport.js"
import * as NodeSocketDialer from "../../src/layers/NodeSocketDialer.js"
import * as ByteReader from "../../src/layers/net/byteReader.js"
import * as RawSocket from "../../src/layers/net/rawSocket.js"
import { bitcoinMainnet } from "../../src/schema/Chain.js"
import { TowerAddress } from "../../src/schema/TowerAddress.js"
import * as Codec from "../../src/schema/wire/Codec.js"
import { Init } from "../../src/schema/wire/Init.js"
import type { SocketDialer } from "../../src/services/SocketDialer.js"
import { TowerTransport } from "../../src/services/TowerTransport.js"
import { turnsDuring } from "../support/turnsDuring.js"
import { accept, request } from "./brontide/endpoints.js"
import { closedAddress, event, listen, openSockets, readAll, turns } from "./net/sockets.js"

const { dial } = NodeSocketDialer.make

const text = (value: string) => new TextEncoder().encode(value)

/** All that comes until the end, as text. */
const readText = (socket: SocketDialer.RawSocket) =>
  Effect.map(readAll(socket), (pieces) => new TextDecoder().decode(concat(...pieces)))

describe("NodeSocketDialer", () => {
  it.scopedLive("carries bytes both ways, and hangs up when its scope closes", () =>
    Effect.gen(function* () {
      const { accepted, address } = yield* listen((socket) => socket.pipe(socket))
      const scope = yield* Scope.make()
      const socket = yield* Scope.extend(dial(address), scope)
      assert.isTrue(yield* RawSocket.write(socket, text("hello")))
      assert.deepStrictEqual(yield* ByteReader.make(socket).next, Buffer.from("hello"))
      const closed = yield* Effect.fork(event(yield* accepted, "close"))
      yield* Effect.yieldNow()
      yield* Scope.close(scope, Exit.void)
      yield* Fiber.join(closed)
      assert.isFalse(yield* RawSocket.write(socket, text("more")))
    })
  )

  it.scopedLive("says that no program listens", () =>
    Effect.gen(function* () {
      const before = yield* openSockets
      const address = yield* closedAddress
      const error = yield* Effect.flip(dial(address))
      assert.deepStrictEqual([error._tag, error.reason, error.address], ["DialFailed", "Refused", address])
      assert.strictEqual(yield* openSockets, before)
    })
  )

  it.scopedLive("does not ask the resolver for an onion name", () =>
    Effect.gen(function* () {
      const onion = TowerAddress.make(`${"a".repeat(56)}.onion:9911`)
      const error = yield* Effect.flip(dial(onion))
      assert.strictEqual(error.reason, "NameNotFound")
      assert.isUndefined(error.cause)
    })
  )

  it.scopedLive("leaves no socket behind when a dial is interrupted, although the scope stays open", () =>
    Effect.gen(function* () {
      const { address } = yield* listen((socket) => socket.destroy())
      const before = yield* openSockets
      const dialling = yield* Effect.fork(dial(address))
      yield* Effect.yieldNow()
      assert.isNull(dialling.unsafePoll())
      yield* Fiber.interrupt(dialling)
      assert.strictEqual(yield* openSockets, before)
    })
  )

  it.scopedLive("reads what had arrived before a reset, and then the end", () =>
    Effect.gen(function* () {
      const { accepted, address } = yield* listen()
      const socket = yield* dial(address)
      const peer = yield* accepted
      yield* Effect.async<void>((resume) => {
        peer.write("last words", () => resume(Effect.void))
      })
      peer.resetAndDestroy()
      assert.strictEqual(yield* readText(socket), "last words")
      assert.isFalse(yield* RawSocket.write(socket, text("too late")))
    })
  )

  it.scopedLive("ends for a reader that comes after a reset", () =>
    Effect.gen(function* () {
      const { accepted, address } = yield* listen()
      const socket = yield* dial(address)
      ;(yield* accepted).resetAndDestroy()
      yield* turns(20)
      assert.strictEqual(yield* readText(socket), "")
      assert.isFalse(yield* RawSocket.write(socket, text("too late")))
    })
  )

  /** The kernel has it all before the next line runs: on loopback a write and a reset take effect at once. */
  const saysAndResets = (peer: Net.Socket, last: string | Uint8Array) =>
    Effect.sync(() => {
      peer.write(last)
      peer.resetAndDestroy()
    })

  it.scopedLive("loses nothing that had arrived when a write meets a reset, and then comes to the end", () =>
    Effect.gen(function* () {
      const { accepted, address } = yield* listen()
      const socket = yield* dial(address)
      yield* saysAndResets(yield* accepted, "last words")
      assert.isFalse(yield* RawSocket.write(socket, text("too late")))
      assert.strictEqual(yield* readText(socket), "last words")
      assert.isFalse(yield* RawSocket.write(socket, text("far too late")))
    })
  )

  it.scopedLive("loses nothing when several writes meet a reset and a reader waits already", () =>
    Effect.gen(function* () {
      const { accepted, address } = yield* listen()
      const socket = yield* dial(address)
      const peer = yield* accepted
      const reading = yield* Effect.fork(readText(socket))
      yield* turns(5)
      yield* saysAndResets(peer, "last words")
      const writes = Effect.all(
        [RawSocket.write(socket, text("a")), RawSocket.write(socket, text("b")), RawSocket.write(socket, text("c"))],
        {
          concurrency: "unbounded"
        }
      )
      assert.deepStrictEqual(yield* writes, [false, false, false])
      assert.strictEqual(yield* Fiber.join(reading), "last words")
    })
  )

  it.scopedLive("reads as much after a reset as after a clean end, for any length and any turn of the write", () =>
    Effect.gen(function* () {
      for (const length of [1, 1_000, 40_000]) {
        for (const before of [0, 1, 2, 3, 4]) {
          const { accepted, address } = yield* listen()
          const socket = yield* dial(address)
          const peer = yield* accepted
          yield* saysAndResets(peer, "x".repeat(length))
          if (before > 0) yield* turns(before)
          assert.isFalse(yield* RawSocket.write(socket, text("too late")))
          assert.strictEqual((yield* readText(socket)).length, length)
        }
      }
    })
  )

  it.scopedLive("keeps what was said before a reset for a reader that comes late", () =>
    Effect.gen(function* () {
      const { accepted, address } = yield* listen()
      const socket = yield* dial(address)
      yield* saysAndResets(yield* accepted, "last words")
      yield* turns(20)
      assert.strictEqual(yield* readText(socket), "last words")
    })
  )

  it.scopedLive("loses nothing of what the system holds back when writes that are held back meet a reset", () =>
    Effect.gen(function* () {
      const { accepted, address } = yield* listen((socket) => socket.pause())
      const socket = yield* dial(address)
      const peer = yield* accepted
      const held = new Uint8Array(16 * 1024 * 1024)
      const writing = yield* Effect.fork(
        Effect.all(
          [RawSocket.write(socket, held), RawSocket.write(socket, text("b")), RawSocket.write(socket, text("c"))],
          { concurrency: "unbounded" }
        )
      )
      yield* turns(20)
      // The first is read ahead of the reader, as much as may be; the second stays with the system.
      for (const length of [60_000, 30_000]) {
        peer.write("x".repeat(length))
        yield* turns(20)
      }
      assert.isNull(writing.unsafePoll())
      peer.resetAndDestroy()
      assert.deepStrictEqual(yield* Fiber.join(writing), [false, false, false])
      assert.strictEqual((yield* readText(socket)).length, 90_000)
    })
  )

  it.scopedLive("writes on when the other side has only ended its writing", () =>
    Effect.gen(function* () {
      const { accepted, address } = yield* listen()
      const socket = yield* dial(address)
      const peer = yield* accepted
      peer.end("the end")
      assert.strictEqual(yield* readText(socket), "the end")
      const heard = yield* Effect.fork(
        Effect.async<string>((resume) => {
          peer.once("data", (data) => resume(Effect.succeed(String(data))))
        })
      )
      yield* Effect.yieldNow()
      assert.isTrue(yield* RawSocket.write(socket, text("an answer")))
      assert.strictEqual(yield* Fiber.join(heard), "an answer")
    })
  )

  it.scopedLive("takes no more from the network than its reader does", () =>
    Effect.gen(function* () {
      const { accepted, port } = yield* listen()
      const client = new Net.Socket({ allowHalfOpen: true })
      const socket = yield* NodeSocketDialer.fromSocket(client)
      yield* Effect.async<void>((resume) => {
        client.connect({ host: "127.0.0.1", port }, () => resume(Effect.void))
      })
      const peer = yield* accepted
      const whole = 64 * 1024 * 1024
      peer.end(Buffer.alloc(whole))
      let size = 0
      const readSome = Effect.map(ByteReader.make(socket).next, ({ length }) => {
        size += length
      })
      yield* readSome
      yield* turns(200)
      assert.isAtMost(client.bytesRead - size, 1024 * 1024)
      assert.isAbove(peer.writableLength, 0)
      yield* Effect.option(Effect.forever(readSome))
      assert.strictEqual(size, whole)
    })
  )

  it.scopedLive("holds a writer back while the peer does not read", () =>
    Effect.gen(function* () {
      const { accepted, address } = yield* listen((socket) => socket.pause())
      const socket = yield* dial(address)
      const peer = yield* accepted
      const whole = 64 * 1024 * 1024
      const writing = yield* Effect.fork(RawSocket.write(socket, new Uint8Array(whole)))
      yield* turns(200)
      assert.isNull(writing.unsafePoll())
      peer.resume()
      assert.isTrue(yield* Fiber.join(writing))
    })
  )

  it.scopedLive("lets the event loop turn for each write, however many come in a row", () =>
    Effect.gen(function* () {
      const { address } = yield* listen((socket) => socket.resume())
      const socket = yield* dial(address)
      const writes = 100
      const turned = yield* turnsDuring(Effect.replicateEffect(RawSocket.write(socket, text("x")), writes))
      assert.isAtLeast(turned, writes)
    })
  )

  it.scopedLive("tells a writer that is held back of the end", () =>
    Effect.gen(function* () {
      const { accepted, address } = yield* listen((socket) => socket.pause())
      const socket = yield* dial(address)
      const writing = yield* Effect.fork(RawSocket.write(socket, new Uint8Array(64 * 1024 * 1024)))
      const peer = yield* accepted
      yield* turns(20)
      peer.resetAndDestroy()
      assert.isFalse(yield* Fiber.join(writing))
    })
  )

  const overTcp = Layer.provide(BrontideTowerTransport.layer(), NodeSocketDialer.layer)

  it.scopedLive.each([
    ["by reset", (socket: Net.Socket) => socket.resetAndDestroy()],
    ["cleanly", (socket: Net.Socket) => socket.end()]
  ] as const)(
    "a tower that ends the connection %s while our next message is on the way fails alike, and what it had sent is read",
    ([, hangUp]) =>
      Effect.gen(function* () {
        const { accepted, address } = yield* listen()
        const init = new Init({ features: [1], chainHash: bitcoinMainnet.chainHash })
        const peer = yield* Effect.fork(accepted)
        const tower = yield* Effect.fork(
          Effect.flatMap(Effect.flatMap(Fiber.join(peer), NodeSocketDialer.fromSocket), (raw) => accept(raw))
        )
        const transport = yield* TowerTransport
        const client = yield* transport.connect(request({ address }).request)
        yield* (yield* Fiber.join(tower)).send(Codec.encode(init))
        hangUp(yield* Fiber.join(peer))
        // The end came first: the message meets it.
        const sent = yield* Effect.either(client.send(init))
        assert.deepStrictEqual(Codec.encode(yield* client.receive), Codec.encode(init))
        assert.strictEqual((yield* Effect.flip(client.receive))._tag, "ConnectionEnded")
        assert.isTrue(Either.isRight(sent))
        yield* client.closed
      }).pipe(Effect.provide(overTcp))
  )

  it.scopedLive("carries a brontide connection", () =>
    Effect.gen(function* () {
      const { accepted, address } = yield* listen()
      const init = (feature: number) => new Init({ features: [feature], chainHash: bitcoinMainnet.chainHash })
      const tower = yield* Effect.fork(
        Effect.gen(function* () {
          const connection = yield* accept(yield* NodeSocketDialer.fromSocket(yield* accepted))
          yield* Effect.replicateEffect(Effect.flatMap(connection.receive, connection.send), 600)
        }).pipe(Effect.scoped)
      )
      const transport = yield* TowerTransport
      const client = yield* transport.connect(request({ address }).request)
      for (let i = 0; i < 600; i++) {
        yield* client.send(init(i))
        assert.deepStrictEqual(Codec.encode(yield* client.receive), Codec.encode(init(i)))
      }
      yield* client.closed
      yield* Fiber.join(tower)
    }).pipe(Effect.provide(overTcp))
  )
})

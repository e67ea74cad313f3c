import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, FastCheck, Fiber, Scope } from "effect"
import { concat } from "../../../src/internal/bytes.js"
import * as ByteReader from "../../../src/layers/net/byteReader.js"
import * as RawSocket from "../../../src/layers/net/rawSocket.js"
import * as SocketPair from "../../../src/layers/testing/SocketPair.js"
import { TowerAddress } from "../../../src/schema/TowerAddress.js"
import { readAll } from "../net/sockets.js"

const settle = Effect.repeatN(Effect.yieldNow(), 20)

describe("SocketPair", () => {
  it.effect.prop(
    "carries all bytes in order, in chunks of the size that was asked for",
    {
      writes: FastCheck.array(FastCheck.uint8Array({ maxLength: 40 }), { maxLength: 10 }),
      chunkSize: FastCheck.integer({ min: 1, max: 20 }),
      capacity: FastCheck.integer({ min: 1, max: 60 })
    },
    ({ capacity, chunkSize, writes }) =>
      Effect.gen(function* () {
        const [a, b] = yield* SocketPair.make({ chunkSize, capacity })
        const reading = yield* Effect.fork(readAll(b))
        for (const bytes of writes) assert.isTrue(yield* a.send(bytes))
        yield* a.close
        const chunks = yield* Fiber.join(reading)
        assert.deepStrictEqual(concat(...chunks), concat(...writes))
        assert.isTrue(chunks.every(({ length }) => length > 0 && length <= chunkSize))
      })
  )

  it.effect("holds a writer back until its bytes fit", () =>
    Effect.gen(function* () {
      const [a, b] = yield* SocketPair.make({ capacity: 4 })
      assert.isTrue(yield* a.send(new Uint8Array(4)))
      const writing = yield* Effect.fork(a.send(new Uint8Array(3)))
      yield* settle
      assert.isNull(writing.unsafePoll())
      yield* b.read
      assert.isTrue(yield* Fiber.join(writing))
    })
  )

  it.effect("closes both ways: what was written is read, what comes later is refused", () =>
    Effect.gen(function* () {
      const [a, b] = yield* SocketPair.make()
      yield* a.send(new Uint8Array([1]))
      yield* b.send(new Uint8Array([2]))
      yield* a.close
      assert.isFalse(yield* b.send(new Uint8Array([3])))
      assert.isFalse(yield* a.send(new Uint8Array([3])))
      assert.deepStrictEqual(yield* readAll(b), [new Uint8Array([1])])
      assert.deepStrictEqual(yield* readAll(a), [])
    })
  )

  it.effect("closes under a writer that is held back, and under a reader that waits", () =>
    Effect.gen(function* () {
      const [a, b] = yield* SocketPair.make({ capacity: 1 })
      const writing = yield* Effect.fork(a.send(new Uint8Array(2)))
      const reading = yield* Effect.fork(readAll(a))
      yield* settle
      yield* b.close
      assert.isFalse(yield* Fiber.join(writing))
      assert.deepStrictEqual(yield* Fiber.join(reading), [])
    })
  )

  it.effect("ends one way only when it is closed by half", () =>
    Effect.gen(function* () {
      const [a, b] = yield* SocketPair.make()
      yield* a.halfClose
      assert.deepStrictEqual(yield* readAll(b), [])
      assert.isTrue(yield* b.send(new Uint8Array([1])))
      yield* b.close
      assert.deepStrictEqual(yield* readAll(a), [new Uint8Array([1])])
    })
  )

  it.effect("dials a server, and hangs up when the dial's scope closes", () =>
    Effect.gen(function* () {
      const address = TowerAddress.make("tower.test:1")
      const served: Array<string> = []
      const dialer = SocketPair.dialer((end, dialled) =>
        Effect.asVoid(Effect.sync(() => served.push(dialled)).pipe(Effect.andThen(end.send(new Uint8Array([7])))))
      )
      const scope = yield* Scope.make()
      const socket = yield* Scope.extend(dialer.dial(address), scope)
      assert.deepStrictEqual(yield* ByteReader.make(socket).next, new Uint8Array([7]))
      yield* Scope.close(scope, Exit.void)
      assert.isFalse(yield* RawSocket.write(socket, new Uint8Array([1])))
      assert.deepStrictEqual(served, [address])
    })
  )
})

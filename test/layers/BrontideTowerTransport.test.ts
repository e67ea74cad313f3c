import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Layer } from "effect"
import { fromHex, toHex } from "../../src/internal/bytes.js"
import * as Frame from "../../src/internal/frame.js"
import * as BrontideTowerTransport from "../../src/layers/BrontideTowerTransport.js"
import * as Connection from "../../src/layers/brontide/connection.js"
import * as SocketPair from "../../src/layers/testing/SocketPair.js"
import { PublicKey } from "../../src/schema/Ids.js"
import { KeyRingError } from "../../src/schema/KeyRingError.js"
import { DialFailed, HandshakeFailed, MessageTimeout } from "../../src/schema/TransportError.js"
import * as Codec from "../../src/schema/wire/Codec.js"
import { SocketDialer } from "../../src/services/SocketDialer.js"
import { connect, connected, endsAfter, init, same } from "./brontide/client.js"
import {
  accept,
  address,
  dialTo,
  entropy,
  keyOf,
  options,
  rawTower,
  request,
  takesThen,
  towerKey
} from "./brontide/endpoints.js"

const act = (reason: HandshakeFailed["reason"], number: HandshakeFailed["act"]) =>
  new HandshakeFailed({ address, act: number, reason })

describe("BrontideTowerTransport", () => {
  describe("connecting", () => {
    it.scopedLive("reports its steps, asks for the ECDH once, and sends act three with the first message", () =>
      Effect.gen(function* () {
        const [ours, theirs] = yield* SocketPair.make()
        const accepting = yield* Effect.fork(accept(theirs))
        const asked = request()
        const actThree = { log: asked.log }
        const watched: SocketPair.End = {
          ...ours,
          write: (bytes, onWritten) => {
            actThree.log.push(`${bytes.length} bytes`)
            ours.write(bytes, onWritten)
          }
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
                if (answer) yield* end.send(fromHex(answer.hex))
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

    it.scoped("gives up a proxy that has not taken the address after 10 s, and the tower behind one after 60 s", () =>
      Effect.gen(function* () {
        const late = (reason: DialFailed["reason"]) => new DialFailed({ address, reason })
        const dialer = (asksAfter: Duration.DurationInput): SocketDialer.Service => ({
          route: "tor",
          dial: (_, onProgress) =>
            Effect.gen(function* () {
              onProgress?.(late("ProxyUnavailable"))
              yield* Effect.sleep(asksAfter)
              onProgress?.(late("Timeout"))
              return yield* Effect.never
            })
        })
        const dial = (asksAfter: Duration.DurationInput, options?: BrontideTowerTransport.Options) =>
          Effect.flip(connect(dialer(asksAfter), request().request, options))
        same(yield* endsAfter(10, dial("11 seconds")), late("ProxyUnavailable"))
        same(yield* endsAfter(60, dial("9 seconds")), late("Timeout"))
        same(yield* endsAfter(4, dial("5 seconds", { dialTimeout: "4 seconds" })), late("ProxyUnavailable"))
        same(yield* endsAfter(10, dial("11 seconds", { dialTimeout: Duration.infinity })), late("ProxyUnavailable"))
      })
    )

    it.scoped("gives up act two after 5 s, also when it drips, and has not asked for the ECDH", () =>
      Effect.gen(function* () {
        const { dialer, end } = yield* rawTower()
        const asked = request()
        yield* Effect.fork(Effect.forever(Effect.andThen(end.send(new Uint8Array(1)), Effect.sleep(400))))
        const error = yield* endsAfter(5, Effect.flip(connect(dialer, asked.request)))
        same(error, act("Timeout", 2))
        assert.deepStrictEqual(asked.log, ["connected"])
      })
    )

    it.scoped("gives up act three and the first message after 15 s when the tower does not take them", () =>
      Effect.gen(function* () {
        const [ours, theirs] = yield* SocketPair.make({ capacity: 60 })
        // Act one is read; what comes then does not fit, and is not read.
        yield* Effect.fork(accept(takesThen(theirs, 1, () => undefined)))
        const client = yield* connect(dialTo(ours), request().request)
        same(yield* endsAfter(15, Effect.flip(client.send(init()))), new MessageTimeout({ address, direction: "send" }))
      })
    )

    it.scoped("lets the key ring take its time", () =>
      Effect.gen(function* () {
        const [ours, theirs] = yield* SocketPair.make()
        yield* Effect.fork(
          Connection.accept(theirs, towerKey, { ...(yield* options), handshakeTimeout: Duration.minutes(1) })
        )
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

    it.scoped("reports the end of the connection before act two", () =>
      Effect.gen(function* () {
        const { dialer, end, source } = yield* rawTower()
        yield* Effect.fork(Effect.andThen(source.exactly(50), end.close))
        same(yield* Effect.flip(connect(dialer, request().request)), act("Ended", 2))
      })
    )

    it.scoped("reports a tower that has closed when act one is written", () =>
      Effect.gen(function* () {
        const { dialer, end } = yield* rawTower()
        yield* end.close
        same(yield* Effect.flip(connect(dialer, request().request)), act("Ended", 1))
      })
    )

    it.scoped("reports a tower that has closed when act three is written", () =>
      Effect.gen(function* () {
        const [ours, theirs] = yield* SocketPair.make()
        yield* Effect.fork(accept(theirs))
        const { ecdh } = request().request
        const wanted = request({ ecdh: (point) => Effect.tap(ecdh(point), theirs.close) }).request
        const client = yield* connect(dialTo(ours), wanted)
        assert.strictEqual((yield* Effect.flip(client.send(init())))._tag, "ConnectionEnded")
      })
    )

    it.scoped("is given up by a tower that gets no act three for 5 s", () =>
      Effect.gen(function* () {
        const [ours, theirs] = yield* SocketPair.make()
        let writes = 0
        const silent: SocketPair.End = {
          ...ours,
          write: (bytes, onWritten) => (writes++ === 0 ? ours.write(bytes, onWritten) : onWritten(true))
        }
        yield* Effect.fork(connect(dialTo(silent), request().request))
        const { act, reason } = yield* endsAfter(5, Effect.flip(accept(theirs)))
        assert.deepStrictEqual([act, reason], [3, "Timeout"])
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
        yield* end.send(fromHex(actTwo))
        same(yield* Effect.flip(connect(dialer, asked.request)), act(reason, 2))
        assert.deepStrictEqual(asked.log, ["connected"])
        yield* source.exactly(50)
        // The scope of this test is still open; the connection is not.
        assert.strictEqual(yield* Effect.flip(source.next), "Ended")
      })
    )
  })
})

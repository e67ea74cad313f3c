import * as Net from "node:net"
import { assert, describe, it, vi } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { toHex } from "../../src/internal/bytes.js"
import * as NodeSocketDialer from "../../src/layers/NodeSocketDialer.js"
import * as ByteReader from "../../src/layers/net/byteReader.js"
import * as RawSocket from "../../src/layers/net/rawSocket.js"
import * as Layers from "../../src/layers/SocksSocketDialer.js"
import { TowerAddress } from "../../src/schema/TowerAddress.js"
import { entropy } from "./brontide/endpoints.js"
import { namesResolved } from "./net/namesResolved.js"
import { closedAddress, listen, openSockets, turns } from "./net/sockets.js"
import { granted, proxy, rawProxy, type Script, type Status } from "./net/socksProxy.js"

/** Dialers whose options are right. */
const SocksSocketDialer = { make: (options: Layers.Options) => Effect.runSync(Layers.make(options)) }

const onion = TowerAddress.make(`${"a".repeat(56)}.onion:9911`)
const text = (value: string) => new TextEncoder().encode(value)
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

/** Dials an echo server, says hello, and reads it back. */
const greets = (options: Layers.Options, address: TowerAddress) =>
  Effect.gen(function* () {
    const socket = yield* SocksSocketDialer.make(options).dial(address)
    assert.isTrue(yield* RawSocket.write(socket, text("hello")))
    const source = ByteReader.make(socket)
    assert.strictEqual(textOf(yield* source.exactly(5)), "hello")
  })

const echo = listen((socket) => socket.pipe(socket))

describe("SocksSocketDialer, with the proxy of a library", () => {
  it.scopedLive.each([
    ["an onion name", onion, onion],
    ["a host name", "tower.example:1", "tower.example:1"],
    ["an IPv4 address", "192.0.2.7:65535", "192.0.2.7:65535"],
    ["an IPv6 address", "[2001:db8::a0b:1]:256", "2001:0db8:0000:0000:0000:0000:0a0b:0001:256"]
  ] as const)("the proxy is asked for %s as it is written, and the resolver for nothing", ([, address, seen]) =>
    Effect.gen(function* () {
      const resolved = yield* namesResolved
      // The resolver is watched: a direct dial of a name is seen.
      yield* Effect.option(NodeSocketDialer.make.dial(TowerAddress.make("watched.invalid:1")))
      const before = resolved()
      assert.include(before, "watched.invalid")
      const { port } = yield* echo
      const { options, visits } = yield* proxy(() => port)
      yield* greets(options, TowerAddress.make(address))
      assert.deepStrictEqual(
        visits.map(({ target }) => target),
        [seen]
      )
      assert.deepStrictEqual(resolved(), before)
    })
  )

  it.scopedLive("two attempts never share a user name, whether they fail or not, one after another or at once", () =>
    Effect.gen(function* () {
      const { port } = yield* echo
      const { options, visits } = yield* proxy((target) => (target === onion ? "HOST_UNREACHABLE" : port))
      const dialer = SocksSocketDialer.make(options)
      const dials = [onion, TowerAddress.make("tower.example:1"), onion].map((address) =>
        Effect.either(Effect.scoped(dialer.dial(address)))
      )
      yield* Effect.all(dials)
      yield* Effect.all([...dials, ...dials], { concurrency: "unbounded" })
      const names = visits.flatMap(({ password, user }) => [user, password])
      assert.strictEqual(names.length, 18)
      for (const name of names) assert.match(name, /^[0-9a-f]{32}$/)
      assert.strictEqual(new Set(names).size, 18)
    })
  )

  it.scopedLive("takes its names from the source of randomness", () =>
    Effect.gen(function* () {
      const { port } = yield* echo
      const { options, visits } = yield* proxy(() => port)
      yield* Effect.provide(greets(options, onion), entropy("aa".repeat(16), "bb".repeat(16)))
      assert.deepStrictEqual(visits, [{ user: "aa".repeat(16), password: "bb".repeat(16), target: onion }])
    })
  )

  it.scopedLive.each([
    ["GENERAL_FAILURE", "Proxy"],
    ["CONNECTION_NOT_ALLOWED", "Proxy"],
    ["NETWORK_UNREACHABLE", "Unreachable"],
    ["HOST_UNREACHABLE", "Unreachable"],
    ["CONNECTION_REFUSED", "Refused"],
    ["TTL_EXPIRED", "Timeout"],
    ["COMMAND_NOT_SUPPORTED", "Proxy"],
    ["ADDRESS_TYPE_NOT_SUPPORTED", "Proxy"]
  ] as const satisfies ReadonlyArray<readonly [Status, string]>)("tells %s as %s", ([status, reason]) =>
    Effect.gen(function* () {
      const { options } = yield* proxy(() => status)
      const error = yield* Effect.flip(SocksSocketDialer.make(options).dial(onion))
      assert.deepStrictEqual([error._tag, error.address, error.reason], ["DialFailed", onion, reason])
    })
  )

  it.scopedLive("tells a target where no program listens", () =>
    Effect.gen(function* () {
      const port = Number((yield* closedAddress).split(":")[1])
      const { options } = yield* proxy(() => port)
      assert.strictEqual((yield* Effect.flip(SocksSocketDialer.make(options).dial(onion))).reason, "Refused")
    })
  )

  it.scopedLive("tells a login that is refused, and shows neither name nor password", () =>
    Effect.gen(function* () {
      const names: Array<string> = []
      const { options, visits } = yield* proxy(
        () => "GENERAL_FAILURE",
        (...login) => {
          names.push(...login)
          return false
        }
      )
      const error = yield* Effect.flip(SocksSocketDialer.make(options).dial(onion))
      assert.strictEqual(error.reason, "ProxyUnavailable")
      assert.deepStrictEqual(visits, [])
      assert.strictEqual(names.length, 2)
      for (const name of names) assert.notInclude(`${error} ${JSON.stringify(error)}`, name)
    })
  )

  it.scopedLive("reads what the tower had said before its end, and then the end", () =>
    Effect.gen(function* () {
      const { accepted, port } = yield* listen()
      const { options } = yield* proxy(() => port)
      const socket = yield* SocksSocketDialer.make(options).dial(onion)
      const source = ByteReader.make(socket)
      ;(yield* accepted).end("last words")
      assert.strictEqual(textOf(yield* source.exactly(10)), "last words")
      assert.strictEqual(yield* Effect.flip(source.next), "Ended")
    })
  )
})

describe("SocksSocketDialer, with proxies that no library would make", () => {
  it.scopedLive.each([
    ["127.0.0.1:9911", "017f00000126b7"],
    ["[2001:db8::a0b:1]:256", "0420010db800000000000000000a0b00010100"],
    ["[::]:1", `04${"00".repeat(16)}0001`],
    ["[1:2:3:4:5:6:7:8]:65535", "0400010002000300040005000600070008ffff"],
    ["[fe80::]:80", `04fe80${"00".repeat(14)}0050`],
    ["tower.example:9911", `030d${toHex(text("tower.example"))}26b7`],
    [onion, `033e${toHex(text(onion.slice(0, -5)))}26b7`]
  ] as const)("says the messages of SOCKS5 for %s", ([address, target]) =>
    Effect.gen(function* () {
      const { heard, options } = yield* rawProxy(granted)
      const dial = SocksSocketDialer.make(options).dial(TowerAddress.make(address))
      yield* Effect.provide(dial, entropy("aa".repeat(16), "bb".repeat(16)))
      const name = (byte: string) => `20${toHex(text(byte.repeat(16)))}`
      assert.deepStrictEqual(heard, ["050102", `01${name("aa")}${name("bb")}`, `050100${target}`])
    })
  )

  it.scopedLive("asks no proxy for a name that SOCKS5 cannot say", () =>
    Effect.gen(function* () {
      const { heard, options } = yield* rawProxy(granted)
      const address = TowerAddress.make(`${"a".repeat(256)}:1`)
      const error = yield* Effect.flip(SocksSocketDialer.make(options).dial(address))
      assert.deepStrictEqual([error.address, error.reason], [address, "NameNotFound"])
      assert.deepStrictEqual(heard, [])
    })
  )

  it.scopedLive.each([
    ["an IPv4 address", "0500000101020304ffff"],
    ["a name", "050000030474657374ffff"],
    ["a name without letters", "0500000300ffff"],
    ["the longest name", `05000003ff${"61".repeat(255)}ffff`],
    ["an IPv6 address", `05000004${"01".repeat(16)}ffff`]
  ] as const)("loses no byte that comes right behind a reply with %s", ([, reply]) =>
    Effect.gen(function* () {
      for (const bytewise of [false, true]) {
        for (const ends of [undefined, "cleanly"] as const) {
          const early = "early ".repeat(2_000)
          const { options } = yield* rawProxy({ ...granted, reply: `${reply}${toHex(text("x"))}`, bytewise, ends })
          const whole = yield* rawProxy({ ...granted, reply: `${reply}${toHex(text(early))}`, ends })
          const source = ByteReader.make(yield* SocksSocketDialer.make(options).dial(onion))
          assert.strictEqual(textOf(yield* source.exactly(1)), "x")
          const late = yield* SocksSocketDialer.make(whole.options).dial(onion)
          // Also for a reader that comes later.
          yield* turns(20)
          const lateSource = ByteReader.make(late)
          assert.strictEqual(textOf(yield* lateSource.exactly(early.length)), early)
          if (ends !== undefined) assert.strictEqual(yield* Effect.flip(lateSource.next), "Ended")
        }
      }
    })
  )

  it.scopedLive("loses no byte behind the reply when the proxy then ends by reset, and comes to the end", () =>
    Effect.gen(function* () {
      const { accepted, options } = yield* rawProxy({ ...granted, reply: `${granted.reply}${toHex(text("early"))}` })
      const socket = yield* SocksSocketDialer.make(options).dial(onion)
      ;(yield* accepted).resetAndDestroy()
      yield* turns(20)
      assert.isFalse(yield* RawSocket.write(socket, text("too late")))
      const source = ByteReader.make(socket)
      assert.strictEqual(textOf(yield* source.exactly(5)), "early")
      assert.strictEqual(yield* Effect.flip(source.next), "Ended")
    })
  )

  it.scopedLive.each([
    ["no authentication", "0500"],
    ["no authentication, and a reply behind it", `0500${granted.reply}`],
    ["GSSAPI", "0501"],
    ["nothing that was offered", "05ff"],
    ["another version", "0402"]
  ] as const)("does not go on with a proxy that chooses %s: it is told neither name nor target", ([, method]) =>
    Effect.gen(function* () {
      for (const bytewise of [false, true]) {
        const { heard, options, serving } = yield* rawProxy({ method, bytewise })
        const error = yield* Effect.flip(SocksSocketDialer.make(options).dial(onion))
        assert.deepStrictEqual([error._tag, error.reason], ["DialFailed", "ProxyUnavailable"])
        // The proxy has seen the end: there is nothing more that it could hear.
        yield* Fiber.join(serving)
        assert.deepStrictEqual(heard, ["050102"])
      }
    })
  )

  const refusing = (code: string): Script => ({ ...granted, reply: `05${code}0001000000000000` })
  it.scopedLive.each([
    ["refused", refusing("05"), "Refused"],
    ["network unreachable", refusing("03"), "Unreachable"],
    ["host unreachable", refusing("04"), "Unreachable"],
    ["expired", refusing("06"), "Timeout"],
    ["a general failure", refusing("01"), "Proxy"],
    ["an unknown code", refusing("f0"), "Proxy"],
    ["refused, with nothing behind the code, and the end", { ...granted, reply: "0505", ends: "cleanly" }, "Refused"],
    ["a wrong user name", { ...granted, login: "0101" }, "ProxyUnavailable"],
    ["a login answered in another version", { ...granted, login: "0500" }, "ProxyUnavailable"],
    ["another version", { ...granted, reply: "04000001000000000000" }, "Proxy"],
    ["another version that refuses", { ...granted, reply: "04050001000000000000" }, "Proxy"],
    ["a reply with an unknown kind of address", { ...granted, reply: "05000002000000000000" }, "Proxy"],
    ["garbage", { method: "48545450", ends: undefined }, "ProxyUnavailable"],
    ["the end in the middle of a reply", { ...granted, reply: "0500000101", ends: "cleanly" }, "Proxy"],
    ["a reset in the middle of a reply", { ...granted, reply: "0500000101", ends: "by reset" }, "Proxy"],
    ["the end instead of a reply", { ...granted, reply: undefined, ends: "cleanly" }, "Proxy"]
  ] as ReadonlyArray<readonly [string, Script, string]>)("tells %s", ([, script, reason]) =>
    Effect.gen(function* () {
      for (const bytewise of [false, true]) {
        const { options, serving } = yield* rawProxy({ ...script, bytewise })
        const error = yield* Effect.flip(SocksSocketDialer.make(options).dial(onion))
        assert.deepStrictEqual([error._tag, error.address, error.reason], ["DialFailed", onion, reason])
        // Hung up although the scope of this test is open.
        yield* Fiber.join(serving)
      }
    })
  )

  it.scopedLive("tells a proxy that hangs up at once", () =>
    Effect.gen(function* () {
      const { port } = yield* listen((socket) => socket.end())
      const error = yield* Effect.flip(SocksSocketDialer.make({ host: "127.0.0.1", port }).dial(onion))
      assert.strictEqual(error.reason, "ProxyUnavailable")
    })
  )

  it.scopedLive("names a proxy that does not listen", () =>
    Effect.gen(function* () {
      const port = Number((yield* closedAddress).split(":")[1])
      const error = yield* Effect.flip(SocksSocketDialer.make({ host: "127.0.0.1", port }).dial(onion))
      assert.deepStrictEqual([error.address, error.reason], [onion, "ProxyUnavailable"])
      assert.include(error.message, "no proxy listens there")
    })
  )

  it.scopedLive("says whose trouble it is when the time is over: the proxy's until it was asked for the tower", () =>
    Effect.gen(function* () {
      const late: Array<string> = []
      const { heard, options } = yield* rawProxy({ method: granted.method, login: granted.login })
      const dialer = SocksSocketDialer.make(options)
      const dialling = yield* Effect.fork(
        dialer.dial(onion, ({ proxy, reason }) => void late.push(`${heard.length} ${reason} ${proxy?.fault}`))
      )
      while (heard.length < 3) yield* turns(1)
      assert.deepStrictEqual(late, ["0 ProxyUnavailable Silent", "2 Timeout Late"])
      yield* Fiber.interrupt(dialling)
    })
  )

  it.effect("names itself tor, also for addresses that are in the clear", () =>
    Effect.sync(() => assert.strictEqual(SocksSocketDialer.make({ host: "::1", port: 9050 }).route, "tor"))
  )
})

/** Watches the sockets that are dialled and the timers that are started. */
const watched = Effect.gen(function* () {
  const spied = <A extends { readonly mockRestore: () => void }>(spy: () => A) =>
    Effect.acquireRelease(Effect.sync(spy), (made) => Effect.sync(() => made.mockRestore()))
  const connect = yield* spied(() => vi.spyOn(Net.Socket.prototype, "connect"))
  const setTimeout = yield* spied(() => vi.spyOn(globalThis, "setTimeout"))
  return {
    sockets: () => connect.mock.contexts.filter((context) => context instanceof Net.Socket),
    timers: () => setTimeout.mock.calls.map(([run, delay = 0]) => ({ run, delay }))
  }
})

describe("SocksSocketDialer leaves nothing behind", () => {
  const stages: ReadonlyArray<readonly [string, Script, number]> = [
    ["the greeting", {}, 1],
    ["the login", { method: granted.method }, 2],
    ["the request", { method: granted.method, login: granted.login }, 3],
    ["a part of the reply", { ...granted, reply: "05000003" }, 3]
  ]
  it.scopedLive.each(stages)("when a dial is interrupted after %s of a proxy that is silent then", ([, script, said]) =>
    Effect.gen(function* () {
      const { sockets, timers } = yield* watched
      const before = yield* openSockets
      const { heard, options, serving } = yield* rawProxy(script)
      const dialling = yield* Effect.fork(SocksSocketDialer.make(options).dial(onion))
      while (heard.length < said) yield* turns(1)
      yield* turns(5)
      assert.isNull(dialling.unsafePoll())
      yield* Fiber.interrupt(dialling)
      // The proxy has seen the end, although the scope of this test is open; what is left is the server itself.
      yield* Fiber.join(serving)
      assert.strictEqual(yield* openSockets, before)
      assert.deepStrictEqual(
        sockets().map((socket) => [socket.closed, socket.listenerCount("data"), socket.listenerCount("connect")]),
        [[true, 0, 0]]
      )
      assert.deepStrictEqual(timers(), [])
    })
  )

  it.scopedLive("when a dial has failed, or was carried out and closed", () =>
    Effect.gen(function* () {
      const { sockets, timers } = yield* watched
      const before = yield* openSockets
      for (const script of [granted, { ...granted, login: "0101" }, { method: "0500" }]) {
        const { options, serving } = yield* rawProxy(script)
        yield* Effect.option(Effect.scoped(SocksSocketDialer.make(options).dial(onion)))
        yield* Fiber.join(serving)
      }
      assert.strictEqual(yield* openSockets, before)
      assert.deepStrictEqual(
        sockets().map((socket) => [socket.closed, socket.listenerCount("data"), socket.listenerCount("connect")]),
        [
          [true, 0, 0],
          [true, 0, 0],
          [true, 0, 0]
        ]
      )
      assert.deepStrictEqual(timers(), [])
    })
  )
})

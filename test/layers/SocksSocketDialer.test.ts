import Dns from "node:dns"
import * as Net from "node:net"
import { assert, describe, it, vi } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import { fromHex, toHex } from "../../src/internal/bytes.js"
import * as NodeSocketDialer from "../../src/layers/NodeSocketDialer.js"
import * as Source from "../../src/layers/net/source.js"
import * as SocksSocketDialer from "../../src/layers/SocksSocketDialer.js"
import * as SocketPair from "../../src/layers/testing/SocketPair.js"
import { TowerAddress } from "../../src/schema/TowerAddress.js"
import type { SocketDialer } from "../../src/services/SocketDialer.js"
import { entropy } from "./brontide.fixtures.js"
import { listen, nobody, openSockets } from "./sockets.fixtures.js"

const onion = TowerAddress.make(`${"a".repeat(56)}.onion:9911`)
const text = (value: string) => new TextEncoder().encode(value)
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

/** What a proxy was told by one client. */
interface Heard {
  readonly greeting: string
  readonly user: string
  readonly password: string
  readonly target: string
}

/** Serves a client of SOCKS5 by the letter, with these answers, and then echoes; hangs up after an answer that refuses. */
const proxy = (socket: SocketDialer.RawSocket, answers: { readonly login: string; readonly reply: string }) =>
  Effect.gen(function* () {
    const source = yield* Source.make(socket)
    const counted = Effect.flatMap(source.exactly(1), ([length]) => source.exactly(length ?? 0))
    const greeting = toHex(yield* source.exactly(3))
    yield* socket.write(fromHex("0502"))
    yield* source.exactly(1)
    const [user, password] = [textOf(yield* counted), textOf(yield* counted)]
    yield* socket.write(fromHex(answers.login))
    const [version, command, reserved, kind] = yield* source.exactly(4)
    assert.deepStrictEqual([version, command, reserved], [5, 1, 0])
    const host = kind === 3 ? textOf(yield* counted) : toHex(yield* source.exactly(kind === 1 ? 4 : 16))
    const heard: Heard = { greeting, user, password, target: `${host}:${toHex(yield* source.exactly(2))}` }
    yield* socket.write(fromHex(answers.reply))
    yield* Effect.forkScoped(Effect.forever(Effect.flatMap(source.next, socket.write)))
    return heard
  })

const granted = { login: "0100", reply: "05000001000000000000" }

/** A dialer over a proxy in memory, which gets bytes one at a time. */
const inMemory = (answers: { readonly login: string; readonly reply: string }) =>
  Effect.gen(function* () {
    const [ours, theirs] = yield* SocketPair.make({ chunkSize: 1 })
    const heard = yield* Effect.fork(proxy(theirs, answers))
    const toProxy: SocketDialer.Service = {
      way: "clear",
      dial: () => Effect.acquireRelease(Effect.succeed(ours), () => ours.close)
    }
    return { dialer: SocksSocketDialer.make({ host: "127.0.0.1", port: 9050 }, toProxy), heard, proxyEnd: theirs }
  })

describe("SocksSocketDialer", () => {
  it.scopedLive("hands names to the proxy unresolved, and logs in under another name each time", () =>
    Effect.gen(function* () {
      const lookup = yield* Effect.acquireRelease(
        Effect.sync(() => vi.spyOn(Dns, "lookup")),
        (spy) => Effect.sync(() => spy.mockRestore())
      )
      const resolved = () => lookup.mock.calls.map(([name]) => name).filter((name) => Net.isIP(name) === 0)
      // The resolver is watched: a direct dial of a name is seen.
      yield* Effect.option(NodeSocketDialer.make.dial(TowerAddress.make("localhost:1")))
      assert.deepStrictEqual(resolved(), ["localhost"])

      const heard: Array<Heard> = []
      for (const address of [onion, TowerAddress.make("tower.example:1")]) {
        const { accepted, port } = yield* listen()
        const serving = yield* Effect.fork(
          Effect.flatMap(Effect.flatMap(accepted, NodeSocketDialer.fromSocket), (socket) => proxy(socket, granted))
        )
        yield* SocksSocketDialer.make({ host: "127.0.0.1", port }).dial(address)
        heard.push(yield* Fiber.join(serving))
      }
      assert.deepStrictEqual(
        heard.map(({ greeting, target }) => [greeting, target]),
        [
          ["050102", `${"a".repeat(56)}.onion:26b7`],
          ["050102", "tower.example:0001"]
        ]
      )
      const names = heard.flatMap(({ password, user }) => [user, password])
      for (const name of names) assert.match(name, /^[0-9a-f]{32}$/)
      assert.strictEqual(new Set(names).size, 4)
      assert.deepStrictEqual(resolved(), ["localhost"])
    })
  )

  it.scopedLive("carries bytes both ways, from the first one behind the proxy's reply", () =>
    Effect.gen(function* () {
      const { dialer, heard } = yield* inMemory({ ...granted, reply: `${granted.reply}${toHex(text("early"))}` })
      const socket = yield* dialer.dial(onion)
      assert.isTrue(yield* socket.write(text("hello")))
      const source = yield* Source.make(socket)
      assert.strictEqual(textOf(yield* source.exactly(10)), "earlyhello")
      yield* Fiber.join(heard)
    })
  )

  it.effect("names itself tor, also for addresses that are in the clear", () =>
    Effect.sync(() => assert.strictEqual(SocksSocketDialer.make({ host: "::1", port: 9050 }).way, "tor"))
  )

  it.scopedLive.each([
    ["127.0.0.1:9911", "7f000001:26b7"],
    ["[2001:db8::a0b:1]:256", "20010db800000000000000000a0b0001:0100"],
    ["[::]:1", `${"00".repeat(16)}:0001`],
    ["[1:2:3:4:5:6:7:8]:65535", "00010002000300040005000600070008:ffff"],
    ["[fe80::]:80", `fe80${"00".repeat(14)}:0050`],
    ["tower.example:9911", "tower.example:26b7"]
  ] as const)("asks for %s", ([address, target]) =>
    Effect.gen(function* () {
      const { dialer, heard } = yield* inMemory(granted)
      yield* dialer.dial(TowerAddress.make(address))
      assert.strictEqual((yield* Fiber.join(heard)).target, target)
    })
  )

  it.scopedLive.each([
    ["an IPv4 address", "0500000101020304ffff"],
    ["a name", "050000030474657374ffff"],
    ["an IPv6 address", `05000004${"01".repeat(16)}ffff`]
  ] as const)("takes a reply with %s", ([, reply]) =>
    Effect.gen(function* () {
      const { dialer } = yield* inMemory({ ...granted, reply: `${reply}${toHex(text("x"))}` })
      const source = yield* Source.make(yield* dialer.dial(onion))
      assert.strictEqual(textOf(yield* source.exactly(1)), "x")
    })
  )

  const refusing = (code: string) => ({ ...granted, reply: `05${code}0001000000000000` })
  it.scopedLive.each([
    ["refused", refusing("05"), "Refused"],
    ["network unreachable", refusing("03"), "Unreachable"],
    ["host unreachable", refusing("04"), "Unreachable"],
    ["expired", refusing("06"), "Timeout"],
    ["a general failure", refusing("01"), "Proxy"],
    ["an unknown code", refusing("f0"), "Proxy"],
    ["a wrong user name", { ...granted, login: "0101" }, "Proxy"],
    ["another version", { ...granted, reply: "04000001000000000000" }, "Proxy"],
    ["a reply with an unknown kind of address", { ...granted, reply: "05000002000000000000" }, "Proxy"]
  ] as const)("tells %s", ([, answers, reason]) =>
    Effect.gen(function* () {
      const { dialer, proxyEnd } = yield* inMemory(answers)
      const error = yield* Effect.flip(dialer.dial(onion))
      assert.deepStrictEqual([error._tag, error.address, error.reason], ["DialFailed", onion, reason])
      // Hung up although the scope of this test is open.
      assert.isFalse(yield* proxyEnd.write(text("x")))
    })
  )

  it.scopedLive("tells a proxy that wants no user name, and does not go on without one", () =>
    Effect.gen(function* () {
      const [ours, theirs] = yield* SocketPair.make()
      const toProxy: SocketDialer.Service = { way: "clear", dial: () => Effect.succeed(ours) }
      yield* theirs.write(fromHex("0500"))
      const dialer = SocksSocketDialer.make({ host: "proxy.test", port: 1 }, toProxy)
      assert.strictEqual((yield* Effect.flip(dialer.dial(onion))).reason, "Proxy")
      yield* ours.halfClose
      const said = yield* Stream.runCollect(theirs.bytes)
      assert.deepStrictEqual([...said].map(toHex), ["050102"])
    })
  )

  it.scopedLive("tells a proxy that hangs up", () =>
    Effect.gen(function* () {
      const { dialer, proxyEnd } = yield* inMemory(granted)
      yield* proxyEnd.close
      assert.strictEqual((yield* Effect.flip(dialer.dial(onion))).reason, "Proxy")
    })
  )

  it.scopedLive("tells a proxy that is not there", () =>
    Effect.gen(function* () {
      const address = yield* nobody
      const dialer = SocksSocketDialer.make({ host: "127.0.0.1", port: Number(address.split(":")[1]) })
      const error = yield* Effect.flip(dialer.dial(onion))
      assert.deepStrictEqual([error.address, error.reason], [onion, "Proxy"])
    })
  )

  it.scopedLive("leaves no socket behind when a dial is interrupted in the middle of the proxy's talk", () =>
    Effect.gen(function* () {
      const { accepted, port } = yield* listen()
      const before = yield* openSockets
      const dialling = yield* Effect.fork(SocksSocketDialer.make({ host: "127.0.0.1", port }).dial(onion))
      const source = yield* Source.make(yield* Effect.flatMap(accepted, NodeSocketDialer.fromSocket))
      yield* source.exactly(3)
      assert.strictEqual(yield* openSockets, before + 2)
      yield* Fiber.interrupt(dialling)
      assert.strictEqual(yield* openSockets, before + 1)
    })
  )

  it.scopedLive("takes its names from the source of randomness", () =>
    Effect.gen(function* () {
      const { dialer, heard } = yield* inMemory(granted)
      yield* dialer.dial(onion).pipe(Effect.provide(entropy("aa".repeat(16), "bb".repeat(16))))
      const { password, user } = yield* Fiber.join(heard)
      assert.deepStrictEqual([user, password], ["aa".repeat(16), "bb".repeat(16)])
    })
  )
})

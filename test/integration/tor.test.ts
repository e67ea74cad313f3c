/** Sessions through a SOCKS5 proxy, from the negotiator down to real sockets; the proxy is a library's. */
import * as Net from "node:net"
import { FileSystem } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { assert, describe, it, vi } from "@effect/vitest"
import { Effect, Logger, LogLevel, Redacted } from "effect"
import * as KeyFile from "../../src/layers/KeyFile.js"
import * as NodeWatchtower from "../../src/layers/NodeWatchtower.js"
import { secretOf } from "../../src/layers/testing/FixedKeyRing.js"
import * as LoopbackTower from "../../src/layers/tower/LoopbackTower.js"
import * as NodeLoopbackTower from "../../src/layers/tower/NodeLoopbackTower.js"
import * as Chain from "../../src/schema/Chain.js"
import { hostPort, TowerAddress } from "../../src/schema/TowerAddress.js"
import { SessionNegotiator } from "../../src/services/SessionNegotiator.js"
import { TowerCandidates } from "../../src/services/TowerCandidates.js"
import { namesResolved } from "../layers/net/namesResolved.js"
import { proxy, type Status } from "../layers/net/socksProxy.js"

const chain = Chain.bitcoinRegtest
const onion = TowerAddress.make(`${"a".repeat(56)}.onion:9911`)
const name = TowerAddress.make("tower.example:9911")

const spied = <A extends { readonly mockRestore: () => void }>(spy: () => A) =>
  Effect.acquireRelease(Effect.sync(spy), (made) => Effect.sync(() => made.mockRestore()))

/** A tower on this machine, a proxy that leads to it, and what the resolver and the network were asked for. */
const world = (route: (target: string, tower: number) => number | Status) =>
  Effect.gen(function* () {
    const resolved = yield* namesResolved
    const connect = yield* spied(() => vi.spyOn(Net.Socket.prototype, "connect"))
    const tower = yield* NodeLoopbackTower.make({ chain, secretKey: Redacted.make(secretOf(1)) })
    const { options, visits } = yield* proxy((target) => route(target, hostPort(tower.uri.address).port))
    const key = yield* KeyFile.generate
    return {
      tower,
      visits,
      proxyPort: options.port,
      watchtower: NodeWatchtower.layer({ chain, key, database: { filename: ":memory:" }, proxy: options }),
      resolved,
      // Node's own calls say what is connected to in an array; what we and the proxy say is plain.
      ports: () => connect.mock.calls.map(([target]) => portOf(target))
    }
  })

const portOf = (target: unknown): unknown => {
  if (Array.isArray(target)) return portOf(target[0])
  return typeof target === "object" && target !== null && "port" in target ? target.port : target
}

const quiet = Logger.withMinimumLogLevel(LogLevel.Warning)

describe("through a SOCKS5 proxy", () => {
  it.scopedLive("a tower with an onion address gives sessions; the proxy sees the name, no resolver does", () =>
    Effect.gen(function* () {
      const { resolved, tower, visits, watchtower } = yield* world((_, port) => port)
      const sessions = yield* Effect.gen(function* () {
        yield* (yield* TowerCandidates).add(tower.uri.publicKey, onion)
        const { nextSession } = yield* SessionNegotiator
        return [yield* nextSession, yield* nextSession, yield* nextSession]
      }).pipe(Effect.provide(watchtower))
      assert.sameMembers(
        [...(yield* tower.sessions).keys()],
        sessions.map(({ id }) => id)
      )
      assert.deepStrictEqual(
        visits.map(({ target }) => target),
        [onion, onion, onion]
      )
      assert.deepStrictEqual(resolved(), [])
    }).pipe(quiet)
  )

  it.scopedLive("two attempts never share a user name: not of one visit, not of two", () =>
    Effect.gen(function* () {
      const { tower, visits, watchtower } = yield* world((target, port) =>
        target === onion ? "HOST_UNREACHABLE" : port
      )
      yield* Effect.gen(function* () {
        const candidates = yield* TowerCandidates
        yield* candidates.add(tower.uri.publicKey, name)
        yield* candidates.add(tower.uri.publicKey, onion)
        const { nextSession } = yield* SessionNegotiator
        yield* nextSession
        yield* nextSession
      }).pipe(Effect.provide(watchtower))
      // The first visit went to the newest address and then to the other one.
      assert.deepStrictEqual(visits.map(({ target }) => target).slice(0, 2), [onion, name])
      assert.isAtLeast(visits.length, 3)
      const names = visits.flatMap(({ password, user }) => [user, password])
      assert.strictEqual(new Set(names).size, 2 * visits.length)
    }).pipe(quiet)
  )

  it.scopedLive("a tower with an onion address is never dialled in the clear while a proxy is configured", () =>
    Effect.gen(function* () {
      const { ports, proxyPort, resolved, tower, visits, watchtower } = yield* world(() => "GENERAL_FAILURE")
      const error = yield* Effect.gen(function* () {
        const candidates = yield* TowerCandidates
        // Its address in the clear is one where it listens, and the proxy fails for both.
        for (const address of [tower.uri.address, name, onion]) yield* candidates.add(tower.uri.publicKey, address)
        return yield* Effect.flip(Effect.flatMap(SessionNegotiator, ({ negotiate }) => negotiate))
      }).pipe(Effect.provide(watchtower))
      assert.match(error.message, /it says that it failed, and not why/)
      assert.deepStrictEqual(
        visits.map(({ target }) => target),
        [onion, name, tower.uri.address]
      )
      assert.deepStrictEqual(ports(), [proxyPort, proxyPort, proxyPort])
      assert.strictEqual((yield* tower.connections).served, 0)
      assert.deepStrictEqual(resolved(), [])
    }).pipe(quiet)
  )

  it.scopedLive("a key shown one way is not used the other, and the way that it was shown it is used again", () =>
    Effect.gen(function* () {
      const where = yield* Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped())
      const tower = yield* NodeLoopbackTower.make({ chain, secretKey: Redacted.make(secretOf(1)) })
      const { options } = yield* proxy(() => hostPort(tower.uri.address).port)
      const key = yield* KeyFile.generate
      const keyIndex = (over: { readonly proxy?: typeof options }) =>
        Effect.gen(function* () {
          yield* (yield* TowerCandidates).add(tower.uri.publicKey, tower.uri.address)
          return yield* Effect.flatMap(SessionNegotiator, ({ negotiate }) => negotiate)
        }).pipe(
          Effect.map((session) => session.keyIndex),
          Effect.provide(NodeWatchtower.layer({ chain, key, database: { filename: `${where}/db` }, ...over }))
        )
      // Shown in the clear in the handshake, and then the tower hangs up without a session.
      yield* tower.setFault(LoopbackTower.Fault.HangUp({ before: "init" }))
      yield* Effect.flip(keyIndex({}))
      yield* tower.setFault(undefined)
      const throughTor = yield* keyIndex({ proxy: options })
      const inTheClear = yield* keyIndex({})
      assert.strictEqual(throughTor, inTheClear + 1)
    }).pipe(quiet, Effect.provide(NodeContext.layer))
  )
})

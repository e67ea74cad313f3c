/**
 * What a process sees of its network, scene by scene. A scene's answer is the last line that is printed; then the process
 * is to end by itself.
 */
import { execSync } from "node:child_process"
import * as fs from "node:fs"
import * as Net from "node:net"
import { Effect, Either, Fiber, Logger, LogLevel, Redacted, type Scope } from "effect"
import * as KeyFile from "../../../../src/layers/KeyFile.js"
import * as NodeSocketDialer from "../../../../src/layers/NodeSocketDialer.js"
import * as NodeWatchtower from "../../../../src/layers/NodeWatchtower.js"
import * as Names from "../../../../src/layers/net/names.js"
import * as PostgresClientDb from "../../../../src/layers/PostgresClientDb.js"
import * as SocksSocketDialer from "../../../../src/layers/SocksSocketDialer.js"
import { publicKeyOf, secretOf } from "../../../../src/layers/testing/FixedKeyRing.js"
import * as NodeLoopbackTower from "../../../../src/layers/tower/NodeLoopbackTower.js"
import * as Chain from "../../../../src/schema/Chain.js"
import { hostPort, TowerAddress } from "../../../../src/schema/TowerAddress.js"
import type { DialFailed } from "../../../../src/schema/TransportError.js"
import { SessionNegotiator } from "../../../../src/services/SessionNegotiator.js"
import { TowerCandidates } from "../../../../src/services/TowerCandidates.js"
import { listen } from "../../../layers/net/sockets.js"
import { proxy } from "../../../layers/net/socksProxy.js"
import { exhausted } from "./exhausted.js"
import * as NameServer from "./nameServer.js"

const chain = Chain.bitcoinRegtest

const tower = NodeLoopbackTower.make({ chain, secretKey: Redacted.make(secretOf(1)) })

const at = (host: string, port: number) => TowerAddress.make(`${host}:${port}`)

/** A negotiator that asks these addresses, each of another tower, in their order; the tower with the secret 1 is the last one. */
const negotiating = <A, E>(
  addresses: ReadonlyArray<TowerAddress>,
  use: Effect.Effect<A, E, SessionNegotiator>,
  options: Partial<NodeWatchtower.OptionsOf<never>> = {}
) =>
  Effect.gen(function* () {
    const candidates = yield* TowerCandidates
    for (const [i, address] of addresses.entries()) {
      yield* candidates.add(publicKeyOf(addresses.length - i), address)
    }
    return yield* use
  }).pipe(
    Effect.provide(
      NodeWatchtower.layer({
        chain,
        key: Effect.runSync(KeyFile.generate),
        database: { filename: ":memory:" },
        ...options
      })
    ),
    Logger.withMinimumLogLevel(LogLevel.None)
  )

const negotiate = Effect.flatMap(SessionNegotiator, (negotiator) => negotiator.negotiate)

/** What a failed dial says. */
const said = ({ message, reason, tried }: DialFailed) => ({ reason, tried, message })

const dialled = (address: TowerAddress) =>
  Effect.map(Effect.either(Effect.scoped(NodeSocketDialer.make.dial(address))), (end) =>
    Either.isRight(end) ? "connected" : said(end.left)
  )

/** What this process has open or under way, as Node knows it. */
const underWay = Effect.promise(
  () =>
    new Promise<ReadonlyArray<string>>((resume) =>
      // What is closed now is released in the next turn.
      setTimeout(() =>
        resume(process.getActiveResourcesInfo().filter((name) => !/Pipe|TTY|Timeout|Immediate/.test(name)))
      )
    )
)

const dead = (count: number, port: number) => Array.from({ length: count }, (_, i) => at(`dead${i}.test`, port))

const all: Readonly<Record<string, (count: number) => Effect.Effect<unknown, unknown, Scope.Scope>>> = {
  /** Three rounds with towers whose names no server answers for, and behind them a good one that has a name too. */
  rounds: (count: number) =>
    Effect.gen(function* () {
      const real = yield* tower
      const { port } = hostPort(real.uri.address)
      const { asked } = yield* NameServer.serve({ "healthy.test": { A: ["127.0.0.1"] } })
      const rounds = Effect.replicateEffect(Effect.either(negotiate), 3)
      const ends = yield* negotiating([...dead(count, port), at("healthy.test", port)], rounds, {
        hedgeDelay: "20 millis",
        timeouts: { dialTimeout: "3 seconds" }
      })
      return {
        ends: ends.map((end) => (Either.isRight(end) ? "session" : end.left.message)),
        askedForHealthy: asked.filter((query) => query === "A healthy.test").length,
        underWay: (yield* underWay).filter((name) => name === "GetAddrInfoReqWrap")
      }
    }),

  /** Dials of dead names that are given up, while another caller asks for one of them. */
  givenUp: (count: number) =>
    Effect.gen(function* () {
      const { asked } = yield* NameServer.serve({})
      const before = yield* underWay
      const dials = [...dead(count, 1), ...dead(count, 2)].map((address) =>
        Effect.fork(NodeSocketDialer.make.dial(address))
      )
      const fibers = yield* Effect.all(dials)
      const [first, ...others] = fibers
      while (asked.length < 2 * count) yield* underWay
      yield* Fiber.interruptAll(others)
      const waiting = first?.unsafePoll() === null
      if (first !== undefined) yield* Fiber.interrupt(first)
      const after = yield* underWay
      return { asked: asked.length, waiting, before, after }
    }),

  /** The database's host, while dead names are asked for. */
  postgres: (count: number) =>
    Effect.gen(function* () {
      yield* NameServer.serve({ "db.test": { A: ["127.0.0.1"] } })
      const stopping = Buffer.from("SFATAL\0C57P03\0Mthe database system is starting up\0\0")
      const { port } = yield* listen((socket) => {
        socket.once("data", () => {
          const head = Buffer.from("E\0\0\0\0")
          head.writeInt32BE(stopping.length + 4, 1)
          socket.end(Buffer.concat([head, stopping]))
        })
      })
      const dials = yield* Effect.all(dead(count, 1).map((address) => Effect.fork(NodeSocketDialer.make.dial(address))))
      const url = Redacted.make(`postgresql://me@db.test:${port}/mine`)
      const error = yield* Effect.flip(PostgresClientDb.client({ url }))
      yield* Fiber.interruptAll(dials)
      return error.message
    }),

  /** A session through a proxy that has a name, while dead names are asked for. */
  proxy: (count: number) =>
    Effect.gen(function* () {
      const real = yield* tower
      const { port } = hostPort(real.uri.address)
      yield* NameServer.serve({ "proxy.test": { A: ["127.0.0.1"] } })
      const { options, visits } = yield* proxy(() => port)
      const dials = yield* Effect.all(dead(count, 1).map((address) => Effect.fork(NodeSocketDialer.make.dial(address))))
      yield* negotiating([at("tower.test", port)], negotiate, { proxy: { ...options, host: "proxy.test" } })
      yield* Fiber.interruptAll(dials)
      return visits.map(({ target }) => target === `tower.test:${port}`)
    }),

  /** The addresses of names that files and search domains know. */
  names: () =>
    Effect.gen(function* () {
      const { asked } = yield* NameServer.serve({
        "both.test": { A: ["10.0.0.1", "10.0.0.2", "10.0.0.3"], AAAA: ["2001:db8::1"] },
        "short.two.test": { A: ["10.0.1.1"] },
        "a.b.one.test": { A: ["10.0.2.1"] },
        "a.b": { A: ["10.0.2.2"] },
        "deaf.test": { A: ["10.0.3.1"], silent: "AAAA" }
      })
      const found = yield* Effect.forEach(
        [
          "many",
          "six",
          "MIXED",
          "localhost",
          "both.test",
          "short",
          "a.b",
          "deaf.test",
          "none.test",
          "none.test.",
          "tower.localhost"
        ],
        (name) =>
          Effect.map(Effect.either(Effect.scoped(Names.lookUp(name))), (end): [string, unknown] => [
            name,
            Either.isRight(end) ? end.right.known : end.left.code
          ])
      )
      return { found: Object.fromEntries(found), asked }
    }),

  /** A name with an address that answers late and one where no program listens. */
  lateAddress: () =>
    Effect.gen(function* () {
      yield* NameServer.serve({ "two.test": { A: ["10.9.9.9", "127.0.0.2"] } })
      const told: Array<unknown> = []
      yield* NodeSocketDialer.make.dial(at("two.test", 9911), (ifLate) => {
        told.push(said(ifLate))
        // The second address has failed: the first one comes to life, and the system's next SYN finds it.
        if (ifLate.tried?.some(({ reason }) => reason === "Refused") !== true) return
        execSync("ip neigh del 10.9.9.9 dev silent0; ip addr add 10.9.9.9/32 dev lo")
        Net.createServer((accepted) => accepted.end())
          .listen(9911, "10.9.9.9")
          .unref()
      })
      return told
    }).pipe(Effect.scoped),

  /** Of the two families one answers at once with an address where no program listens, the other one late with a good one. */
  lateFamily: () =>
    Effect.gen(function* () {
      let answer = () => {}
      const lateAAAA = new Promise<void>((resume) => {
        answer = resume
      })
      yield* NameServer.serve({ "six.test": { A: ["127.0.0.2"], AAAA: ["::1"], lateAAAA } })
      yield* Effect.acquireRelease(
        Effect.async<Net.Server>((resume) => {
          const server = Net.createServer((accepted) => accepted.destroy())
          server.listen(9911, "::1", () => resume(Effect.succeed(server)))
        }),
        (server) => Effect.sync(() => server.close())
      )
      yield* NodeSocketDialer.make.dial(at("six.test", 9911), ({ tried }) => {
        if (tried?.some(({ reason }) => reason === "Refused") === true) answer()
      })
      return "connected"
    }).pipe(Effect.scoped),

  /** A name whose addresses all fail, each in its way. */
  eachAddress: () =>
    Effect.gen(function* () {
      yield* NameServer.serve({ "two.test": { A: ["127.0.0.1", "198.51.100.1", "198.51.100.2"] } })
      return yield* dialled(at("two.test", 1))
    }),

  /** A name that says that it has twenty addresses. */
  manyAddresses: () =>
    Effect.gen(function* () {
      const A = Array.from({ length: 20 }, (_, i) => `127.0.0.${i + 1}`)
      yield* NameServer.serve({ "many.test": { A } })
      const end = yield* dialled(at("many.test", 1))
      return typeof end === "string" ? end : end.tried?.length
    }),

  /** Connecting where it is our own side that cannot. */
  own: () =>
    Effect.gen(function* () {
      const addresses = [
        at("203.0.113.7", 1),
        at("[2001:db8::7]", 1),
        at("127.0.0.1", 1),
        at("198.51.100.1", 1),
        at("name.test", 1)
      ]
      const ends = yield* Effect.forEach(addresses, dialled)
      return ends.map((end) => (typeof end === "string" ? end : end.reason))
    }),

  /** Without a descriptor left: by address, by name, and to a proxy. */
  exhausted: () =>
    Effect.gen(function* () {
      yield* exhausted
      const proxy = yield* Effect.orDie(SocksSocketDialer.make({ host: "127.0.0.1", port: 1 }))
      const throughProxy = proxy.dial(at("tower.test", 1))
      const ends = [
        yield* dialled(at("127.0.0.1", 1)),
        yield* dialled(at("name.test", 1)),
        said(yield* Effect.flip(Effect.scoped(throughProxy)))
      ]
      return ends.map((end) => (typeof end === "string" ? end : end.reason))
    }).pipe(Effect.scoped),

  /** The only local port is in use. */
  noPort: () =>
    Effect.gen(function* () {
      const { address } = yield* listen()
      const end = yield* dialled(address)
      return typeof end === "string" ? end : end.reason
    }).pipe(Effect.scoped),

  /** One round with towers that have IP addresses, or names. */
  failingRound: () =>
    Effect.gen(function* () {
      const byAddress = [1, 2, 3, 4, 5].map((i) => at(`192.0.2.${i}`, 9911))
      const byName = [1, 2, 3, 4, 5].map((i) => at(`tower${i}.test`, 9911))
      return yield* Effect.forEach([byAddress, byName], (addresses) =>
        Effect.map(Effect.flip(negotiating(addresses, negotiate)), (error) =>
          error._tag === "FailedNegotiation"
            ? error.failures.map(({ address, failure }) => [address, failure._tag === "DialFailed" && failure.reason])
            : error._tag
        )
      )
    }),

  /** Two sessions, directly and through a proxy; answers the ports of the tower and the proxy. */
  sessions: () =>
    Effect.gen(function* () {
      const real = yield* tower
      const { port } = hostPort(real.uri.address)
      const { options } = yield* proxy(() => port)
      yield* negotiating([real.uri.address], negotiate)
      yield* negotiating([at("tower.test", port)], negotiate, { proxy: options })
      return { tower: port, proxy: options.port }
    })
}

const [name = "", count = "1"] = process.argv.slice(2)
const scene = all[name]
if (scene === undefined) throw new Error(`There is no scene ${name}.`)
const answer = await Effect.runPromise(Effect.scoped(scene(Number(count))))
fs.writeSync(1, `${JSON.stringify(answer)}\n`)

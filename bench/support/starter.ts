/**
 * One process that opens what a program opens, and writes as JSON what that cost from there on: a negotiator until it is there, a tower
 * client until it has connected to a tower. `node starter.mjs negotiator FILE` or `node starter.mjs client FILE PORT`.
 */
import * as Net from "node:net"
import { Deferred, Effect, Layer, Logger, LogLevel, Redacted } from "effect"
import * as NodeWatchtower from "../../src/layers/NodeWatchtower.js"
import * as RootKey from "../../src/schema/RootKey.js"
import { chain, policy } from "./filling.js"

const [what = "", filename = "", port = ""] = process.argv.slice(2)

const places = {
  chain,
  // The database is bound to its first seed.
  key: { root: RootKey.RootKey.Seed({ bytes: Redacted.make(new Uint8Array(32).fill(1)) }) },
  database: { filename }
}

/** A tower that is reached and says nothing. */
const reached = Effect.gen(function* () {
  const connected = yield* Deferred.make<void>()
  yield* Effect.acquireRelease(
    Effect.async<Net.Server>((resume) => {
      const server = Net.createServer((socket) => {
        Deferred.unsafeDone(connected, Effect.void)
        socket.destroy()
      })
      server.listen(Number(port), "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.sync(() => server.close())
  )
  return Deferred.await(connected)
})

const program = Effect.gen(function* () {
  const awaitContact = what === "client" ? yield* reached : Effect.void
  const began = performance.now()
  const before = process.cpuUsage()
  if (what === "client") yield* Layer.build(NodeWatchtower.towerClient({ ...places, policies: [policy] }))
  else yield* Layer.build(NodeWatchtower.layer({ ...places, policy }))
  yield* awaitContact
  const { system, user } = process.cpuUsage(before)
  return { wall: performance.now() - began, cpu: (system + user) / 1000 }
})

console.log(
  JSON.stringify(await Effect.runPromise(program.pipe(Effect.scoped, Logger.withMinimumLogLevel(LogLevel.None))))
)

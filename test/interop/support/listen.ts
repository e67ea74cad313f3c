import * as Net from "node:net"
import { Deferred, Effect } from "effect"

/** A free port of 127.0.0.1, and the first connection to it; the port is closed with the scope. */
export const listen = Effect.gen(function* () {
  const accepted = yield* Deferred.make<Net.Socket>()
  const server = yield* Effect.acquireRelease(
    Effect.sync(() => new Net.Server({ allowHalfOpen: true })),
    (server) => Effect.sync(() => server.close())
  )
  server.once("connection", (socket) => Deferred.unsafeDone(accepted, Effect.succeed(socket)))
  const port = yield* Effect.async<number>((resume) => {
    server.listen({ host: "127.0.0.1", port: 0 }, () => {
      const bound = server.address()
      resume(typeof bound === "object" && bound !== null ? Effect.succeed(bound.port) : Effect.dieMessage("no port"))
    })
  })
  return { accepted: Deferred.await(accepted), port }
})

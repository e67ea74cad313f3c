/** A service whose tower client is built again while it listens. */
import { HttpServer } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Fiber, Layer, Redacted, Scope } from "effect"
import * as NodeHttpService from "../../../src/layers/http/NodeHttpService.js"
import * as NodeWatchtower from "../../../src/layers/NodeWatchtower.js"
import { RootKey } from "../../../src/schema/RootKey.js"
import { chain, request, token } from "./service.js"

const watchtower = NodeWatchtower.towerClient({
  chain,
  key: { root: RootKey.Seed({ bytes: Redacted.make(new Uint8Array(32).fill(1)) }) },
  database: { filename: ":memory:" }
})

/** A place to listen, and how to serve there until a scope closes. */
const listening = Effect.gen(function* () {
  const lasting = yield* Layer.build(NodeHttpService.listen({ host: "127.0.0.1", port: 0 }))
  const { address } = Context.get(lasting, HttpServer.HttpServer)
  const at = { host: "127.0.0.1", port: address._tag === "TcpAddress" ? address.port : 0 }
  const serve = Effect.gen(function* () {
    const scope = yield* Scope.make()
    const service = NodeHttpService.serve({ chain, version: "1.2.3", token: Redacted.make(token) })
    yield* Effect.addFinalizer((exit) => Scope.close(scope, exit))
    yield* Layer.buildWithScope(Layer.provide(service, Layer.merge(watchtower, Layer.succeedContext(lasting))), scope)
    return Scope.close(scope, Exit.void)
  })
  return { ask: (path: string) => request(at, path), serve }
})

describe("a request that comes while nothing serves", () => {
  it.scopedLive("is answered when something does, before the first time and between two", () =>
    Effect.gen(function* () {
      const { ask, serve } = yield* listening
      const early = yield* Effect.fork(ask("/healthz"))
      const stopFirst = yield* serve
      assert.strictEqual((yield* Fiber.join(early)).status, 200)
      const { startedAt } = (yield* ask("/v1/status")).body
      yield* stopFirst
      const between = yield* Effect.fork(Effect.all([ask("/healthz"), ask("/v1/status")], { concurrency: 2 }))
      const stopSecond = yield* serve
      const [health, status] = yield* Fiber.join(between)
      assert.deepStrictEqual([health.status, status.status], [200, 200])
      assert.strictEqual(status.body.startedAt, startedAt)
      yield* stopSecond
    })
  )
})

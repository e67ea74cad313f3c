import { createServer } from "node:http"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { assert, it } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Fiber, Layer, Schema, Scope, Stream } from "effect"
import { NegotiatorStatus, SessionNegotiator } from "effect-watchtower"
import { ScriptedWatchtower, TowerScript } from "effect-watchtower/testing"

const json = Schema.encodeSync(Schema.parseJson(NegotiatorStatus.NegotiatorStatus))

/** The negotiator's status as server-sent events, until the server stops. */
const statusEvents = (stopping: Deferred.Deferred<void>) =>
  Effect.map(SessionNegotiator.SessionNegotiator, ({ statusChanges }) =>
    HttpServerResponse.stream(
      Stream.unwrapScoped(statusChanges).pipe(
        Stream.map((status) => `data: ${json(status)}\n\n`),
        // Without this the server would wait for the stream until the connection is cut, and the reader would see an error.
        Stream.interruptWhenDeferred(stopping),
        Stream.encodeText
      ),
      // The connection ends with its stream: Node would keep it for five seconds otherwise.
      { contentType: "text/event-stream", headers: { connection: "close" } }
    )
  )

/** The server, over a negotiator. When its scope closes, streams end, and other requests have 300 milliseconds. */
const server = (port: number) =>
  Layer.unwrapScoped(
    Effect.gen(function* () {
      const stopping = yield* Deferred.make<void>()
      const node = createServer()
      const stop = Effect.zipRight(
        Deferred.succeed(stopping, undefined),
        Effect.sync(() => setTimeout(() => node.closeAllConnections(), 300).unref())
      )
      const routes = HttpRouter.empty.pipe(HttpRouter.get("/status", statusEvents(stopping)))
      return HttpServer.serve(routes).pipe(
        // Built after the server, so closed before it.
        Layer.merge(Layer.scopedDiscard(Effect.addFinalizer(() => stop))),
        Layer.provideMerge(NodeHttpServer.layer(() => node, { host: "127.0.0.1", port }))
      )
    })
  )

// In production: `NodeWatchtower.layer(...)` in place of the scripted one, and `NodeRuntime.runMain(Layer.launch(application))`.
const application = Layer.provideMerge(server(0), ScriptedWatchtower.layer({ towers: [TowerScript.silentAt("reply")] }))

it.scopedLive("an application that stops ends its open streams, and then the negotiation in progress", () =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const context = yield* Layer.buildWithScope(application, scope)
    const { address } = Context.get(context, HttpServer.HttpServer)
    const url = `http://127.0.0.1:${address._tag === "TcpAddress" ? address.port : 0}/status`

    // A reader that has been told of a negotiation, and a caller that waits for the session.
    const told = yield* Deferred.make<void>()
    const { body } = yield* Effect.promise(() => fetch(url))
    const events = body === null ? Stream.empty : Stream.fromReadableStream(() => body, String)
    const text = yield* events.pipe(
      Stream.decodeText(),
      Stream.tap((event) => (event.includes("Negotiating") ? Deferred.succeed(told, undefined) : Effect.void)),
      Stream.mkString,
      Effect.fork
    )
    const negotiator = Context.get(context, SessionNegotiator.SessionNegotiator)
    const waiting = yield* Effect.fork(negotiator.nextSession)
    yield* Deferred.await(told)

    yield* Scope.close(scope, Exit.void)
    // The stream came to a clean end, behind a whole event.
    assert.match(yield* Fiber.join(text), /\}\n\n$/)
    assert.isTrue(Exit.isInterrupted(yield* Fiber.await(waiting)))
    assert.deepStrictEqual(Context.get(context, ScriptedWatchtower.Towers).open(), [])
    yield* Effect.flip(Effect.tryPromise(() => fetch(url)))
  })
)

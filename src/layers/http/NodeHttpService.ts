/**
 * The HTTP interface of a tower client on Node: on this machine's loopback, or on a unix socket (docs/service.md).
 *
 * ```ts
 * import { Layer, type Redacted } from "effect"
 * import { Chain } from "effect-watchtower"
 * import * as NodeHttpService from "effect-watchtower/layers/http/NodeHttpService"
 * import * as NodeWatchtower from "effect-watchtower/layers/NodeWatchtower"
 *
 * const chain = Chain.bitcoinMainnet
 *
 * // A node that is written in Effect, and lets another program hand states in too.
 * export const watchtower = (token: Redacted.Redacted) =>
 *   NodeHttpService.layer({ chain, version: "1", listen: { host: "127.0.0.1", port: 9912 }, token }).pipe(
 *     Layer.provideMerge(NodeWatchtower.towerClient({ chain, key: "key", database: { filename: "backups.db" } }))
 *   )
 * ```
 *
 * @since 0.1.0
 * @module
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpApp from "@effect/platform/HttpApp"
import { MaxBodySize } from "@effect/platform/HttpIncomingMessage"
import * as HttpMiddleware from "@effect/platform/HttpMiddleware"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import { WatchtowerApi } from "../../schema/http/WatchtowerApi.js"
import type { BackupDb } from "../../services/BackupDb.js"
import type { ClientDb } from "../../services/ClientDb.js"
import type { TowerCandidates } from "../../services/TowerCandidates.js"
import type { TowerClient } from "../../services/TowerClient.js"
import type { TowerTransport } from "../../services/TowerTransport.js"
import { within } from "../concurrency/firstOf.js"
import * as ApiPage from "./apiPage.js"
import * as Doctor from "./doctor.js"
import * as Events from "./events.js"
import * as Handlers from "./handlers.js"
import * as History from "./history.js"
import * as Listening from "./listening.js"
import * as Logins from "./logins.js"
import * as Page from "./page.js"
import * as QuickServer from "./quickServer.js"
import * as RequestChecks from "./requestChecks.js"
import * as ServiceReport from "./ServiceReport.js"
import * as TypedErrors from "./typedErrors.js"

export { type Listen, ServiceListenFailed } from "./listening.js"

/** What a service is told. @since 0.1.0 @category models */
export interface Options extends ServiceReport.Identity {
  readonly listen: Listening.Listen
  /** What every request but those for health has to bring. */
  readonly token: Redacted.Redacted
  /** The folder of the page's files: `dist/page` of this package. There is no page without it. */
  readonly page?: string | undefined
}

/** The ports that the endpoints stand on. @since 0.1.0 @category services */
export type Ports = TowerClient | ClientDb | BackupDb | TowerCandidates | TowerTransport

/** No answer is kept by anybody in between, unless it says otherwise. */
const headers = { "cache-control": "no-store", "x-content-type-options": "nosniff" }

/** What a service keeps while its tower client is built again: where it listens, who is to sign in, what it has counted. @since 0.1.0 @category services */
export type Lasting = HttpServer.HttpServer | Logins.Logins | History.Counted | ServiceReport.StartedAt

/** Listens while the scope is open. Requests wait until `serve` answers them. @since 0.1.0 @category layers */
export const listen = (at: Listening.Listen): Layer.Layer<Lasting, Listening.ServiceListenFailed> =>
  Layer.mergeAll(
    Layer.scoped(HttpServer.HttpServer, Listening.make(at)),
    Logins.layer,
    History.counted,
    ServiceReport.startedNow
  )

/**
 * The service, while the scope is open. When it closes, event streams end, requests that are being answered have 0.3 seconds, and
 * the tower client below goes on until all of them have ended.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<HttpServer.HttpServer, Listening.ServiceListenFailed, Ports> =>
  Layer.provideMerge(serve(options), listen(options.listen))

/**
 * Answers requests while the scope is open, and ends as `layer` does. Then another one can take its place, with another tower client,
 * at the same address.
 *
 * @since 0.1.0
 * @category layers
 */
export const serve = (options: Omit<Options, "listen">): Layer.Layer<never, never, Lasting | Ports> =>
  Layer.unwrapScoped(
    Effect.gen(function* () {
      const stopping = yield* Deferred.make<void>()
      // A request is run by a fiber of its own: without this the database could be closed before it has ended.
      const requests = yield* FiberSet.make<unknown, unknown>()
      yield* Effect.addFinalizer(() =>
        Effect.zipRight(
          Deferred.succeed(stopping, undefined),
          Effect.ignore(within(FiberSet.awaitEmpty(requests), QuickServer.graceMs, () => "late" as const))
        )
      )
      const groups = Layer.mergeAll(
        Handlers.health,
        Handlers.status,
        Handlers.towers,
        Doctor.layer(options.chain),
        Handlers.sessions,
        Handlers.channels,
        Handlers.backups,
        Events.layer(stopping),
        Page.endpoints(options.page !== undefined)
      ).pipe(Layer.provide(ServiceReport.layer(options)), Layer.provide(History.layer))
      const api = HttpApiBuilder.api(WatchtowerApi).pipe(Layer.provide(groups))
      return HttpApiBuilder.serve((app) =>
        Effect.withFiberRuntime((fiber) => {
          FiberSet.unsafeAdd(requests, fiber)
          return Effect.zipRight(
            HttpApp.appendPreResponseHandler((request, response) =>
              Effect.succeed(
                ApiPage.withPolicy(
                  request,
                  HttpServerResponse.setHeaders(response, { ...headers, ...response.headers })
                )
              )
            ),
            app
          )
        })
      ).pipe(
        Layer.provide(HttpApiBuilder.middlewareOpenApi({ path: "/openapi.json" })),
        Layer.provide(ApiPage.layer),
        Layer.provide(options.page === undefined ? Layer.empty : Page.routes(options.page, options.token)),
        Layer.provide(TypedErrors.layer),
        Layer.provide(api),
        Layer.provide(RequestChecks.layer(options.token)),
        Layer.provide(NodeHttpServer.layerContext),
        Layer.provide(Layer.succeed(MaxBodySize, Option.some(FileSystem.Size(RequestChecks.longestBody)))),
        // A trace would have the address with the token that signs a browser in.
        HttpMiddleware.withTracerDisabledWhen(({ url }) => url.startsWith(Logins.path))
      )
    })
  )

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

import * as fs from "node:fs"
import * as Net from "node:net"
import * as path from "node:path"
import * as FileSystem from "@effect/platform/FileSystem"
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpApp from "@effect/platform/HttpApp"
import { MaxBodySize } from "@effect/platform/HttpIncomingMessage"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { encodedError } from "../../internal/json.js"
import { WatchtowerApi } from "../../schema/http/WatchtowerApi.js"
import type { BackupDb } from "../../services/BackupDb.js"
import type { ClientDb } from "../../services/ClientDb.js"
import type { TowerCandidates } from "../../services/TowerCandidates.js"
import type { TowerClient } from "../../services/TowerClient.js"
import { awaitCallback } from "../concurrency/awaitCallback.js"
import * as Events from "./events.js"
import * as Handlers from "./handlers.js"
import * as History from "./history.js"
import * as Logins from "./logins.js"
import * as Page from "./page.js"
import * as QuickServer from "./quickServer.js"
import * as RequestChecks from "./requestChecks.js"
import * as ServiceReport from "./ServiceReport.js"
import * as TypedErrors from "./typedErrors.js"

/** Where a service listens: a port of the loopback (0: any), or the path of a unix socket. @since 0.1.0 @category models */
export type Listen = { readonly host: "127.0.0.1" | "::1"; readonly port: number } | { readonly path: string }

/** What a service is told. @since 0.1.0 @category models */
export interface Options extends ServiceReport.Identity {
  readonly listen: Listen
  /** What every request but those for health has to bring. */
  readonly token: Redacted.Redacted
  /** The folder of the page's files: `dist/page` of this package. There is no page without it. */
  readonly page?: string | undefined
}

/** The ports that the endpoints stand on. @since 0.1.0 @category services */
export type Ports = TowerClient | ClientDb | BackupDb | TowerCandidates

/** The service cannot listen there. @since 0.1.0 @category errors */
export class ServiceListenFailed extends Schema.TaggedError<ServiceListenFailed>()("ServiceListenFailed", {
  /** `127.0.0.1:9912`, or a path. */
  where: Schema.String,
  reason: Schema.Literal("InUse", "NotASocket", "NotAllowed", "NoFolder", "PathTooLong", "Other"),
  cause: Schema.Defect
}) {
  override get message() {
    const why: Record<ServiceListenFailed["reason"], string> = {
      InUse: "another program listens there. Stop it, or name another place",
      NotASocket: "there is a file that is not a socket. Move it away, or name another place",
      NotAllowed: "this account may not do that there. Name another place",
      NoFolder: "its folder does not exist. Make the folder, or name another place",
      PathTooLong: "the path is too long for a socket. Name a shorter one",
      Other: "the system refused"
    }
    return `The service cannot listen on ${this.where}: ${why[this.reason]}.`
  }
  /** The encoded side, for `JSON.stringify` and loggers. */
  override toJSON(): unknown {
    return encodedError(ServiceListenFailed, this)
  }
}

const reasons: Readonly<Record<string, ServiceListenFailed["reason"]>> = {
  EADDRINUSE: "InUse",
  EACCES: "NotAllowed",
  EPERM: "NotAllowed"
}

const nameOf = (listen: Listen): string =>
  "path" in listen ? listen.path : `${listen.host === "::1" ? "[::1]" : listen.host}:${listen.port}`

/** What every system takes; Node cuts a longer path short, and listens somewhere else. */
const longestPath = 103

/** Node has one code for a folder that is missing and for one that may not be written, and one for all that is at a path already. */
const reasonOf = (listen: Listen, code: string): ServiceListenFailed["reason"] => {
  if ("path" in listen && Buffer.byteLength(listen.path) > longestPath) return "PathTooLong"
  if ("path" in listen && !fs.existsSync(path.dirname(listen.path))) return "NoFolder"
  if ("path" in listen && code === "EADDRINUSE" && !isSocket(listen.path)) return "NotASocket"
  return reasons[code] ?? "Other"
}

const failedAt = (listen: Listen, cause: unknown): ServiceListenFailed => {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : ""
  return new ServiceListenFailed({ where: nameOf(listen), reason: reasonOf(listen, code), cause })
}

const isSocket = (path: string): boolean => fs.lstatSync(path, { throwIfNoEntry: false })?.isSocket() ?? false

/** Does somebody answer at this socket? A program that was killed leaves the file behind. */
const isAnswered = (path: string): Effect.Effect<boolean> =>
  awaitCallback((resume) => {
    const socket = Net.connect({ path })
    socket.once("connect", () => resume(true))
    socket.once("error", () => resume(false))
    return () => {
      socket.removeAllListeners()
      socket.on("error", () => {})
      socket.destroy()
    }
  })

/** Removes a socket that nobody listens on; anything else at its path stays, and the server fails to listen there. */
const removeLeftSocket = (path: string): Effect.Effect<void> =>
  Effect.gen(function* () {
    if (isSocket(path) && !(yield* isAnswered(path))) fs.rmSync(path, { force: true })
  })

/** A server that listens on a socket, which is its owner's alone from the moment in which it is there. */
const onSocket = (listen: { readonly path: string }, onClose: () => void) =>
  Effect.zipRight(
    Buffer.byteLength(listen.path) > longestPath
      ? failedAt(listen, new Error("the path is too long"))
      : removeLeftSocket(listen.path),
    Effect.acquireUseRelease(
      Effect.sync(() => process.umask(0o177)),
      () => NodeHttpServer.make(() => QuickServer.make(onClose), listen),
      (mask) => Effect.sync(() => process.umask(mask))
    )
  )

/** A server that listens while the scope is open. */
const listening = (
  listen: Listen,
  onClose: () => void
): Effect.Effect<HttpServer.HttpServer, ServiceListenFailed, Scope.Scope> =>
  Effect.catchTag(
    "path" in listen ? onSocket(listen, onClose) : NodeHttpServer.make(() => QuickServer.make(onClose), listen),
    "ServeError",
    ({ cause }) => failedAt(listen, cause)
  )

/** No answer is kept by anybody in between, unless it says otherwise. */
const headers = { "cache-control": "no-store", "x-content-type-options": "nosniff" }

/**
 * The service, while the scope is open. When it closes, event streams end, requests that are being answered have 0.3 seconds, and
 * the tower client below goes on until all of them have ended.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<HttpServer.HttpServer, ServiceListenFailed, Ports> =>
  Layer.unwrapScoped(
    Effect.gen(function* () {
      const stopping = yield* Deferred.make<void>()
      // A request is run by a fiber of its own: without this the database could be closed before it has ended.
      const requests = yield* FiberSet.make<unknown, unknown>()
      const server = Layer.scoped(
        HttpServer.HttpServer,
        listening(options.listen, () => Deferred.unsafeDone(stopping, Effect.void))
      )
      const groups = Layer.mergeAll(
        Handlers.health,
        Handlers.status,
        Handlers.towers,
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
            HttpApp.appendPreResponseHandler((_, response) =>
              Effect.succeed(HttpServerResponse.setHeaders(response, { ...headers, ...response.headers }))
            ),
            app
          )
        })
      ).pipe(
        Layer.provide(HttpApiBuilder.middlewareOpenApi({ path: "/openapi.json" })),
        Layer.provide(options.page === undefined ? Layer.empty : Page.routes(options.page, options.token)),
        Layer.provide(TypedErrors.layer),
        Layer.provide(api),
        Layer.provide(RequestChecks.layer(options.token)),
        Layer.provide(Logins.layer),
        Layer.provide(NodeHttpServer.layerContext),
        Layer.provide(Layer.succeed(MaxBodySize, Option.some(FileSystem.Size(RequestChecks.longestBody)))),
        Layer.provideMerge(server)
      )
    })
  )

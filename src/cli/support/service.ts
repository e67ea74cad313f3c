/**
 * The service of `wtclient run`: a tower client, its HTTP interface, its logs and its metrics. Loaded when it is used: the parts of HTTP
 * would take a third of the time in which other commands start.
 *
 * @since 0.1.0
 */
import * as HttpServer from "@effect/platform/HttpServer"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as BackupLogging from "../../layers/backup/logging.js"
import * as NodeHttpService from "../../layers/http/NodeHttpService.js"
import * as Metrics from "../../layers/Metrics.js"
import * as NodeWatchtower from "../../layers/NodeWatchtower.js"
import * as NegotiatorLogging from "../../layers/negotiator/logging.js"
import * as BlobType from "../../schema/BlobType.js"
import { TowerClient } from "../../services/TowerClient.js"
import { pageFolder } from "./pageFolder.js"
import { version } from "./version.js"

/** Logs what happens until the scope closes. */
const logs = Layer.scopedDiscard(
  Effect.gen(function* () {
    const client = yield* TowerClient
    yield* Effect.forkScoped(Stream.runForEach(yield* client.events, BackupLogging.log))
    for (const { events, policy } of client.negotiators) {
      yield* Effect.forkScoped(
        Effect.annotateLogs(
          Stream.runForEach(yield* events, NegotiatorLogging.log),
          "watchtower.negotiator",
          BlobType.nameOf(policy.blobType)
        )
      )
    }
  })
)

/** A place to listen, while the scope is open, and the address of it. @since 0.1.0 @category constructors */
export const listen = (at: NodeHttpService.Listen) =>
  Effect.map(Layer.build(NodeHttpService.listen(at)), (lasting) => ({
    lasting,
    address: Context.get(lasting, HttpServer.HttpServer).address
  }))

/** What a service is told. @since 0.1.0 @category models */
export interface Given {
  readonly watchtower: NodeWatchtower.ClientOptions
  readonly chain: NodeHttpService.Options["chain"]
  readonly token: Redacted.Redacted
  /** What `listen` has made. */
  readonly lasting: Context.Context<NodeHttpService.Lasting>
  /** The URL of a collector of OpenTelemetry, if there is one. */
  readonly collector: string | undefined
}

const telemetryOf = (collector: string | undefined): Layer.Layer<never> =>
  collector === undefined
    ? Layer.empty
    : Layer.unwrapEffect(
        Effect.map(
          Effect.promise(() => import("./telemetry.js")),
          ({ layer }) => layer(collector)
        )
      )

/** A service while the scope is open. Answers its tower client. @since 0.1.0 @category constructors */
export const start = ({ chain, collector, lasting, token, watchtower }: Given) =>
  Effect.map(
    Layer.build(
      NodeHttpService.serve({ chain, version, token, page: pageFolder() }).pipe(
        Layer.merge(Metrics.towerClient),
        Layer.merge(logs),
        Layer.provideMerge(NodeWatchtower.towerClient(watchtower)),
        Layer.provide(Layer.succeedContext(lasting)),
        // Below all others: it exports what they log while they end.
        Layer.provide(telemetryOf(collector))
      )
    ),
    (context) => Context.get(context, TowerClient)
  )

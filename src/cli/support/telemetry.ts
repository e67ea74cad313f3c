/**
 * What the service does, for a collector of OpenTelemetry: its log, its metrics, and its answers to requests with their statements to the
 * database as traces. Loaded where a collector is named.
 *
 * @since 0.1.0
 */
import * as Otlp from "@effect/opentelemetry/Otlp"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { variable } from "./settings.js"
import { version } from "./version.js"

/** A collector that is gone holds the end of the service for as long as this. */
const shutdownTimeout = "500 millis"

/** Exports while the scope is open; where the collector does not answer, what it was to get is dropped. @since 0.1.0 @category layers */
export const layer = (endpoint: string): Layer.Layer<never> =>
  Layer.unwrapEffect(
    Effect.map(variable("OTEL_SERVICE_NAME"), (serviceName = "wtclient") =>
      Otlp.layerJson({
        baseUrl: endpoint,
        resource: { serviceName, serviceVersion: version },
        shutdownTimeout
      })
    )
  ).pipe(Layer.provide(FetchHttpClient.layer))

/**
 * What the service does, for a collector of OpenTelemetry: its log, its metrics, and as traces its answers to requests and the rounds
 * of its negotiators, with their statements to the database. Loaded where a collector is named.
 *
 * @since 0.1.0
 */
import * as Otlp from "@effect/opentelemetry/Otlp"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import { variable } from "./settings.js"
import { version } from "./version.js"

/** A collector that is gone holds the end of the service for as long as this. */
const shutdownTimeout = "500 millis"

/** A span that is not exported; nor are those below it, which see that it is not sampled. */
const dropped = (span: Tracer.Span): Tracer.Span => Object.assign(span, { sampled: false, end: () => {} })

/** What the sender asks its database all day long belongs to no request and no round, and would be most of the traces. */
const withoutPolls = Layer.unwrapEffect(
  Effect.map(Effect.tracer, (tracer) =>
    Layer.setTracer(
      Tracer.make({
        context: (run, fiber) => tracer.context(run, fiber),
        span: (name, parent, ...others) => {
          const span = tracer.span(name, parent, ...others)
          const isLeftOut = Option.match(parent, {
            onNone: () => name.startsWith("sql."),
            onSome: ({ sampled }) => !sampled
          })
          return isLeftOut ? dropped(span) : span
        }
      })
    )
  )
)

const decoded = (text: string): string => Option.getOrElse(Option.liftThrowable(decodeURIComponent)(text), () => text)

/** What a collector asks for, such as `authorization=Bearer%20TOKEN`; as all programs that export read it, it may be percent-encoded. */
const headersOf = (text: string): ReadonlyArray<readonly [string, string]> =>
  text.split(",").flatMap((pair) => {
    const [name = "", ...value] = pair.split("=")
    return name.trim() === "" || value.length === 0 ? [] : [[name.trim(), decoded(value.join("=").trim())] as const]
  })

/** Exports while the scope is open; where the collector does not answer, what it was to get is dropped. @since 0.1.0 @category layers */
export const layer = (endpoint: string): Layer.Layer<never> =>
  Layer.unwrapEffect(
    Effect.zipWith(
      variable("OTEL_SERVICE_NAME"),
      variable("OTEL_EXPORTER_OTLP_HEADERS"),
      (serviceName = "wtclient", headers = "") =>
        Layer.provideMerge(
          withoutPolls,
          Otlp.layerJson({
            baseUrl: endpoint,
            headers: headersOf(headers),
            resource: { serviceName, serviceVersion: version },
            shutdownTimeout
          })
        )
    )
  ).pipe(Layer.provide(FetchHttpClient.layer))

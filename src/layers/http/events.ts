/**
 * The events as a response that does not end.
 *
 * @since 0.1.0
 */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import type * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { ServiceEvent, WatchtowerApi } from "../../schema/http/WatchtowerApi.js"
import { ServiceReport } from "./ServiceReport.js"

const json = Schema.encodeSync(Schema.parseJson(ServiceEvent))

/** By itself a browser waits for seconds before it comes back. */
const opening = "retry: 1000\n\n"

/** Proxies end what is silent, and a reader that has gone is noticed when something is written. */
const heartbeats = Stream.fromSchedule(Schedule.spaced("15 seconds")).pipe(Stream.map(() => ":\n\n"))

const textOf = (event: ServiceEvent): string => `event: ${event._tag}\ndata: ${json(event)}\n\n`

/** The stream of events, until the service stops. @since 0.1.0 @category layers */
export const layer = (stopping: Deferred.Deferred<void>) =>
  HttpApiBuilder.group(WatchtowerApi, "events", (handlers) =>
    Effect.map(ServiceReport, ({ events }) =>
      handlers.handleRaw("stream", () =>
        Effect.succeed(
          HttpServerResponse.stream(
            Stream.make(opening).pipe(
              Stream.concat(Stream.merge(Stream.map(events, textOf), heartbeats, { haltStrategy: "left" })),
              Stream.interruptWhenDeferred(stopping),
              Stream.encodeText
            ),
            { contentType: "text/event-stream" }
          )
        )
      )
    )
  )

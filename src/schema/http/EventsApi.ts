/**
 * The endpoint that says what happens, as it happens.
 *
 * @since 0.1.0
 * @module
 */
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as OpenApi from "@effect/platform/OpenApi"
import type * as Schema from "effect/Schema"
import { taggedUnion } from "../../internal/taggedUnion.js"
import { BlobType } from "../BlobType.js"
import { NegotiatorEvent } from "../NegotiatorEvent.js"
import { TowerClientEvent } from "../TowerClientEvent.js"
import { Authorization } from "./middleware.js"
import { ServiceStatus } from "./ServiceStatus.js"

/**
 * A line of the stream: the status when it begins, and then what happens in the tower client and in its negotiators. The numbers
 * of the events of each have no gaps; where one is missing, the reader was too slow, and reads the status again.
 *
 * @since 0.1.0
 * @category models
 */
export const ServiceEvent = taggedUnion({
  Status: { status: ServiceStatus },
  Client: { event: TowerClientEvent },
  Negotiator: { blobType: BlobType, event: NegotiatorEvent }
})
/** @since 0.1.0 @category models */
export type ServiceEvent = Schema.Schema.Type<typeof ServiceEvent>

/** Server-sent events; the data of each is a `ServiceEvent` as JSON, and its name is the tag. @since 0.1.0 @category endpoints */
export class EventsApi extends HttpApiGroup.make("events")
  .add(
    HttpApiEndpoint.get("stream", "/v1/events")
      .addSuccess(HttpApiSchema.Text({ contentType: "text/event-stream" }))
      .annotate(OpenApi.Summary, "What happens, as server-sent events; the first one is the status")
  )
  .middleware(Authorization) {}

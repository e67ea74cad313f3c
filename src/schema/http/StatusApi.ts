/**
 * The endpoints that say how the service is.
 *
 * @since 0.1.0
 * @module
 */
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as OpenApi from "@effect/platform/OpenApi"
import * as Schema from "effect/Schema"
import { Authorization } from "./middleware.js"
import { NotReady, withStatus } from "./refusals.js"
import { ServiceStatus } from "./ServiceStatus.js"

/** What a service that is well answers. @since 0.1.0 @category models */
export const Healthy = Schema.Struct({ status: Schema.Literal("ok") })

/** Health, for supervisors and monitoring: without a token, since nothing secret is said. @since 0.1.0 @category endpoints */
export class HealthApi extends HttpApiGroup.make("health")
  .add(
    HttpApiEndpoint.get("alive", "/healthz")
      .addSuccess(Healthy)
      .addError(withStatus(NotReady, 503))
      .annotate(OpenApi.Summary, "Is the service alive? 503: start it again")
  )
  .add(
    HttpApiEndpoint.get("ready", "/readyz")
      .addSuccess(Healthy)
      .addError(withStatus(NotReady, 503))
      .annotate(OpenApi.Summary, "Can the service take states? 503: its database does not answer")
  )
  .add(
    HttpApiEndpoint.get("metrics", "/metrics")
      .addSuccess(HttpApiSchema.Text({ contentType: "text/plain; version=0.0.4; charset=utf-8" }))
      .annotate(OpenApi.Summary, "Counts for Prometheus")
  ) {}

/** What the service does. @since 0.1.0 @category endpoints */
export class StatusApi extends HttpApiGroup.make("status")
  .add(
    HttpApiEndpoint.get("get", "/v1/status")
      .addSuccess(ServiceStatus)
      .annotate(OpenApi.Summary, "What is sent, what is tried now, and which sessions are asked for")
  )
  .middleware(Authorization) {}

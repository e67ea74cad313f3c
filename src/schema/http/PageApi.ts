/**
 * The endpoints that the page needs beside those of the others (docs/page.md).
 *
 * @since 0.1.0
 * @module
 */
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as OpenApi from "@effect/platform/OpenApi"
import * as Schema from "effect/Schema"
import { Instant, TowerId } from "../Ids.js"
import { Authorization } from "./middleware.js"
import { EndpointNotFound, withStatus } from "./refusals.js"

/** What happened in the minute that begins at `at`: sessions stored, updates confirmed, attempts and contacts that failed. @since 0.1.0 @category models */
export const Minute = Schema.Struct({
  at: Instant,
  sessions: Schema.NonNegativeInt,
  updates: Schema.NonNegativeInt,
  failures: Schema.NonNegativeInt
})
/** @since 0.1.0 @category models */
export type Minute = typeof Minute.Type

/** The last failure of a tower, as a sentence. @since 0.1.0 @category models */
export const LastFailure = Schema.Struct({ towerId: TowerId, at: Instant, message: Schema.String })
/** @since 0.1.0 @category models */
export type LastFailure = typeof LastFailure.Type

/**
 * What has happened since the service began, in the last day: minutes in which nothing did are left out. Kept in memory: a
 * service that starts again begins at zero.
 *
 * @since 0.1.0
 * @category models
 */
export const History = Schema.Struct({
  minutes: Schema.Array(Minute),
  lastFailures: Schema.Array(LastFailure)
}).annotations({ identifier: "History" })
/** @since 0.1.0 @category models */
export type History = typeof History.Type

/** Where a browser signs in, once, until that instant; `path` comes behind the address of the service. @since 0.1.0 @category models */
export const Login = Schema.Struct({ path: Schema.String, until: Instant }).annotations({ identifier: "Login" })
/** @since 0.1.0 @category models */
export type Login = typeof Login.Type

/** Counts for a plot, and the way in for a browser. @since 0.1.0 @category endpoints */
export class PageApi extends HttpApiGroup.make("page")
  .add(
    HttpApiEndpoint.get("history", "/v1/history")
      .addSuccess(History)
      .annotate(OpenApi.Summary, "Counts of the last day by minute, and the last failure of each tower")
  )
  .add(
    HttpApiEndpoint.post("login", "/v1/logins")
      .addSuccess(Login, { status: 201 })
      .addError(withStatus(EndpointNotFound, 404))
      .annotate(OpenApi.Summary, "An address that signs a browser in, once and within a minute")
  )
  .middleware(Authorization) {}

/**
 * What every request has to pass.
 *
 * @since 0.1.0
 * @module
 */
import * as HttpApiMiddleware from "@effect/platform/HttpApiMiddleware"
import * as HttpApiSecurity from "@effect/platform/HttpApiSecurity"
import * as Schema from "effect/Schema"
import { BodyNotJson, BodyTooLarge, ForeignRequest, Unauthorized, withStatus } from "./refusals.js"

/** The cookie of a browser that has signed in by `wtclient page`: a page's event stream cannot send a header. @since 0.1.0 @category middleware */
export const loginCookie = HttpApiSecurity.apiKey({ in: "cookie", key: "wtclient" })

/** The bearer token of the service, or the cookie of a browser that has signed in. @since 0.1.0 @category middleware */
export class Authorization extends HttpApiMiddleware.Tag<Authorization>()("effect-watchtower/http/Authorization", {
  failure: withStatus(Unauthorized, 401),
  security: {
    /** In the header `Authorization`. */
    token: HttpApiSecurity.bearer,
    /** Of a browser that has signed in. */
    cookie: loginCookie
  }
}) {}

/**
 * Host and Origin are those of this machine. So no page in a browser reaches the service, not even under a name that it makes
 * point here.
 *
 * @since 0.1.0
 * @category middleware
 */
export class LocalOnly extends HttpApiMiddleware.Tag<LocalOnly>()("effect-watchtower/http/LocalOnly", {
  failure: withStatus(ForeignRequest, 403)
}) {}

/** A body that would be cut short, or that is no JSON, is refused before it is read. @since 0.1.0 @category middleware */
export class JsonBody extends HttpApiMiddleware.Tag<JsonBody>()("effect-watchtower/http/JsonBody", {
  failure: Schema.Union(withStatus(BodyTooLarge, 413), withStatus(BodyNotJson, 415))
}) {}

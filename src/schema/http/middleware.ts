/**
 * What every request has to pass.
 *
 * @since 0.1.0
 * @module
 */
import * as HttpApiMiddleware from "@effect/platform/HttpApiMiddleware"
import * as HttpApiSecurity from "@effect/platform/HttpApiSecurity"
import { BodyTooLarge, ForeignRequest, Unauthorized, withStatus } from "./refusals.js"

/** The bearer token of the service. @since 0.1.0 @category middleware */
export class Authorization extends HttpApiMiddleware.Tag<Authorization>()("effect-watchtower/http/Authorization", {
  failure: withStatus(Unauthorized, 401),
  security: { token: HttpApiSecurity.bearer }
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

/** A body that would be cut short is refused before it is read. @since 0.1.0 @category middleware */
export class BodyLimit extends HttpApiMiddleware.Tag<BodyLimit>()("effect-watchtower/http/BodyLimit", {
  failure: withStatus(BodyTooLarge, 413)
}) {}

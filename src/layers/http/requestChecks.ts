/**
 * What every request has to pass: it means this machine, its body is not too large, and it brings the token.
 *
 * @since 0.1.0
 */
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import {
  Authorization,
  BodyNotJson,
  BodyTooLarge,
  ForeignRequest,
  JsonBody,
  LocalOnly,
  Unauthorized
} from "../../schema/http/WatchtowerApi.js"
import { isSame } from "./isSame.js"
import * as LoginCookie from "./loginCookie.js"

/** Room for a commitment transaction with all its HTLCs, as hex. @since 0.1.0 @category models */
export const longestBody = 256 * 1024

const localHost = /^(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/i

/**
 * A page in a browser can send requests to this machine, under a name that its owner makes point here too: then Host is that name,
 * or Origin that of the page.
 */
const localOnly = Layer.succeed(
  LocalOnly,
  Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ headers: { host = "", origin } }) =>
    !localHost.test(host)
      ? new ForeignRequest({ header: "Host" })
      : origin !== undefined && origin !== `http://${host}`
        ? new ForeignRequest({ header: "Origin" })
        : Effect.void
  )
)

const json = /^application\/json\s*(;|$)/i

/** A body without a length would be cut in the middle, and the caller would not be told why. */
const jsonBody = Layer.succeed(
  JsonBody,
  Effect.flatMap(
    HttpServerRequest.HttpServerRequest,
    ({ headers }): Effect.Effect<void, BodyTooLarge | BodyNotJson> => {
      const length = Number(headers["content-length"] ?? 0)
      if (headers["transfer-encoding"] !== undefined || length > longestBody)
        return new BodyTooLarge({ limit: longestBody })
      return length > 0 && !json.test(headers["content-type"] ?? "") ? new BodyNotJson() : Effect.void
    }
  )
)

/**
 * A browser sends the cookie along with what any page asks for, also a page on another port of this machine: what changes something has
 * to say by Origin which page it comes from, which `localOnly` compares.
 */
const hasOrigin = Effect.map(
  HttpServerRequest.HttpServerRequest,
  ({ headers, method }) => method === "GET" || method === "HEAD" || headers.origin !== undefined
)

const authorization = (token: Redacted.Redacted) =>
  Layer.succeed(Authorization, {
    token: (given) => (isSame(Redacted.value(given), Redacted.value(token)) ? Effect.void : new Unauthorized()),
    cookie: (given) =>
      Effect.gen(function* () {
        const now = yield* Clock.currentTimeMillis
        if (!LoginCookie.isValid(token, given, now) || !(yield* hasOrigin)) return yield* new Unauthorized()
      })
  })

/** The checks of a service with this token. @since 0.1.0 @category layers */
export const layer = (token: Redacted.Redacted): Layer.Layer<LocalOnly | JsonBody | Authorization> =>
  Layer.mergeAll(localOnly, jsonBody, authorization(token))

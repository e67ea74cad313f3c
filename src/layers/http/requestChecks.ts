/**
 * What every request has to pass: it means this machine, its body is not too large, and it brings the token.
 *
 * @since 0.1.0
 */
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import { sha256 } from "@noble/hashes/sha2.js"
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

const digestOf = (token: Redacted.Redacted): Uint8Array => sha256(new TextEncoder().encode(Redacted.value(token)))

/** Their digests are compared, byte by byte to the end: the time of an answer says nothing about the token. */
const isSame = (one: Redacted.Redacted, other: Redacted.Redacted): boolean => {
  const [a, b] = [digestOf(one), digestOf(other)]
  return a.reduce((difference, byte, at) => difference | (byte ^ (b[at] ?? 0)), 0) === 0
}

const authorization = (token: Redacted.Redacted) =>
  Layer.succeed(Authorization, {
    token: (given) => (isSame(given, token) ? Effect.void : new Unauthorized())
  })

/** The checks of a service with this token. @since 0.1.0 @category layers */
export const layer = (token: Redacted.Redacted): Layer.Layer<LocalOnly | JsonBody | Authorization> =>
  Layer.mergeAll(localOnly, jsonBody, authorization(token))

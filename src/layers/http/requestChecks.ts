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
  BodyLimit,
  BodyTooLarge,
  ForeignRequest,
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

/** A body without a length would be cut in the middle, and the caller would not be told why. */
const bodyLimit = Layer.succeed(
  BodyLimit,
  Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ headers }) =>
    headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > longestBody
      ? new BodyTooLarge({ limit: longestBody })
      : Effect.void
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
export const layer = (token: Redacted.Redacted): Layer.Layer<LocalOnly | BodyLimit | Authorization> =>
  Layer.mergeAll(localOnly, bodyLimit, authorization(token))

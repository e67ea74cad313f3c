/**
 * What the router and the platform answer without a body, or not at all, as typed errors with a sentence.
 *
 * @since 0.1.0
 */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import { HttpApiDecodeError } from "@effect/platform/HttpApiError"
import { RequestError, RouteNotFound } from "@effect/platform/HttpServerError"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import { EndpointNotFound, ServiceDefect, WatchtowerApi } from "../../schema/http/WatchtowerApi.js"

const badBody = new HttpApiDecodeError({
  issues: [],
  message: "The body cannot be read: it is not JSON, or it ends too early."
})

/** Names each field and what is wrong with it, where the formatter of schemas draws a tree. */
const inWords = ({ issues }: HttpApiDecodeError): HttpApiDecodeError => {
  const parts = issues.map(({ message, path }) => `${path.map(String).join(".") || "the request"}: ${message}`)
  return new HttpApiDecodeError({ issues, message: `The request is not valid. ${parts.join("; ")}` })
}

type Answered = EndpointNotFound | HttpApiDecodeError | ServiceDefect

const answerTo = (cause: Cause.Cause<never>): Effect.Effect<never, Answered> => {
  const error: unknown = Cause.squash(cause)
  if (error instanceof RouteNotFound) {
    const { method, url } = error.request
    return new EndpointNotFound({ method, path: url.replace(/\?.*$/s, "") })
  }
  if (error instanceof RequestError) return Effect.fail(badBody)
  if (error instanceof HttpApiDecodeError) return Effect.fail(inWords(error))
  // The typed errors of the endpoints, which go on to be encoded; and the end of a caller who has gone.
  return Cause.isDie(cause)
    ? Effect.zipRight(Effect.logError("a request has met a bug", cause), new ServiceDefect())
    : Effect.failCause(cause)
}

/** Answers each failed request with a typed error; a defect is logged. @since 0.1.0 @category layers */
export const layer = HttpApiBuilder.middleware(WatchtowerApi, Effect.catchAllCause(answerTo))

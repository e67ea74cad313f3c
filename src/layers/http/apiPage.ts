/**
 * A page for developers of clients, which describes the endpoints and tries them: Swagger UI, all of it in one file.
 *
 * @since 0.1.0
 */
import { createHash } from "node:crypto"
import * as HttpApiSwagger from "@effect/platform/HttpApiSwagger"
import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"

/** Where the page is. @since 0.1.0 @category models */
export const path = "/api"

/** The route of the page. @since 0.1.0 @category layers */
export const layer = HttpApiSwagger.layer({ path })

const hash = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`

/** The page has one script and one style, both inline: their hashes allow these, and nothing that may be injected. */
const policyOf = (page: string): string => {
  const all = (pattern: RegExp) => [...page.matchAll(pattern)].map(([, text = ""]) => hash(text)).join(" ")
  return [
    "default-src 'none'",
    `script-src ${all(/<script>(.*?)<\/script>/gs)}`,
    `style-src ${all(/<style>(.*?)<\/style>/gs)}`,
    "connect-src 'self'",
    "img-src 'self' data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'"
  ].join("; ")
}

/** The page is two megabytes, and always the same. */
const policies = new WeakMap<Uint8Array, string>()

/** The response, with its content security policy if it is the page. @since 0.1.0 @category combinators */
export const withPolicy = (
  { url }: HttpServerRequest.HttpServerRequest,
  response: HttpServerResponse.HttpServerResponse
): HttpServerResponse.HttpServerResponse => {
  const { body } = response
  if (url.split("?", 1)[0] !== path || body._tag !== "Uint8Array") return response
  const policy = policies.get(body.body) ?? policyOf(new TextDecoder().decode(body.body))
  policies.set(body.body, policy)
  return HttpServerResponse.setHeader(response, "content-security-policy", policy)
}

/**
 * The page for browsers: its files, how a browser signs in, and the endpoints that only the page needs.
 *
 * @since 0.1.0
 */
import * as fs from "node:fs"
import * as path from "node:path"
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { sha256 } from "@noble/hashes/sha2.js"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { toHex } from "../../internal/bytes.js"
import { EndpointNotFound, loginCookie, WatchtowerApi } from "../../schema/http/WatchtowerApi.js"
import { ServiceHistory } from "./history.js"
import * as LoginCookie from "./loginCookie.js"
import * as Logins from "./logins.js"

const noPage = new EndpointNotFound({ method: "POST", path: "/v1/logins" })

/** Without a page there is nothing to sign in to. @since 0.1.0 @category layers */
export const endpoints = (hasPage: boolean) =>
  HttpApiBuilder.group(WatchtowerApi, "page", (handlers) =>
    Effect.gen(function* () {
      const history = yield* ServiceHistory
      const logins = yield* Logins.Logins
      return handlers.handle("history", () => history).handle("login", () => (hasPage ? logins.issue : noPage))
    })
  )

/** Markup that is injected into the page runs no script, and sends nothing to another host. The page itself has no inline script, style or handler. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'"
].join("; ")

const files = [
  { path: "/", name: "index.html", type: "text/html; charset=utf-8" },
  { path: "/page.js", name: "page.js", type: "text/javascript; charset=utf-8" },
  { path: "/page.css", name: "page.css", type: "text/css; charset=utf-8" }
] as const

/** A file that is in memory from the start; a browser that has it is told so. */
const fileResponse = (folder: string, { name, type }: (typeof files)[number]) => {
  const bytes = fs.readFileSync(path.join(folder, name))
  const etag = `"${toHex(sha256(bytes)).slice(0, 32)}"`
  const headers = {
    etag,
    "cache-control": "no-cache",
    "content-security-policy": contentSecurityPolicy,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer"
  }
  return Effect.map(HttpServerRequest.HttpServerRequest, (request) =>
    request.headers["if-none-match"] === etag
      ? HttpServerResponse.empty({ status: 304, headers })
      : HttpServerResponse.uint8Array(bytes, { contentType: type, headers })
  )
}

const cookieOptions = {
  httpOnly: true,
  sameSite: "strict",
  path: "/",
  maxAge: LoginCookie.lifetimeMs,
  // Over plain HTTP some browsers drop a cookie that is for TLS alone, also on this machine.
  secure: false
} as const

const parameters = HttpServerRequest.schemaSearchParams(Schema.Struct({ token: Schema.String }))

/** The token leaves the address bar: the page comes after a redirect, also where the token is no good; the page says then what to do. */
const signIn = (token: Redacted.Redacted) =>
  Effect.gen(function* () {
    const logins = yield* Logins.Logins
    return Effect.gen(function* () {
      const given = yield* Effect.orElseSucceed(parameters, () => ({ token: "" }))
      const toPage = HttpServerResponse.redirect("/", { status: 303, headers: { "referrer-policy": "no-referrer" } })
      if (!(yield* logins.redeem(given.token))) return toPage
      const value = LoginCookie.make(token, yield* Clock.currentTimeMillis)
      return HttpServerResponse.unsafeSetCookie(toPage, loginCookie.key, Redacted.value(value), cookieOptions)
    })
  })

/** The routes of a browser. `folder`: what `npm run build` made of `src/page`. @since 0.1.0 @category layers */
export const routes = (folder: string, token: Redacted.Redacted): Layer.Layer<never, never, Logins.Logins> =>
  HttpApiBuilder.Router.use((router) =>
    Effect.gen(function* () {
      for (const file of files) yield* router.get(file.path, fileResponse(folder, file))
      yield* router.get(Logins.path, yield* signIn(token))
    })
  )

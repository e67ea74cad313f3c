/** The page that describes the endpoints of the service, in a real browser. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Browser } from "playwright-core"
import { request, start } from "../layers/http/service.js"
import { hasBrowser, launch, opened } from "./browser.js"

if (!hasBrowser) console.log("No /usr/bin/chromium: the page of the endpoints is not looked at in a browser.")

/** Chromium asks for one, since the page names none. */
const noIcon = /404 \(Not Found\)/

describe("the page of the endpoints", () => {
  it.scopedLive("may run its own script and its own style, and nothing else", () =>
    Effect.gen(function* () {
      const { port } = yield* start()
      const { headers } = yield* request({ host: "127.0.0.1", port }, "/api")
      const policy = String(headers["content-security-policy"])
      assert.match(policy, /^default-src 'none'; script-src 'sha256-\S+'; style-src 'sha256-\S+'; connect-src 'self';/)
      const other = yield* request({ host: "127.0.0.1", port }, "/openapi.json")
      assert.isUndefined(other.headers["content-security-policy"])
    })
  )
})

describe.skipIf(!hasBrowser)("the page of the endpoints, in a browser", () => {
  let browser: Browser

  beforeAll(async () => {
    browser = await launch()
  })

  afterAll(() => browser.close())

  it.scopedLive("lists them, and tries one", () =>
    Effect.gen(function* () {
      const { port } = yield* start()
      const { go, page, shows } = yield* opened(browser, port, { mayComplainOf: noIcon })
      yield* go(`http://127.0.0.1:${port}/api`)
      yield* shows("/v1/doctor")
      yield* shows(/waiting/)
      yield* Effect.promise(async () => {
        await page.locator(".opblock", { hasText: "/healthz" }).first().click()
        await page.getByRole("button", { name: "Try it out" }).click()
        await page.getByRole("button", { name: "Execute" }).click()
      })
      // What the service answered.
      yield* shows(`curl -X 'GET'`)
      yield* Effect.promise(() =>
        page.locator(".live-responses-table .response-col_status", { hasText: "200" }).waitFor()
      )
    })
  )
})

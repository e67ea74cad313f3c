/** The site of the documents, as `npm run docs:site` has built it. */
import { once } from "node:events"
import * as fs from "node:fs"
import * as Http from "node:http"
import * as path from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Browser } from "playwright-core"
import { checkout, of } from "../package/markdown.js"
import { barriers, type Given, hasBrowser, launch, opened } from "../page/browser.js"

const built = path.join(checkout, "site/dist")

const textOf = (page: string) => fs.readFileSync(path.join(built, page), "utf8")

const pages = fs
  .readdirSync(built, { recursive: true, encoding: "utf8" })
  .filter((name) => /(?<!404)\.html$/.test(name))

describe("the pages of the site", () => {
  it("have no link that leads nowhere, to another page or to a heading", () => {
    const idsOf = new Map(
      pages.map((page) => [page, new Set([...textOf(page).matchAll(/ id="([^"]+)"/g)].map(([, id]) => id))])
    )
    let count = 0
    const wrong = pages.flatMap((page) =>
      [...textOf(page).matchAll(/<a [^>]*href="([^"]+)"/g)]
        .map(([, href = ""]) => href)
        .filter((href) => !/^[a-z]+:/.test(href))
        .filter((href) => {
          count += 1
          const { hash, pathname } = new URL(href, `http://site/${page}`)
          const target = `${decodeURIComponent(pathname).slice(1)}${pathname.endsWith("/") ? "index.html" : ""}`
          const ids = idsOf.get(target)
          if (ids === undefined) return !fs.existsSync(path.join(built, target))
          // Headings of code in other languages are written with percents.
          return hash !== "" && !ids.has(decodeURIComponent(hash.slice(1)))
        })
        .map((href) => `${page}: ${href}`)
    )
    assert.isAbove(count, 500)
    assert.deepStrictEqual(wrong, [])
  })
})

const types: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".png": "image/png"
}

if (!hasBrowser) console.log("No /usr/bin/chromium: the site is not looked at in a browser.")

describe.skipIf(!hasBrowser)("the site in a browser", () => {
  let browser: Browser
  let port = 0
  const server = Http.createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "", "http://site")
    const file = path.join(built, pathname.endsWith("/") ? `${pathname}index.html` : pathname)
    if (!fs.existsSync(file)) return void response.writeHead(404).end()
    response.writeHead(200, { "content-type": types[path.extname(file)] ?? "text/plain" }).end(fs.readFileSync(file))
  })

  beforeAll(async () => {
    server.listen(0, "127.0.0.1")
    await once(server, "listening")
    const address = server.address()
    port = typeof address === "object" && address !== null ? address.port : 0
    browser = await launch()
  })

  afterAll(async () => {
    await browser.close()
    server.close()
  })

  /** A window at a page. It fails the test by a request to elsewhere, and by an error. */
  const at = (page: string, given: Given = {}) =>
    Effect.tap(opened(browser, port, given), (window) => window.go(`http://127.0.0.1:${port}/${page}`))

  const pictures = of("mermaid")

  const draws = (file: string, given: Given) =>
    Effect.gen(function* () {
      const { page } = yield* at(file.replace(/README\.md$/, "index.md").replace(/md$/, "html"), given)
      const expected = pictures.filter((one) => one.file === file).length
      const areDrawn = `document.querySelectorAll(".picture svg").length === ${expected}`
      yield* Effect.promise(() => page.waitForFunction(areDrawn))
      const words = yield* Effect.promise(() => page.locator(".picture").allInnerTexts())
      assert.notInclude(words.join("\n"), "Syntax error")
    })

  it.scopedLive("draws each picture", () => {
    assert.isAbove(pictures.length, 5)
    return Effect.forEach(new Set(pictures.map(({ file }) => file)), (file) => draws(file, { colorScheme: "light" }))
  })

  it.scopedLive("draws them for readers of light text on a dark ground too", () =>
    draws("docs/embed.md", { colorScheme: "dark" })
  )

  it.scopedLive("has no barriers, on a page of text and on one of tables", () =>
    Effect.gen(function* () {
      for (const name of ["docs/", "docs/run.html"]) {
        const { page } = yield* at(name)
        yield* Effect.promise(() => page.locator("h1").waitFor())
        // VitePress's own search button shows its keys beside the word that is its name.
        const found = (yield* barriers(page)).filter(
          (one) => !/^label-content-name-mismatch: .*DocSearch-Button/.test(one)
        )
        assert.deepStrictEqual(found, [], name)
      }
    })
  )

  it.scopedLive("finds a word that is searched for", () =>
    Effect.gen(function* () {
      const { page } = yield* at("")
      yield* Effect.promise(async () => {
        await page.getByRole("button", { name: "Search" }).click()
        await page.getByRole("searchbox").fill("quarantine")
        await page.getByRole("option").first().waitFor()
        await page.getByRole("option").filter({ hasText: "Quarantine" }).first().click()
        await page.waitForURL(/negotiation\.html#92-quarantine/)
      })
    })
  )
})

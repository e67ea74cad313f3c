/** A browser that looks at the page as its users do. It fails a test by what the page must never do. */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core"
import { buildPage } from "../../scripts/page.js"
import { request } from "../layers/http/service.js"

const executablePath = "/usr/bin/chromium"

export const hasBrowser = fs.existsSync(executablePath)

/** The folder of a page that is built from the source as it is now. */
export const builtPage = async (): Promise<string> => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "page-"))
  await buildPage(folder)
  return folder
}

export const launch = (): Promise<Browser> =>
  chromium.launch({
    executablePath,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync"
    ]
  })

export interface Given extends BrowserContextOptions {
  /** What the console may complain of, such as a service that was stopped by the test. */
  readonly mayComplainOf?: RegExp
}

/** An address of the page of this service that can be opened once. */
export const address = (port: number): Effect.Effect<string> =>
  Effect.map(
    request({ host: "127.0.0.1", port }, "/v1/logins", { method: "POST" }),
    ({ body }) => `http://127.0.0.1:${port}${body.path}`
  )

const axe = fs.readFileSync(path.resolve(import.meta.dirname, "../../node_modules/axe-core/axe.min.js"), "utf8")

/** What axe finds wrong, in words. */
export const barriers = (page: Page): Effect.Effect<ReadonlyArray<string>> =>
  Effect.promise(async () => {
    // Through the debugger: the page's policy would refuse it.
    await page.evaluate(axe)
    const found: unknown = await page.evaluate(
      `axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }).then(({ violations }) =>
        violations.flatMap(({ help, id, nodes }) => nodes.map(({ html }) => id + ": " + help + ": " + html)))`
    )
    return Array.isArray(found) ? found.map(String) : ["axe gave no answer"]
  })

/** A window of the browser at the page; when the scope closes, what it must not have done fails the test. */
export const opened = (browser: Browser, port: number, { mayComplainOf, ...options }: Given = {}) =>
  Effect.gen(function* () {
    const complaints: Array<string> = []
    const context = yield* Effect.acquireRelease(
      Effect.promise(() => browser.newContext({ locale: "en-GB", ...options })),
      (context) =>
        Effect.promise(async () => {
          await context.close()
          assert.deepStrictEqual(complaints, [])
        })
    )
    // Without it a thing that is missing is waited for as long as the test may take.
    context.setDefaultTimeout(20_000)
    const page = yield* Effect.promise(() => context.newPage())
    page.on("console", (message) => {
      // Chromium reports a breach of the policy as an error.
      const text = message.text()
      if (message.type() === "error" && !mayComplainOf?.test(text)) complaints.push(text)
    })
    page.on("pageerror", (error) => complaints.push(String(error)))
    page.on("request", (one) => {
      const { origin, protocol } = new URL(one.url())
      if (protocol !== "data:" && origin !== `http://127.0.0.1:${port}`) complaints.push(`a request to ${one.url()}`)
    })
    const go = (url: string) => Effect.promise(() => page.goto(url))
    /** Comes back when the page shows this. */
    const shows = (text: string | RegExp) => Effect.promise(() => page.getByText(text).first().waitFor())
    const press = (...keys: ReadonlyArray<string>) =>
      Effect.promise(async () => {
        for (const key of keys) await page.keyboard.press(key)
      })
    return { cookies: Effect.promise(() => context.cookies()), page, go, shows, press }
  })

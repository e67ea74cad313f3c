/** The page in a real browser. */
import * as fs from "node:fs"
import type { Socket } from "node:net"
import * as path from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Redacted, Scope } from "effect"
import type { Browser, Page } from "playwright-core"
import * as FixedKeyRing from "../../src/layers/testing/FixedKeyRing.js"
import * as RevokedStates from "../../src/layers/testing/RevokedStates.js"
import * as NodeLoopbackTower from "../../src/layers/tower/NodeLoopbackTower.js"
import * as Chain from "../../src/schema/Chain.js"
import * as TowerUri from "../../src/schema/TowerUri.js"
import { TowerClient } from "../../src/services/TowerClient.js"
import { stranger } from "../cli/strangers.js"
import { chain, start } from "../layers/http/service.js"
import { address, barriers, builtPage, type Given, hasBrowser, launch, opened } from "./browser.js"

if (!hasBrowser) console.log("No /usr/bin/chromium: the page is not looked at in a browser.")

const deadTower = "02e3a49ca85475ef3c398274448996c452afd13010fd18142e8db008468ebc6a2e@127.0.0.1:1"

describe.skipIf(!hasBrowser)("the page", () => {
  let browser: Browser
  let folder: string

  beforeAll(async () => {
    folder = await builtPage()
    browser = await launch()
  })

  afterAll(async () => {
    await browser.close()
    fs.rmSync(folder, { recursive: true })
  })

  /** A service, and a browser that is signed in there. */
  const signedIn = ({ spare = 1, ...given }: Given & { readonly spare?: number } = {}) =>
    Effect.gen(function* () {
      const service = yield* start({ page: folder, spare })
      const window = yield* opened(browser, service.port, given)
      yield* window.go(yield* address(service.port))
      yield* window.shows("✓ Connected")
      return { ...service, ...window }
    })

  const add = (page: Page, tower: string) =>
    Effect.promise(async () => {
      await page.getByLabel("Add a tower").fill(tower)
      await page.getByRole("button", { name: "Add", exact: true }).click()
    })

  const cells = (page: Page) => Effect.promise(() => page.getByRole("row").allInnerTexts())

  /** A picture for docs/page.md, where one is asked for. */
  const picture = (page: Page, name: string) =>
    process.env.SCREENSHOTS === undefined
      ? Effect.void
      : Effect.promise(() =>
          page.screenshot({ path: path.resolve(import.meta.dirname, `../../docs/images/${name}.png`) })
        )

  it.scopedLive("says at the first start what is there and what to do", () =>
    Effect.gen(function* () {
      const { page, shows } = yield* signedIn()
      yield* shows("There is no tower yet. Add one: without a tower nothing is backed up.")
      yield* shows("There are no sessions yet.")
      yield* shows("There are no channels.")
      yield* shows("No session is asked for.")
      yield* shows("bitcoin regtest, version 1.2.3")
      assert.strictEqual(new URL(page.url()).search, "")
      assert.deepStrictEqual(yield* barriers(page), [])
    })
  )

  it.scopedLive("shows a tower that is added, and the sessions that it gives, without being asked again", () =>
    Effect.gen(function* () {
      const { page, shows, uri } = yield* signedIn()
      yield* add(page, uri)
      yield* shows("The tower is added.")
      yield* shows("For all types of session: can be asked for sessions.")
      yield* shows("Has given 4 sessions.")
      const rows = yield* cells(page)
      assert.strictEqual(rows.length, 5)
      assert.match(rows.join("\n"), /Session \d+\s+Tower 1\s+anchor\s+0 of 1,024\s+not used yet/)
      yield* shows("No session is asked for.")
      yield* Effect.promise(() =>
        page.getByRole("img", { name: /^By minute: 4 sessions, 0 updates, 0 failures$/ }).waitFor()
      )
      assert.deepStrictEqual(yield* barriers(page), [])
      assert.strictEqual(yield* Effect.promise(() => page.getByLabel("Add a tower").inputValue()), "")
    })
  )

  it.scopedLive("shows a tower that is added at once, also where nothing else happens because of it", () =>
    Effect.gen(function* () {
      const { port, uri } = yield* start({ page: folder })
      const { go, page, shows } = yield* opened(browser, port)
      yield* Effect.promise(() => page.clock.install())
      yield* go(yield* address(port))
      yield* shows("There is no tower yet.")
      // From here on the page's timers stand still, by which it loads again now and then.
      yield* Effect.promise(() => page.clock.pauseAt(Date.now() + 2000))
      yield* add(page, uri)
      yield* shows("Tower 1")
    })
  )

  it.scopedLive("takes a tower that is typed, added, and removed with the keyboard alone", () =>
    Effect.gen(function* () {
      const { page, press, shows, uri } = yield* signedIn()
      // The page is connected before it shows anything that a key could reach.
      yield* Effect.promise(() => page.getByLabel("Add a tower").waitFor())
      yield* press("Tab")
      yield* Effect.promise(() => page.keyboard.type(uri))
      yield* press("Enter")
      yield* shows("The tower is added.")
      yield* shows("Has given 4 sessions.")
      page.on("dialog", (dialog) => void dialog.accept())
      yield* press("Tab", "Tab", "Tab")
      const focused = Effect.promise(() => page.locator(":focus").innerText())
      assert.strictEqual(yield* focused, "Remove tower 1")
      yield* press("Enter")
      yield* shows("There is no tower yet.")
      yield* shows("Tower 1 is removed.")
      yield* shows("inactive: its tower was removed or deactivated")
      assert.strictEqual(yield* focused, "Towers")
    })
  )

  it.scopedLive("says in words what is wrong with a tower's address, and keeps what was typed", () =>
    Effect.gen(function* () {
      const { page, shows } = yield* signedIn({ mayComplainOf: /400 \(Bad Request\)/ })
      yield* add(page, "zz@example.org")
      yield* shows(/public key/)
      const input = page.getByLabel("Add a tower")
      assert.strictEqual(yield* Effect.promise(() => input.inputValue()), "zz@example.org")
      assert.strictEqual(yield* Effect.promise(() => input.getAttribute("aria-invalid")), "true")
      assert.deepStrictEqual(yield* barriers(page), [])
    })
  )

  it.scopedLive("says why a tower fails, counts down its rest, and asks one that is left out again", () =>
    Effect.gen(function* () {
      const { page, shows } = yield* signedIn()
      const secretKey = Redacted.make(new Uint8Array(32).fill(9))
      const other = yield* NodeLoopbackTower.make({ chain: Chain.bitcoinMainnet, secretKey })
      yield* add(page, deadTower)
      yield* shows(/Last failure, \d+ s ago: .*127\.0\.0\.1:1/)
      const first = yield* Effect.promise(() =>
        page
          .getByText(/rests after a failure, for/)
          .first()
          .innerText()
      )
      yield* Effect.promise(() => page.getByText(first).waitFor({ state: "detached" }))
      yield* shows(/rests after a failure, for/)
      yield* add(page, TowerUri.print(other.uri))
      yield* shows(/is left out, since it watches another chain: asked again in/)
      yield* shows(
        /Last failure, \d+ s ago: The tower will not give a session for this policy: it watches bitcoin mainnet\./
      )
      assert.deepStrictEqual(yield* barriers(page), [])
      yield* Effect.promise(() => page.getByRole("button", { name: "Ask tower 2 again" }).click())
      yield* shows("It is asked again.")
      assert.strictEqual(yield* Effect.promise(() => page.locator(":focus").innerText()), "Tower 2")
    })
  )

  it.scopedLive("asks the doctor with the keyboard, shows that it is asked, and then the answer", () =>
    Effect.gen(function* () {
      const { page, press, shows } = yield* signedIn({ spare: 0 })
      const sockets: Array<Socket> = []
      const address = yield* stranger((socket) => void sockets.push(socket.resume()))
      yield* add(page, `${FixedKeyRing.publicKeyOf(1)}@${address}`)
      const button = page.getByRole("button", { name: "Ask the doctor about tower 1" })
      yield* Effect.promise(() => button.focus())
      yield* press("Enter")
      yield* shows(`The doctor looks at ${address}.`)
      assert.strictEqual(yield* Effect.promise(() => button.getAttribute("aria-disabled")), "true")
      assert.deepStrictEqual(yield* barriers(page), [])
      // Once more meanwhile: the doctor is not asked twice.
      yield* Effect.repeat(Effect.yieldNow(), { until: () => sockets.length > 0 })
      yield* press("Enter")
      for (const socket of sockets) socket.destroy()
      const said = page.getByRole("status").filter({ hasText: "The doctor at" })
      yield* Effect.promise(() => said.getByText(/^✗ .* hung up at the beginning of the handshake\./).waitFor())
      assert.lengthOf(sockets, 1)
      assert.strictEqual(yield* Effect.promise(() => button.getAttribute("aria-disabled")), "false")
      yield* press("Tab", "Tab")
      assert.strictEqual(
        yield* Effect.promise(() => page.locator(":focus").innerText()),
        "What the doctor saw at tower 1"
      )
      yield* press("Enter")
      yield* shows(`${address} is an IPv4 address`)
      yield* shows(/^after \d+ ms: connected$/)
      assert.deepStrictEqual(yield* barriers(page), [])
    })
  )

  it.scopedLive("says what the doctor finds at each address of a tower, and why there is no answer", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { port, uri } = yield* Scope.extend(start({ page: folder }), scope)
      const { go, page, shows } = yield* opened(browser, port, {
        mayComplainOf: /ERR_(CONNECTION_REFUSED|INCOMPLETE_CHUNKED|EMPTY|CONNECTION_RESET)/
      })
      yield* go(yield* address(port))
      yield* add(page, uri)
      yield* shows("Tower 1")
      yield* add(page, uri.replace(/@.*/, "@127.0.0.1:1"))
      yield* shows("127.0.0.1:1,")
      const button = page.getByRole("button", { name: "Ask the doctor about tower 1" })
      yield* Effect.promise(() => button.click())
      yield* shows(/^✓ 127\.0\.0\.1:\d+: This is a tower of this chain, and its key is right\.$/)
      yield* shows(/^✗ 127\.0\.0\.1:1: .*: no program listens there\.$/)
      yield* Scope.close(scope, Exit.void)
      yield* shows("✗ The service does not answer. The page tries again by itself.")
      yield* Effect.promise(() => button.click())
      yield* Effect.promise(() => page.getByText("The service does not answer.", { exact: true }).waitFor())
    })
  )

  it.scopedLive("shows the states of channels, and why some have no copy yet", () =>
    Effect.gen(function* () {
      const { context: services, page, shows, uri } = yield* signedIn({ spare: 0 })
      const client = Context.get(services, TowerClient)
      const { at, channel } = yield* RevokedStates.make({ chain, type: "anchors" })
      yield* client.registerChannel(channel)
      const { sign, state } = at(3)
      yield* client.backupState(state, sign)
      yield* shows(/^1 state waits: no tower can take them: add one\.$/)
      yield* add(page, uri)
      yield* Effect.promise(() => page.getByRole("cell", { name: "1 of 1", exact: true }).waitFor())
      yield* Effect.promise(() => page.getByText("1 of 1,024").waitFor())
      yield* Effect.promise(() => page.getByRole("img", { name: /1 session, 1 update, / }).waitFor())
      assert.deepStrictEqual(yield* barriers(page), [])
    })
  )

  it.scopedLive("says that the service has gone, and shows what it does when it is back, signed in as before", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { port, uri } = yield* Scope.extend(start({ page: folder, spare: 1 }), scope)
      const window = yield* opened(browser, port, {
        mayComplainOf: /ERR_(CONNECTION_REFUSED|INCOMPLETE_CHUNKED|EMPTY|CONNECTION_RESET)/
      })
      yield* window.go(yield* address(port))
      yield* add(window.page, uri)
      yield* window.shows("Has given 4 sessions.")
      yield* Scope.close(scope, Exit.void)
      yield* window.shows("✗ The service does not answer. The page tries again by itself.")
      yield* window.shows(/What is shown is from \d/)
      assert.deepStrictEqual(yield* barriers(window.page), [])
      yield* add(window.page, uri)
      yield* window.shows("The service does not answer.")
      // A new service with an empty database: what was true before must not stay.
      yield* start({ page: folder, spare: 1, listen: { host: "127.0.0.1", port } })
      yield* window.shows("✓ Connected")
      yield* window.shows("There is no tower yet.")
      yield* window.shows("There are no sessions yet.")
    })
  )

  it.scopedLive("tells a browser that is not signed in how to, also one with an address that was opened before", () =>
    Effect.gen(function* () {
      const { port } = yield* start({ page: folder })
      const once = yield* address(port)
      const first = yield* opened(browser, port)
      yield* first.go(once)
      yield* first.shows("✓ Connected")
      const second = yield* opened(browser, port, { mayComplainOf: /401 \(Unauthorized\)/ })
      yield* second.go(once)
      yield* second.shows("This browser is not signed in.")
      assert.deepStrictEqual(yield* barriers(second.page), [])
      const [cookie] = yield* first.cookies
      assert.deepInclude(cookie, { name: "wtclient", httpOnly: true, sameSite: "Strict", path: "/" })
    })
  )

  const looks: ReadonlyArray<readonly [name: string, given: Given]> = [
    ["light", { colorScheme: "light", viewport: { width: 960, height: 1200 } }],
    ["dark", { colorScheme: "dark", viewport: { width: 960, height: 1200 } }],
    ["phone", { colorScheme: "light", viewport: { width: 320, height: 900 } }]
  ]
  for (const [name, given] of looks) {
    it.scopedLive(`has no barriers and nothing outside the window: ${name}`, () =>
      Effect.gen(function* () {
        const { context: services, page, shows, uri } = yield* signedIn(given)
        yield* add(page, uri)
        yield* shows("Has given 4 sessions.")
        yield* add(page, deadTower)
        const client = Context.get(services, TowerClient)
        const { at, channel } = yield* RevokedStates.make({ chain, type: "anchors" })
        yield* client.registerChannel(channel)
        for (const height of [1, 2, 3, 4, 5]) {
          const { sign, state } = at(height)
          yield* client.backupState(state, sign)
        }
        yield* shows("5 of 5")
        yield* shows("Tower 2")
        yield* Effect.promise(() => page.getByRole("button", { name: "Ask the doctor about tower 2" }).click())
        yield* shows(/^✗ Cannot connect to/)
        yield* Effect.promise(() => page.evaluate("document.activeElement.blur(); scrollTo(0, 0)"))
        assert.deepStrictEqual(yield* barriers(page), [])
        const widths = yield* Effect.promise(() =>
          page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        )
        const { width } = given.viewport ?? { width: 0 }
        assert.deepStrictEqual(widths, [width, width])
        yield* picture(page, `page-${name}`)
      })
    )
  }
})

/** What a browser gets from the service before the page runs: its files, and how it signs in. */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, TestClock } from "effect"
import * as LoginCookie from "../../../src/layers/http/loginCookie.js"
import * as Logins from "../../../src/layers/http/logins.js"
import { History } from "../../../src/schema/http/WatchtowerApi.js"
import { decoded, type Request, request, start, token } from "./service.js"

const names = ["index.html", "page.js", "page.css"]

/** A service with a page of three small files. */
const service = Effect.gen(function* () {
  const page = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const folder = fs.mkdtempSync(path.join(os.tmpdir(), "page-"))
      for (const name of names) fs.writeFileSync(path.join(folder, name), `the text of ${name}`)
      return folder
    }),
    (folder) => Effect.sync(() => fs.rmSync(folder, { recursive: true }))
  )
  const one = yield* start({ page, spare: 1 })
  const ask = (at: string, given: Request = {}) =>
    request({ host: "127.0.0.1", port: one.port }, at, { token: undefined, ...given })
  /** What a browser sends after it has opened this path. */
  const cookieAt = (at: string) => Effect.map(ask(at), ({ headers }) => headers["set-cookie"]?.[0]?.split(";")[0])
  return { ...one, ask, cookieAt, login: ask("/v1/logins", { method: "POST", token }) }
})

describe("the page's files", () => {
  it.scopedLive("need no token, have a strict policy, and are sent once", () =>
    Effect.gen(function* () {
      const { ask } = yield* service
      const files = [
        ["/", "index.html", "text/html"],
        ["/page.js", "page.js", "text/javascript"],
        ["/page.css", "page.css", "text/css"]
      ] as const
      for (const [at, name, type] of files) {
        const first = yield* ask(at)
        assert.deepStrictEqual([first.status, first.text], [200, `the text of ${name}`])
        assert.match(String(first.headers["content-type"]), new RegExp(`^${type}; charset=utf-8$`))
        const policy = String(first.headers["content-security-policy"])
        assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; /)
        assert.notMatch(policy, /unsafe|\*|https?:/)
        assert.deepInclude(first.headers, {
          "cache-control": "no-cache",
          "x-content-type-options": "nosniff",
          "referrer-policy": "no-referrer"
        })
        const again = yield* ask(at, { headers: { "if-none-match": String(first.headers.etag) } })
        assert.deepStrictEqual([again.status, again.text, again.headers.etag], [304, "", first.headers.etag])
        assert.strictEqual((yield* ask(at, { headers: { "if-none-match": '"other"' } })).status, 200)
        assert.strictEqual((yield* ask(at, { headers: { host: "evil.example" } })).status, 403)
      }
    })
  )

  it.scopedLive("are not there where none were built", () =>
    Effect.gen(function* () {
      const { port } = yield* start()
      const { body, status } = yield* request({ host: "127.0.0.1", port }, "/")
      assert.deepStrictEqual([status, body._tag], [404, "EndpointNotFound"])
      const login = yield* request({ host: "127.0.0.1", port }, "/v1/logins", { method: "POST" })
      assert.deepStrictEqual([login.status, login.body._tag], [404, "EndpointNotFound"])
    })
  )
})

describe("a browser", () => {
  it.scopedLive("signs in by an address that is made with the token, once", () =>
    Effect.gen(function* () {
      const { ask, cookieAt, login } = yield* service
      assert.strictEqual((yield* ask("/v1/logins", { method: "POST" })).status, 401)
      const { body, status } = yield* login
      assert.strictEqual(status, 201)
      const at = String(body.path)
      assert.match(at, /^\/login\?token=[0-9a-f]{64}$/)
      const opened = yield* ask(at)
      assert.deepStrictEqual([opened.status, opened.headers.location], [303, "/"])
      const [set = ""] = opened.headers["set-cookie"] ?? []
      assert.match(set, /^wtclient=\d+\.[0-9a-f]{64}; Max-Age=604800; Path=\/; HttpOnly; SameSite=Strict$/)
      assert.notInclude(set, token)
      const cookie = set.split(";")[0] ?? ""
      assert.strictEqual((yield* ask("/v1/status", { headers: { cookie } })).status, 200)
      for (const other of [at, "/login", "/login?token=", `/login?token=${"00".repeat(32)}`]) {
        assert.strictEqual(yield* cookieAt(other), undefined)
        assert.strictEqual((yield* ask(other)).headers.location, "/")
      }
    })
  )

  it.scopedLive("changes something only where Origin says that the service's own page asks for it", () =>
    Effect.gen(function* () {
      const { ask, cookieAt, login, port, uri } = yield* service
      const cookie = (yield* cookieAt(String((yield* login).body.path))) ?? ""
      const add = (headers: Readonly<Record<string, string>>) =>
        Effect.map(ask("/v1/towers", { json: { tower: uri }, headers: { cookie, ...headers } }), ({ status }) => status)
      assert.strictEqual(yield* add({}), 401)
      assert.strictEqual(yield* add({ origin: `http://127.0.0.1:${port + 1}` }), 403)
      assert.strictEqual(yield* add({ origin: "null" }), 403)
      assert.strictEqual(yield* add({ origin: `http://127.0.0.1:${port}` }), 201)
    })
  )

  it("with a cookie that is too old, changed, or of another token is not signed in", () => {
    const secret = Redacted.make(token)
    const cookie = LoginCookie.make(secret, 1000)
    const until = 1000 + LoginCookie.lifetimeMs
    const [, proof] = Redacted.value(cookie).split(".")
    assert.isTrue(LoginCookie.isValid(secret, cookie, until - 1))
    assert.isFalse(LoginCookie.isValid(secret, cookie, until))
    assert.isFalse(LoginCookie.isValid(Redacted.make("other"), cookie, 1000))
    for (const changed of [
      `${until + 1}.${proof}`,
      `.${proof}`,
      "",
      ".",
      `${until}.`,
      `${until}`,
      `Infinity.${proof}`
    ]) {
      assert.isFalse(LoginCookie.isValid(secret, Redacted.make(changed), 1000), changed)
    }
  })

  it.effect("has a minute to open the address", () =>
    Effect.gen(function* () {
      const logins = yield* Logins.Logins
      const tokenOf = (login: { readonly path: string }) => login.path.replace(/^.*=/, "")
      const early = tokenOf(yield* logins.issue)
      const late = tokenOf(yield* logins.issue)
      yield* TestClock.adjust(Logins.lifetimeMs - 1)
      assert.isTrue(yield* logins.redeem(early))
      yield* TestClock.adjust(1)
      assert.isFalse(yield* logins.redeem(late))
    }).pipe(Effect.provide(Logins.layer))
  )
})

describe("the history", () => {
  it.scopedLive("counts sessions and failures, and keeps the last failure of each tower in words", () =>
    Effect.gen(function* () {
      const { ask, uri } = yield* service
      const history = Effect.map(ask("/v1/history", { token }), (answer) => decoded(History, answer))
      assert.deepStrictEqual(yield* history, { minutes: [], lastFailures: [] })
      const dead = "02e3a49ca85475ef3c398274448996c452afd13010fd18142e8db008468ebc6a2e@127.0.0.1:1"
      yield* ask("/v1/towers", { json: { tower: dead }, token })
      const failed = yield* Effect.repeat(history, { until: ({ lastFailures }) => lastFailures.length > 0 })
      assert.match(String(failed.lastFailures[0]?.message), /127\.0\.0\.1:1/)
      assert.isAbove(failed.minutes[0]?.failures ?? 0, 0)
      yield* ask("/v1/towers", { json: { tower: uri }, token })
      const sum = (minutes: History["minutes"]) => minutes.reduce((all, { sessions }) => all + sessions, 0)
      const got = yield* Effect.repeat(history, { until: ({ minutes }) => sum(minutes) === 4 })
      for (const { at } of got.minutes) assert.strictEqual(at % 60_000, 0)
    })
  )
})

/** `wtclient run` as a process: how it starts, what clients in other languages do with it, and how it stops. */
import { once } from "node:events"
import * as fs from "node:fs"
import * as Net from "node:net"
import * as path from "node:path"
import { NodeContext } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as NodeLoopbackTower from "../../src/layers/tower/NodeLoopbackTower.js"
import * as Chain from "../../src/schema/Chain.js"
import * as TowerUri from "../../src/schema/TowerUri.js"
import { request } from "../layers/http/service.js"
import { other } from "../layers/sql/sqliteFile.js"
import { freePort } from "../support/freePort.js"
import { program, running, secretKey, started } from "./serviceProcess.js"
import { newClient } from "./wtclient.js"

describe("wtclient run", () => {
  it.scopedLive("makes a token that its owner alone can read, and says where it listens", () =>
    Effect.gen(function* () {
      const { ask, at, said, socketPath, token } = yield* running()
      const text = yield* said(/database/)
      assert.include(text, `The tower client of bitcoin regtest listens on ${socketPath}.\n`)
      assert.include(text, `Its token is in ${at("token")}, its database is ${at("wtclient.db")}.\n`)
      assert.match(token, /^[0-9a-f]{64}$/)
      assert.notInclude(text, token)
      assert.strictEqual(fs.statSync(at("token")).mode & 0o777, 0o600)
      assert.strictEqual((yield* ask("/v1/status")).status, 200)
      assert.strictEqual((yield* request({ socketPath }, "/v1/status", { token: "00" })).status, 401)
    })
  )

  it.scopedLive("keeps unused sessions of each blob type that is given", () =>
    Effect.gen(function* () {
      const words = ["--spare", "2", "--blob-type", "anchor", "--blob-type", "taproot"]
      const { said, wtclient } = yield* running(words)
      yield* said(/(session established.*){4}/s)
      const { stdout } = yield* wtclient("sessions", "--json")
      const types: ReadonlyArray<string> = JSON.parse(stdout).map(
        (one: { readonly policy: { readonly blobTypeName: string } }) => one.policy.blobTypeName
      )
      assert.deepStrictEqual([...types].sort(), ["anchor", "anchor", "taproot", "taproot"])
    })
  )

  it.scopedLive("is asked by wtclient status, which says what is tried now and what is asked for", () =>
    Effect.gen(function* () {
      const { child, said, tower, wtclient } = yield* running(["--blob-type", "anchor"])
      yield* said(/session established/)
      const one = yield* wtclient("status")
      assert.match(
        one.stdout,
        /\n\nThe service was started at .* ago\); it sends the backups\.\n {2}nothing is asked for\n\nTower 1,/
      )
      assert.notInclude(one.stdout, "Requests for more sessions are not shown")
      const { service } = JSON.parse((yield* wtclient("status", "--json")).stdout)
      assert.strictEqual(service.client.role, "sender")
      assert.strictEqual(service.negotiators.length, 4)
      child.kill("SIGKILL")
      const after = yield* wtclient("status")
      assert.include(after.stdout, "Requests for more sessions are not shown")
      assert.include(after.stdout, tower.uri.address)
    })
  )

  for (const [signal, code] of [
    ["SIGTERM", 143],
    ["SIGINT", 130]
  ] as const) {
    it.scopedLive(`ends by ${signal} with ${code} whatever its connections do, and leaves no lease`, () =>
      Effect.gen(function* () {
        const { ask, at, child, end, said, socketPath, token } = yield* running()
        yield* said(/session established/)
        const connections = ["GET /v1/events HTTP/1.1", "POST /v1/towers HTTP/1.1\r\nContent-Length: 100", ""].map(
          (line) => {
            const socket = Net.connect({ path: socketPath })
            socket.on("error", () => {})
            if (line !== "") socket.write(`${line}\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`)
            return socket
          }
        )
        yield* Effect.promise(() => once(connections[0] ?? child, "data"))
        const sql = yield* other(at("wtclient.db"))
        const leases = sql`SELECT token FROM wt_client WHERE token IS NOT NULL`
        assert.strictEqual((yield* leases).length, 1)
        assert.isTrue(fs.existsSync(at("service")))
        assert.strictEqual((yield* ask("/readyz")).status, 200)
        child.kill(signal)
        assert.strictEqual((yield* end).code, code)
        assert.deepStrictEqual(yield* leases, [])
        assert.deepStrictEqual(
          yield* sql`SELECT key_index FROM wt_reservation WHERE lease IS NOT NULL AND for_ms > 0`,
          []
        )
        assert.isFalse(fs.existsSync(at("service")))
        assert.isFalse(fs.existsSync(socketPath))
        for (const socket of connections) socket.destroy()
      })
    )
  }

  it.scopedLive("tells systemd that it is ready, alive, and that it stops", () =>
    Effect.gen(function* () {
      const { folder } = yield* newClient
      const told = path.join(folder, "told")
      fs.writeFileSync(path.join(folder, "systemd-notify"), `#!/bin/sh\necho "$@" >> '${told}'\n`, { mode: 0o755 })
      const { child, end } = yield* running([], {
        PATH: `${folder}:${process.env.PATH}`,
        NOTIFY_SOCKET: "/run/nothing",
        WATCHDOG_USEC: "200000"
      })
      const lines = () => (fs.existsSync(told) ? fs.readFileSync(told, "utf8").split("\n") : [])
      const watcher = fs.watch(folder)
      while (lines().filter((line) => line.includes("WATCHDOG=1")).length < 2) {
        yield* Effect.promise(() => once(watcher, "change"))
      }
      watcher.close()
      child.kill("SIGTERM")
      assert.strictEqual((yield* end).code, 143)
      const all = lines()
      assert.strictEqual(all[0], "--no-block --ready")
      assert.strictEqual(all.at(-2), "--no-block STOPPING=1")
    })
  )

  it.scopedLive(
    "refuses to listen in two places, where others could connect, and with a token that others can read",
    () =>
      Effect.gen(function* () {
        const { at, flags, fs: files, wtclient } = yield* newClient
        yield* wtclient("init")
        const both = yield* wtclient("run", "--listen", "127.0.0.1:1", "--socket", "/tmp/none")
        assert.deepStrictEqual(
          [both.code, both.stderr.split("\n")[0]],
          [2, "wtclient: --listen and --socket are both given. The service listens in one place."]
        )
        for (const where of ["10.0.0.1:9912", "[::]:9912", "example.org", "127.0.0.1:0"]) {
          const { code, stderr } = yield* wtclient("run", "--listen", where)
          assert.match(stderr, /^wtclient: --listen takes 127\.0\.0\.1:PORT, localhost:PORT or \[::1\]:PORT, not /)
          assert.strictEqual(code, 2)
        }
        const reward = yield* wtclient("run", "--blob-type", "anchor,nothing")
        assert.match(reward.stderr, /^wtclient: --blob-type takes .*, not "anchor,nothing"\.\n/)
        yield* files.writeFileString(at("token"), `${"ab".repeat(32)}\n`, { mode: 0o644 })
        const open = yield* wtclient("run", "--socket", path.join(flags[1] ?? "", "s"))
        assert.match(
          open.stderr,
          /^wtclient: The token file .*\/token can be read by others\. Make it yours alone\.\nNext: chmod 600 /
        )
        yield* files.chmod(at("token"), 0o600)
        yield* files.writeFileString(at("token"), "short\n")
        const short = yield* wtclient("run", "--socket", path.join(flags[1] ?? "", "s"))
        assert.match(short.stderr, /^wtclient: The token file .*\/token has no token of 64 hex digits\. Remove it/)
      }).pipe(Effect.provide(NodeContext.layer))
  )
})

describe("wtclient page", () => {
  it.scopedLive("prints an address that signs a browser in, once", () =>
    Effect.gen(function* () {
      const client = yield* newClient
      yield* client.wtclient("init")
      const none = yield* client.wtclient("page")
      assert.deepStrictEqual(
        [none.code, none.stderr.split("\n")[0]],
        [1, "wtclient: The service does not run. Start it."]
      )
      const port = yield* Effect.promise(freePort)
      const words = ["run", "--listen", `127.0.0.1:${port}`, ...client.flags]
      const service = yield* started(process.execPath, [program.file, ...words])
      yield* service.said(/its database is/)
      const { code, stdout } = yield* client.wtclient("page")
      assert.strictEqual(code, 0)
      const url = new URL(stdout.trim())
      assert.strictEqual(url.origin, `http://127.0.0.1:${port}`)
      const open = request({ host: "127.0.0.1", port }, `${url.pathname}${url.search}`, { token: undefined })
      const [cookie = ""] = (yield* open).headers["set-cookie"] ?? []
      const headers = { cookie: cookie.split(";")[0] ?? "" }
      const status = request({ host: "127.0.0.1", port }, "/v1/status", { token: undefined, headers })
      assert.strictEqual((yield* status).status, 200)
      assert.notProperty((yield* open).headers, "set-cookie")
      const { stdout: asJson } = yield* client.wtclient("page", "--json")
      assert.match(JSON.parse(asJson).url, /^http:\/\/127\.0\.0\.1:\d+\/login\?token=[0-9a-f]{64}$/)
      service.child.kill("SIGKILL")
      yield* service.end
      const gone = yield* client.wtclient("page")
      assert.match(
        gone.stderr,
        /^wtclient: The service does not answer at http:\/\/127\.0\.0\.1:\d+\. Start it again\.\nNext: /
      )
    })
  )

  it.scopedLive("says that no browser can open a socket", () =>
    Effect.gen(function* () {
      const { wtclient } = yield* running()
      const { code, stderr } = yield* wtclient("page")
      assert.match(
        stderr,
        /^wtclient: The service listens on the socket .*, which no browser can open\. Start it without --socket\.\n/
      )
      assert.strictEqual(code, 1)
    })
  )
})

describe("a client in another language", () => {
  const examples: ReadonlyArray<readonly [name: string, words: ReadonlyArray<string>, says: RegExp]> = [
    [
      "Python",
      ["python3", "examples/service.py", "backup"],
      /^state 1 of channel [0-9a-f]{64} is taken in\na tower has its copy\n$/
    ],
    [
      "curl",
      ["sh", "examples/service.sh"],
      /\n4\. How many states up to this one miss copies\n\{"channelId":"[0-9a-f]{64}","commitHeight":1,"missing":0\}\n$/
    ]
  ]
  for (const [name, [file = "", ...words], says] of examples) {
    it.scopedLive(`hands a state in: ${name}`, () =>
      Effect.gen(function* () {
        const client = yield* newClient
        const tower = yield* NodeLoopbackTower.make({ chain: Chain.bitcoinRegtest, secretKey })
        yield* client.wtclient("init")
        yield* client.wtclient("add", TowerUri.print(tower.uri))
        const port = yield* Effect.promise(freePort)
        const service = yield* started(process.execPath, [
          program.file,
          "run",
          "--listen",
          `127.0.0.1:${port}`,
          ...client.flags
        ])
        yield* service.said(/listens on http:\/\/127\.0\.0\.1:/)
        const example = yield* started(file, [...words, `http://127.0.0.1:${port}`, client.at("token")])
        const { code, text } = yield* example.end
        assert.strictEqual(code, 0, text)
        assert.match(text, says)
        const state = yield* Effect.flatMap(started("python3", ["examples/service.py", "state"]), ({ end }) => end)
        const { commitmentTransaction } = JSON.parse(state.text)
        const [justice] = yield* tower.breach(commitmentTransaction)
        assert.strictEqual(justice.swept.length, 2)
      })
    )
  }
})

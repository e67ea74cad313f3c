/** Where the service listens, and how it stops. */
import * as fs from "node:fs"
import * as Net from "node:net"
import * as os from "node:os"
import * as path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { request, start, token } from "./service.js"

const folder = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "service-"))),
  (folder) => Effect.sync(() => fs.rmSync(folder, { recursive: true, force: true }))
)

/** A connection that has sent this; `ended` comes back when the service has ended it. */
const connection = (port: number, sent: string) =>
  Effect.async<{ readonly ended: Effect.Effect<string> }>((resume) => {
    const socket = Net.connect({ host: "127.0.0.1", port })
    let text = ""
    const closed = new Promise<string>((resolve) => socket.once("close", () => resolve(text)))
    socket.on("error", () => {})
    socket.on("data", (chunk) => {
      text += chunk.toString()
    })
    socket.once("connect", () =>
      socket.write(sent, () => resume(Effect.succeed({ ended: Effect.promise(() => closed) })))
    )
  })

const head = (line: string, headers: ReadonlyArray<string> = []) =>
  [`${line} HTTP/1.1`, "Host: localhost", `Authorization: Bearer ${token}`, ...headers, "", ""].join("\r\n")

describe("a service that is stopped", () => {
  it.live("ends its event streams, and cuts connections that are silent or hold back a body", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { port } = yield* Scope.extend(start(), scope)
      const streams = yield* Effect.all([1, 2, 3].map(() => connection(port, head("GET /v1/events"))))
      const waiting = [
        yield* connection(port, ""),
        yield* connection(port, "GET /v1/st"),
        yield* connection(
          port,
          `${head("POST /v1/towers", ["Content-Type: application/json", "Content-Length: 100"])}{"tower":`
        )
      ]
      // The streams have begun when a later request was answered.
      yield* request({ host: "127.0.0.1", port }, "/healthz")
      // Without the cut this would not come back: the half body alone holds the server for ever.
      yield* Scope.close(scope, Exit.void)
      for (const { ended } of streams) assert.match(yield* ended, /event: Status\ndata: .*\n\n.*\r\n0\r\n\r\n$/s)
      for (const { ended } of waiting) yield* ended
      const refused = yield* Effect.exit(request({ host: "127.0.0.1", port }, "/healthz"))
      assert.isTrue(Exit.isFailure(refused))
    })
  )

  it.live("answers a request that is waiting for copies, or ends it", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { port } = yield* Scope.extend(start(), scope)
      const one = yield* connection(port, head(`GET /v1/backups/${"ab".repeat(32)}/1?wait=20`))
      yield* Scope.close(scope, Exit.void)
      yield* one.ended
    })
  )
})

describe("a unix socket", () => {
  it.scopedLive("is its owner's alone, and goes away with the service", () =>
    Effect.gen(function* () {
      const socket = path.join(yield* folder, "service.sock")
      const scope = yield* Scope.make()
      const mask = process.umask()
      yield* Scope.extend(start({ listen: { path: socket } }), scope)
      assert.strictEqual(fs.statSync(socket).mode & 0o777, 0o600)
      assert.strictEqual(process.umask(), mask)
      const { body, status } = yield* request({ socketPath: socket }, "/v1/status", { headers: { host: "localhost" } })
      assert.deepStrictEqual([status, body.network], [200, "regtest"])
      yield* Scope.close(scope, Exit.void)
      assert.isFalse(fs.existsSync(socket))
    })
  )

  it.scopedLive("of a service that was killed is replaced, and that of one that is alive is not", () =>
    Effect.gen(function* () {
      const socket = path.join(yield* folder, "service.sock")
      // As SIGKILL leaves it: bound, and nobody listens.
      const killed = Net.createServer().listen(socket)
      yield* Effect.promise(() => new Promise((resolve) => killed.once("listening", resolve)))
      fs.renameSync(socket, `${socket}.kept`)
      killed.close()
      fs.renameSync(`${socket}.kept`, socket)
      yield* start({ listen: { path: socket } })
      assert.strictEqual((yield* request({ socketPath: socket }, "/healthz")).status, 200)
      const error = yield* Effect.flip(start({ listen: { path: socket } }))
      assert.strictEqual(
        error.message,
        `The service cannot listen on ${socket}: another program listens there. Stop it, or name another place.`
      )
      assert.strictEqual((yield* request({ socketPath: socket }, "/healthz")).status, 200)
    })
  )

  it.scopedLive("is not put over a file, nor where there is no folder", () =>
    Effect.gen(function* () {
      const home = yield* folder
      const file = path.join(home, "file")
      fs.writeFileSync(file, "kept")
      const over = yield* Effect.flip(start({ listen: { path: file } }))
      assert.include(over.message, "there is a file that is not a socket")
      assert.strictEqual(fs.readFileSync(file, "utf8"), "kept")
      const none = yield* Effect.flip(start({ listen: { path: path.join(home, "none", "service.sock") } }))
      assert.include(none.message, "its folder does not exist")
      const long = yield* Effect.flip(start({ listen: { path: path.join(home, "a".repeat(200)) } }))
      assert.include(long.message, "the path is too long for a socket")
    })
  )
})

describe("a port", () => {
  it.scopedLive("that is in use is named as that", () =>
    Effect.gen(function* () {
      const { port } = yield* start()
      const error = yield* Effect.flip(start({ listen: { host: "127.0.0.1", port } }))
      assert.strictEqual(
        error.message,
        `The service cannot listen on 127.0.0.1:${port}: another program listens there. Stop it, or name another place.`
      )
    })
  )
})

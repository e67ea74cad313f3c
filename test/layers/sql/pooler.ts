/** A PgBouncer in front of a Postgres server, which can be killed. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { Effect } from "effect"
import { freePort } from "../../support/freePort.js"

export interface Pooler {
  /** The same database through it. */
  readonly through: (url: string) => string
  /** As a crash of its machine would: all of its connections are gone at once. */
  readonly kill: Effect.Effect<void>
  readonly start: Effect.Effect<void>
}

/** Debian has it where a user's PATH often does not look. */
const program = ["pgbouncer", "/usr/sbin/pgbouncer"].find((name) => spawnSync(name, ["--version"]).status === 0)

export const isInstalled = program !== undefined
if (!isInstalled) console.warn("The tests behind PgBouncer are skipped: it is not installed (Debian: pgbouncer).")

/** Two connections to the server for all clients of a database. */
const configuration = (url: URL, port: number, settings: ReadonlyArray<string>) => `[databases]
* = host=${url.hostname} port=${url.port || 5432} user=${url.username} password=${decodeURIComponent(url.password)}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
default_pool_size = 2
max_client_conn = 200
${settings.join("\n")}
`

const isUp = (child: ChildProcess): Promise<void> =>
  new Promise((resolve, reject) => {
    let said = ""
    child.stderr?.on("data", (bytes) => {
      said += String(bytes)
      if (said.includes("process up")) resolve()
    })
    child.once("error", reject)
    child.once("exit", () => reject(new Error(said)))
  })

/** Starts one with these lines of configuration, until the scope closes. It refuses to run as root. */
export const make = (url: string, ...settings: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const port = yield* Effect.promise(freePort)
    const folder = yield* Effect.acquireRelease(
      Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "pooler-"))),
      (made) => Effect.sync(() => fs.rmSync(made, { recursive: true }))
    )
    const file = path.join(folder, "pgbouncer.ini")
    fs.writeFileSync(file, configuration(new URL(url), port, settings))
    // For the user that it drops to.
    fs.chmodSync(folder, 0o755)
    const words = process.getuid?.() === 0 ? ["-u", "postgres", file] : [file]
    let child: ChildProcess | undefined
    const start = Effect.promise(async () => {
      child = spawn(program ?? "", words, { stdio: ["ignore", "ignore", "pipe"] })
      await isUp(child)
    })
    const kill = Effect.promise(async () => {
      if (child === undefined) return
      const ended = once(child, "exit")
      child.kill("SIGKILL")
      child = undefined
      await ended
    })
    yield* Effect.acquireRelease(start, () => kill)
    const through = (of: string) => {
      const to = new URL(of)
      to.host = `127.0.0.1:${port}`
      return to.toString()
    }
    const pooler: Pooler = { through, kill, start }
    return pooler
  })

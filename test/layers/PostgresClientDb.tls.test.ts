/** TLS as the address asks for it: the words are libpq's. */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import * as PostgresClientDb from "../../src/layers/PostgresClientDb.js"
import { address, identity, publicKey } from "../services/ClientDb/samples.js"
import * as Postgres from "./sql/postgres.js"

const server = await Postgres.start({ tls: true })

afterAll(() => server?.stop())

/** The server's address with these parameters; its certificate is for `localhost`. */
const addressed = (parameters: Record<string, string>, host = "localhost") => {
  const to = new URL(server?.url ?? "")
  to.hostname = host
  for (const [name, value] of Object.entries(parameters)) to.searchParams.set(name, value)
  return Redacted.make(to.toString())
}

const isEncrypted = (url: Redacted.Redacted) =>
  Effect.scoped(
    Effect.gen(function* () {
      const sql = yield* PostgresClientDb.client({ url })
      const [row] = yield* sql`SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()`
      return row?.ssl
    })
  )

const authority = { sslrootcert: Postgres.certificate }

// Of a server that is not ours we do not know the certificate.
describe.skipIf(server?.power === undefined)("an address of Postgres", () => {
  const connects: ReadonlyArray<readonly [parameters: Record<string, string>, host: string, encrypted: boolean]> = [
    [{}, "localhost", false],
    [{ sslmode: "disable" }, "localhost", false],
    [{ sslmode: "require" }, "localhost", true],
    [{ sslmode: "no-verify" }, "localhost", true],
    [{ sslmode: "require", ...authority }, "127.0.0.1", true],
    [{ sslmode: "verify-ca", ...authority }, "127.0.0.1", true],
    [{ sslmode: "verify-full", ...authority }, "localhost", true]
  ]
  for (const [parameters, host, encrypted] of connects) {
    const asked = [host, ...Object.keys(parameters), parameters.sslmode ?? "no sslmode"].join(" ")
    it.live(`is connected to ${encrypted ? "encrypted" : "in the clear"}: ${asked}`, () =>
      Effect.map(isEncrypted(addressed(parameters, host)), (found) => assert.strictEqual(found, encrypted))
    )
  }

  it.live("means by sslmode what node-postgres does, where it says so", () =>
    Effect.gen(function* () {
      const url = addressed({ sslmode: "verify-full", uselibpqcompat: "false", ...authority })
      assert.isTrue(yield* isEncrypted(url))
      const strict = addressed({ sslmode: "require", uselibpqcompat: "false" })
      assert.strictEqual((yield* Effect.flip(isEncrypted(strict)))._tag, "DatabaseUnavailable")
    })
  )

  const refused: ReadonlyArray<readonly [Record<string, string>, host: string, says: RegExp]> = [
    [{ sslmode: "verify-full" }, "localhost", /authority .* sslrootcert=FILE/],
    [{ sslmode: "verify-full", ...authority }, "127.0.0.1", /another host: .*sslmode=verify-ca/],
    [{ sslmode: "verify-ca" }, "localhost", /sslrootcert/],
    [{ sslmode: "verify-full", sslrootcert: "/nowhere/ca.pem" }, "localhost", /\/nowhere\/ca\.pem/]
  ]
  for (const [parameters, host, says] of refused) {
    const asked = [host, ...Object.values(parameters)].map((word) => path.basename(word)).join(" ")
    it.live(`is refused in a sentence that says what to do, and nothing secret: ${asked}`, () =>
      Effect.gen(function* () {
        const to = new URL(Redacted.value(addressed(parameters, host)))
        to.password = "a-secret-word"
        const url = Redacted.make(to.toString())
        const error = yield* Effect.flip(Effect.scoped(PostgresClientDb.make({ url })))
        assert.strictEqual(error._tag, "DatabaseUnavailable")
        assert.match(error.message, says)
        const said = [error.message, JSON.stringify(error), String(error), String(error.stack)].join(" ")
        assert.notInclude(said, "a-secret-word")
      })
    )
  }

  it.scopedLive("whose authority's file vanishes later ends in a typed error, and goes on when it is back", () =>
    Effect.gen(function* () {
      const folder = yield* Effect.acquireRelease(
        Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "client-db-tls-"))),
        (made) => Effect.sync(() => fs.rmSync(made, { recursive: true }))
      )
      const sslrootcert = path.join(folder, "ca.pem")
      const place = Effect.sync(() => fs.copyFileSync(Postgres.certificate, sslrootcert))
      yield* place
      const url = addressed({ sslmode: "verify-full", sslrootcert })
      const db = yield* PostgresClientDb.make({ url, storeTimeout: "1 second" })
      yield* db.bindIdentity(identity)
      yield* Effect.sync(() => fs.rmSync(sslrootcert))
      // Those that are open do not need the file.
      const sql = yield* Postgres.connect(server?.url ?? "")
      yield* Effect.orDie(sql`
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'effect-watchtower'`)
      const error = yield* Effect.flip(db.listTowers)
      assert.strictEqual(error._tag, "DatabaseUnavailable")
      assert.match(error.message, /ca\.pem/)
      yield* place
      yield* db.createTower(publicKey(1), address(1))
      assert.strictEqual((yield* db.listTowers).length, 1)
    })
  )
})

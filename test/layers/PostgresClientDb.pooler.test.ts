/** PgBouncer between the client and the server. */
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import * as PostgresClientDb from "../../src/layers/PostgresClientDb.js"
import * as backups from "../services/BackupDb/suite.js"
import { address, identity, publicKey } from "../services/ClientDb/samples.js"
import * as clients from "../services/ClientDb/suite.js"
import * as Emptied from "./sql/emptied.js"
import * as Pooler from "./sql/pooler.js"
import * as Postgres from "./sql/postgres.js"

const server = Pooler.isInstalled ? await Postgres.start() : undefined
const url = server?.url ?? "postgresql://127.0.0.1:1/none"
const { connect } = Postgres

let databases = 0

/** A database of its own: a pooler does not take the parameter that would choose a schema. Dropped with the scope. */
const newDatabase = Effect.gen(function* () {
  const sql = yield* connect(url)
  const name = `wt_pooled_${process.pid}_${databases++}`
  yield* Effect.acquireRelease(Effect.orDie(sql.unsafe(`CREATE DATABASE ${name}`)), () =>
    Effect.orDie(sql.unsafe(`DROP DATABASE ${name} WITH (FORCE)`))
  )
  const to = new URL(url)
  to.pathname = name
  return to.toString()
})

/** A new database behind a pooler. */
const pooled = (...settings: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const direct = yield* newDatabase
    const pooler = yield* Pooler.make(url, ...settings)
    return { direct, pooler, to: pooler.through(direct) }
  })

const shared = Emptied.make(pooled("pool_mode = transaction"))

afterAll(async () => {
  await shared.dispose()
  await server?.stop()
})

const openError = (to: string, storeTimeout = "1 second" as const) =>
  Effect.flip(PostgresClientDb.make({ url: Redacted.make(to), storeTimeout }))

const withSchema = (url: string, schema: string) => {
  const to = new URL(url)
  to.searchParams.set("options", `-c search_path=${schema}`)
  return to.toString()
}

describe.skipIf(server === undefined)("behind PgBouncer", () => {
  clients.suite("a client's database", shared.layer)
  backups.suite("backups", shared.layer)

  it.scopedLive("several processes get a connection in turn, and nothing that another has set", () =>
    Effect.gen(function* () {
      const { to } = yield* pooled("pool_mode = transaction")
      const processes = yield* Effect.all(
        Array.from({ length: 6 }, () => PostgresClientDb.make({ url: Redacted.make(to), maxConnections: 4 })),
        { concurrency: "unbounded" }
      )
      yield* Effect.forEach(processes, (db) => db.bindIdentity(identity))
      yield* Effect.forEach(processes, (db, at) => db.createTower(publicKey(at + 1), address(at + 1)), {
        concurrency: "unbounded"
      })
      for (const db of processes) assert.strictEqual((yield* db.listTowers).length, processes.length)
      const sql = yield* connect(to)
      const setting = sql`SELECT current_setting('statement_timeout') AS timeout`
      assert.deepStrictEqual(yield* Effect.orDie(setting), [{ timeout: "0" }])
    })
  )

  it.scopedLive("session pooling is enough where it has a connection for each of the client's", () =>
    Effect.gen(function* () {
      const { to } = yield* pooled("pool_mode = session")
      const db = yield* PostgresClientDb.make({ url: Redacted.make(to), maxConnections: 2 })
      yield* db.bindIdentity(identity)
      yield* Effect.forEach([1, 2, 3, 4], (n) => db.createTower(publicKey(n), address(n)), { concurrency: "unbounded" })
      assert.strictEqual((yield* db.listTowers).length, 4)
    })
  )

  it.scopedLive("each tower is added once although the pooler is killed in the middle and started again", () =>
    Effect.gen(function* () {
      const { pooler, to } = yield* pooled("pool_mode = transaction")
      const db = yield* PostgresClientDb.make({ url: Redacted.make(to), storeTimeout: "20 seconds" })
      yield* db.bindIdentity(identity)
      const numbers = Array.from({ length: 60 }, (_, at) => at + 1)
      yield* Effect.forEach(
        numbers,
        (n) =>
          Effect.zipRight(
            n % 20 === 0 ? Effect.zipRight(pooler.kill, pooler.start) : Effect.void,
            db.createTower(publicKey(n), address(n))
          ),
        { concurrency: 5 }
      )
      const towers = yield* db.listTowers
      assert.deepStrictEqual(
        towers.map(({ additions }) => additions),
        numbers.map(() => 1)
      )
    })
  )

  it.scopedLive("statement pooling is refused with what to set", () =>
    Effect.gen(function* () {
      const { to } = yield* pooled("pool_mode = statement")
      const error = yield* openError(to)
      assert.strictEqual(
        error.message,
        "The database cannot be used: the pooler in between keeps no transaction on one connection: set its pool_mode to transaction or session."
      )
    })
  )

  it.scopedLive("a schema in the URL is refused with what to do, which does it", () =>
    Effect.gen(function* () {
      const { direct, pooler, to } = yield* pooled("pool_mode = transaction")
      const error = yield* openError(withSchema(to, "mainnet"))
      assert.match(error.message, /the pooler in between does not take a parameter .* SET search_path = schema\.$/)
      const sql = yield* connect(direct)
      const name = new URL(direct).pathname.slice(1)
      yield* Effect.orDie(
        sql.unsafe(`CREATE SCHEMA mainnet; ALTER ROLE CURRENT_USER IN DATABASE ${name} SET search_path = mainnet`)
      )
      yield* pooler.kill
      yield* pooler.start
      yield* PostgresClientDb.make({ url: Redacted.make(to) })
      assert.strictEqual((yield* Effect.orDie(sql`SELECT 1 FROM mainnet.wt_version LIMIT 1`)).length, 1)
    })
  )

  it.scopedLive("a schema in the URL that the pooler passes over is refused, and no table is made elsewhere", () =>
    Effect.gen(function* () {
      const { direct, to } = yield* pooled("pool_mode = transaction", "ignore_startup_parameters = options")
      const sql = yield* connect(direct)
      yield* Effect.orDie(sql`CREATE SCHEMA mainnet`)
      const error = yield* openError(withSchema(to, "mainnet"))
      assert.match(error.message, /the pooler in between passes over the search_path of the URL: take it out/)
      const found = yield* Effect.orDie(sql`SELECT to_regclass('public.wt_version')::text AS made`)
      assert.deepStrictEqual(found, [{ made: null }])
      yield* PostgresClientDb.make({ url: Redacted.make(withSchema(direct, "mainnet")) })
    })
  )

  it.scopedLive("a database that is not there is named as that", () =>
    Effect.gen(function* () {
      const { to } = yield* pooled("pool_mode = transaction")
      const error = yield* openError(to.replace(/[^/]*$/, "nowhere"))
      assert.match(error.message, /the server has no database of this name\.$/)
    })
  )
})

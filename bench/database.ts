/**
 * Figures for a database of 100,000 sessions over 1,000 towers, on both engines (`npm run bench -- --only database`): how long a negotiator
 * takes to start, how long the first pages take, what a session costs, and how long the event loop was blocked. They depend
 * on the machine; nothing is asserted.
 */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { monitorEventLoopDelay } from "node:perf_hooks"
import { SqlClient } from "@effect/sql"
import { type Duration, Effect, Layer, Logger, LogLevel, Option, Redacted, type Scope } from "effect"
import * as SessionNegotiator from "../src/layers/negotiator/SessionNegotiator.js"
import * as PostgresClientDb from "../src/layers/PostgresClientDb.js"
import * as RoundRobinTowerCandidates from "../src/layers/RoundRobinTowerCandidates.js"
import * as SqlClientDb from "../src/layers/SqlClientDb.js"
import * as SqliteClientDb from "../src/layers/SqliteClientDb.js"
import * as FixedKeyRing from "../src/layers/testing/FixedKeyRing.js"
import * as ScriptedTowerTransport from "../src/layers/testing/ScriptedTowerTransport.js"
import * as TowerScript from "../src/layers/testing/TowerScript.js"
import * as Chain from "../src/schema/Chain.js"
import { KeyIndex, TowerId } from "../src/schema/Ids.js"
import * as Policy from "../src/schema/Policy.js"
import * as Standing from "../src/schema/Standing.js"
import { ClientDb } from "../src/services/ClientDb.js"
import * as Postgres from "../test/layers/sql/postgres.js"
import { address, publicKey, session, start, update } from "../test/services/ClientDb/samples.js"

const towers = 1_000
const sessions = 100_000
/** How many are stored to see what one costs. */
const stored = 200
const chain = Chain.bitcoinRegtest
const policy = Policy.defaults(chain)

interface Engine {
  readonly name: string
  readonly client: Effect.Effect<SqlClient.SqlClient, unknown, Scope.Scope>
  readonly db: Layer.Layer<ClientDb, unknown>
}

const number = (n: number) => n.toString(16).padStart(64, "0")

/** Towers, sessions in turns, and a standing for each tower. */
const fill = (sql: SqlClient.SqlClient) =>
  Effect.gen(function* () {
    yield* Effect.provideService(SqlClientDb.make(), SqlClient.SqlClient, sql)
    const insert = (table: string, rows: ReadonlyArray<Record<string, unknown>>, size = 500) =>
      Effect.forEach(
        Array.from({ length: Math.ceil(rows.length / size) }, (_, n) => rows.slice(n * size, (n + 1) * size)),
        (part) => sql`INSERT INTO ${sql(table)} ${sql.insert(part)}`,
        { discard: true }
      )
    const all = (length: number, row: (n: number) => Record<string, unknown>) =>
      Array.from({ length }, (_, n) => row(n + 1))
    yield* Effect.gen(function* () {
      yield* insert(
        "wt_tower",
        all(towers, (n) => ({ public_key: publicKey(n) }))
      )
      yield* insert(
        "wt_address",
        all(towers, (n) => ({ tower: n, address: address(n), position: 1 }))
      )
      const body = JSON.stringify({ ...Standing.initial, attempts: 100, sessions: 100, lastSession: start })
      yield* insert(
        "wt_standing",
        all(towers, (n) => ({ tower: n, blob_type: policy.blobType, body }))
      )
      yield* insert(
        "wt_session",
        all(sessions, (n) => ({
          key_index: n,
          id: `03${number(n)}`,
          tower: 1 + (n % towers),
          status: n % 10 === 0 ? "inactive" : "active",
          created_at: start + n * 1000,
          blob_type: policy.blobType,
          max_updates: policy.maxUpdates,
          reward_base: 0,
          reward_rate: 0,
          sweep_fee_rate: String(policy.sweepFeeRate),
          reward_pk_script: "",
          seq_num: 0,
          tower_last_applied: 0
        }))
      )
    }).pipe(sql.withTransaction)
    yield* sql.onDialectOrElse({ pg: () => sql`VACUUM ANALYZE`, orElse: () => sql`PRAGMA wal_checkpoint(TRUNCATE)` })
  })

const elapsed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const from = performance.now()
    yield* effect
    return performance.now() - from
  })

const figures = (times: ReadonlyArray<number>) => {
  const sorted = [...times].sort((a, b) => a - b)
  const at = (share: number) => (sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(1).padStart(8)
  return `${at(0)}${at(0.5)}${at(1)}`
}

const line = (what: string, text: string) => `  ${what.padEnd(46)}${text.padStart(8)}`

const report = (what: string, times: ReadonlyArray<number>) => console.log(line(what, figures(times)))

const repeat = <E, R>(times: number, effect: Effect.Effect<unknown, E, R>, pause: Duration.DurationInput = 0) =>
  Effect.forEach(Array.from({ length: times }), () => Effect.zipLeft(elapsed(effect), Effect.sleep(pause)))

/** How often Postgres has synced its log so far; it tells a little later. SQLite does not say (`npm run kills` counts it). */
const walSyncs = (sql: SqlClient.SqlClient) =>
  sql.onDialectOrElse({
    pg: () =>
      Effect.gen(function* () {
        yield* Effect.sleep("2 seconds")
        const [{ version } = { version: 0 }] = yield* sql<{ readonly version: number }>`
          SELECT current_setting('server_version_num')::int AS version`
        const [row] = yield* version >= 180_000
          ? sql<{ readonly syncs: number }>`SELECT sum(fsyncs)::int AS syncs FROM pg_stat_io WHERE object = 'wal'`
          : sql<{ readonly syncs: number }>`SELECT wal_sync::int AS syncs FROM pg_stat_wal`
        return Option.fromNullable(row?.syncs)
      }),
    orElse: () => Effect.succeed(Option.none<number>())
  })

/** Opens everything that an application opens, except sockets. */
const begin = ({ db }: Engine) =>
  Effect.scoped(
    Layer.build(
      SessionNegotiator.layer({ chain, policy, firstKeyIndex: KeyIndex.make(sessions + 1) }).pipe(
        Layer.provide(RoundRobinTowerCandidates.layer()),
        Layer.provide(ScriptedTowerTransport.make(() => TowerScript.ok).layer),
        Layer.provide(db),
        Layer.provide(FixedKeyRing.layer)
      )
    )
  )

const measure = (engine: Engine) =>
  Effect.gen(function* () {
    console.log(`\n${engine.name}: ${sessions} sessions over ${towers} towers; ms: least, median, most`)
    const sql = yield* engine.client
    yield* fill(sql)
    yield* begin(engine)
    const loop = monitorEventLoopDelay({ resolution: 1 })
    const longestBlock = () => {
      loop.disable()
      const longest = loop.max / 1e6
      loop.reset()
      return longest
    }

    report("a negotiator starts", yield* repeat(10, begin(engine)))

    yield* Effect.gen(function* () {
      const db = yield* ClientDb
      const pages: ReadonlyArray<readonly [string, ClientDb.SessionFilter]> = [
        ["all", {}],
        ["of a tower", { towerId: TowerId.make(500) }],
        ["inactive ones", { status: "inactive" }],
        ["older than almost none", { createdBefore: start + 50_000 }],
        ["older than half", { createdBefore: start + (sessions / 2) * 1000 }],
        ["of a tower, older than half", { towerId: TowerId.make(500), createdBefore: start + (sessions / 2) * 1000 }],
        [
          "older than half, and behind those",
          {
            createdBefore: start + (sessions / 2) * 1000,
            after: KeyIndex.make(sessions / 2)
          }
        ]
      ]
      for (const [what, filter] of pages) {
        report(`a first page: ${what}`, yield* repeat(20, db.listClientSessions(filter)))
      }
      report("all sessions, 1,000 a page", yield* repeat(3, pageThrough(db)))

      const [tower] = yield* db.listTowers
      if (tower === undefined) return
      const reserve = db.nextSessionKeyIndex(tower.id, policy.blobType, "clear")
      const store = Effect.flatMap(reserve, (held) => db.createClientSession(session(tower, held), held, update(tower)))
      const syncsBefore = yield* walSyncs(sql)
      loop.enable()
      // The pause lets the event loop turn, so that what is blocked between two turns is one session.
      const times = yield* repeat(stored, store, "2 millis")
      const block = longestBlock()
      report("a key index reserved and a session stored", times)
      console.log(line("the longest block of the event loop during that", block.toFixed(1)))
      // A server process reports what it counted with its first transaction after a second.
      yield* Effect.sleep("1500 millis")
      yield* db.listTowers
      const syncs = Option.zipWith(yield* walSyncs(sql), syncsBefore, (after, before) => (after - before) / stored)
      if (Option.isSome(syncs)) console.log(line("syncs of the log a session", syncs.value.toFixed(2)))
    }).pipe(Effect.provide(engine.db))
  })

const pageThrough = (db: ClientDb.Service, after?: KeyIndex): Effect.Effect<void, unknown> =>
  Effect.flatMap(db.listClientSessions({ after, limit: 1000 }), (page) =>
    page.length < 1000 ? Effect.void : pageThrough(db, page.at(-1)?.keyIndex)
  )

/** Prints what it measures. @since 0.1.0 */
export const database = async (): Promise<void> => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "bench-"))
  const filename = path.join(folder, "client.db")
  const server = await Postgres.start({ fsync: true })
  const bench = Effect.gen(function* () {
    yield* Effect.scoped(
      measure({
        name: "SQLite",
        client: SqliteClientDb.client({ filename }),
        db: SqliteClientDb.layer({ filename })
      })
    )
    if (server === undefined) return
    yield* Effect.scoped(
      Effect.gen(function* () {
        const url = Redacted.make(yield* Postgres.newSchema(server.url))
        yield* measure({
          name: "Postgres",
          client: PostgresClientDb.client({ url }),
          db: PostgresClientDb.layer({ url })
        })
      })
    )
  })
  try {
    await Effect.runPromise(Effect.provide(bench, Logger.minimumLogLevel(LogLevel.None)))
  } finally {
    fs.rmSync(folder, { recursive: true })
    await server?.stop()
  }
}

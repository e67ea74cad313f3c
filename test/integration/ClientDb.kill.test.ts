import { type ChildProcess, spawn } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import type { SqlClient } from "@effect/sql/SqlClient"
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, type Scope } from "effect"
import * as PostgresClientDb from "../../src/layers/PostgresClientDb.js"
import * as SqliteClientDb from "../../src/layers/SqliteClientDb.js"
import type { DatabaseTooNew, DbError } from "../../src/schema/DbError.js"
import { TowerId } from "../../src/schema/Ids.js"
import type { ClientDb } from "../../src/services/ClientDb.js"
import { policy, publicKey, session, update } from "../layers/ClientDb.fixtures.js"
import * as Postgres from "../layers/postgres.js"

const server = await Postgres.start()

afterAll(() => server?.stop())

const worker = fileURLToPath(new URL("clientDbWorker.ts", import.meta.url))
const runner = fileURLToPath(new URL("../../node_modules/vite-node/vite-node.mjs", import.meta.url))

/** Runs a worker and kills it when it has said so many lines. Answers what it said. */
const runAndKill = (where: string, lines: number) =>
  Effect.async<ReadonlyArray<string>, Error>((resume) => {
    const child: ChildProcess = spawn(process.execPath, [runner, worker, where], { stdio: ["ignore", "pipe", "pipe"] })
    const said: Array<string> = []
    const complaints: Array<string> = []
    child.stderr?.on("data", (bytes) => complaints.push(String(bytes)))
    if (child.stdout === null) return resume(Effect.fail(new Error("no output")))
    createInterface(child.stdout).on("line", (line) => {
      said.push(line)
      if (said.length === lines) child.kill("SIGKILL")
    })
    child.on("close", (_code, signal) =>
      resume(signal === "SIGKILL" ? Effect.succeed(said) : Effect.fail(new Error(complaints.join(""))))
    )
    return Effect.sync(() => child.kill("SIGKILL"))
  })

interface Place {
  readonly where: string
  readonly open: Effect.Effect<ClientDb.Service, DbError | DatabaseTooNew, Scope.Scope>
  readonly look: Effect.Effect<SqlClient, never, Scope.Scope>
}

const sqlite = Effect.gen(function* () {
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "client-db-"))),
    (made) => Effect.sync(() => fs.rmSync(made, { recursive: true }))
  )
  const where = path.join(folder, "client.db")
  const place: Place = {
    where,
    open: SqliteClientDb.make({ filename: where }),
    look: Effect.orDie(SqliteClientDb.client({ filename: where }))
  }
  return place
})

const postgres = Effect.map(Postgres.newSchema(server?.url ?? ""), (where): Place => {
  return { where, open: PostgresClientDb.make({ url: Redacted.make(where) }), look: Postgres.connect(where) }
})

/** The second and third word of the lines that begin with `word`. */
const heard = (said: ReadonlyArray<string>, word: string) =>
  said
    .map((line) => line.split(" "))
    .filter(([first]) => first === word)
    .map(([, tower, index]) => ({ tower: Number(tower), index: Number(index) }))

const survives = (made: Effect.Effect<Place, never, Scope.Scope>, lives: ReadonlyArray<ReadonlyArray<number>>) =>
  Effect.gen(function* () {
    const { look, open, where } = yield* made
    const said: Array<string> = []
    for (const together of lives) {
      const lines = yield* Effect.forEach(together, (n) => runAndKill(where, n), { concurrency: "unbounded" })
      said.push(...lines.flat())
    }
    const db = yield* open
    const sql = yield* look

    // No key is shown to two towers.
    const shownTo = new Map<number, number>()
    for (const { index, tower } of heard(said, "shown")) {
      assert.strictEqual(shownTo.get(index) ?? tower, tower, `key ${index}`)
      shownTo.set(index, tower)
    }

    // What was confirmed is there.
    const stored = new Set((yield* db.listClientSessions({ limit: 10_000 })).map(({ keyIndex }) => Number(keyIndex)))
    for (const { index } of heard(said, "stored")) assert.isTrue(stored.has(index), `session ${index}`)

    // Where a tower holds a session that we do not have, its key is reserved for that tower.
    const rows = yield* sql<{ key_index: number; tower: number }>`SELECT key_index, tower FROM wt_reservation`
    const reserved = new Map(rows.map((row) => [row.key_index, row.tower]))
    const missing = heard(said, "accepted").filter(({ index }) => !stored.has(index))
    for (const { index, tower } of missing) assert.strictEqual(reserved.get(index), tower, `reservation ${index}`)

    // And each later visit uses one of them up.
    yield* sql`UPDATE wt_reservation SET since = since - 120000`
    for (const id of [1, 2]) {
      const tower = yield* db.loadTower(publicKey(id))
      const open = rows.filter((row) => row.tower === tower.id).length
      const used = yield* Effect.forEach(Array.from({ length: open }), () =>
        Effect.gen(function* () {
          const held = yield* db.nextSessionKeyIndex(TowerId.make(tower.id), policy.blobType, "clear")
          yield* db.createClientSession(session(tower, held), held, update(tower))
          return held.keyIndex
        })
      )
      for (const { index } of missing.filter((one) => one.tower === tower.id)) assert.include(used.map(Number), index)
    }
    return missing.length
  })

// How many lines each of several processes says before it is killed, and how often that is done.
const lives = [
  [5, 12, 23],
  [31, 2, 17]
]

describe.concurrent("a client that is killed", () => {
  it.scopedLive("leaves nothing doubled in SQLite", () => survives(sqlite, lives), 120_000)
  it.scopedLive.skipIf(server === undefined)(
    "leaves nothing doubled in Postgres",
    () => survives(postgres, lives),
    120_000
  )
})

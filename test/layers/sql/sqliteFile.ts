/** A SQLite file of a test: where it is, and who has it open. */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as Reactivity from "@effect/experimental/Reactivity"
import { SqlClient } from "@effect/sql"
import { SqliteClient } from "@effect/sql-sqlite-node"
import { Effect, Fiber, TestClock } from "effect"
import * as SqlClientDb from "../../../src/layers/SqlClientDb.js"
import * as SqliteClientDb from "../../../src/layers/SqliteClientDb.js"
import type { ClientDb } from "../../../src/services/ClientDb.js"
import { address, identity, publicKey } from "../../services/ClientDb/samples.js"

export const folder = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "client-db-"))),
  (made) => Effect.sync(() => fs.rmSync(made, { recursive: true }))
)

export const newFile = Effect.map(folder, (made) => path.join(made, "client.db"))

export const withClient = (sql: SqlClient.SqlClient) =>
  Effect.provideService(SqlClientDb.make(), SqlClient.SqlClient, sql)

/** The adapter, and the connection that it uses. */
export const openBoth = (filename: string) =>
  Effect.gen(function* () {
    const sql = yield* SqliteClientDb.client({ filename })
    return { sql, db: yield* withClient(sql) }
  })

/** Another connection to the file, as another process has it. */
export const other = (filename: string) =>
  SqliteClient.make({ filename, disableWAL: true }).pipe(
    Effect.provideServiceEffect(Reactivity.Reactivity, Reactivity.make)
  )

/** Ends in spite of the waits on the Clock. */
export const patiently = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(effect)
    yield* TestClock.adjust("5 seconds")
    return yield* Fiber.join(fiber)
  })

export const bind = (db: ClientDb.Service) =>
  Effect.andThen(db.bindIdentity(identity), db.createTower(publicKey(1), address(1)))

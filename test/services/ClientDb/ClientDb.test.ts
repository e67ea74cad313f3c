import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { Effect, Layer, type Scope } from "effect"
import * as SqliteClientDb from "../../../src/layers/SqliteClientDb.js"
import * as MemoryClientDb from "../../../src/layers/testing/MemoryClientDb.js"
import { ClientDb } from "../../../src/services/ClientDb.js"
import { byTestClock, Elapse } from "./contract.js"
import { suite } from "./suite.js"

const testClock = Layer.succeed(Elapse, byTestClock)

const folder = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "client-db-"))),
  (made) => Effect.sync(() => fs.rmSync(made, { recursive: true }))
)

const newFile = Effect.map(folder, (made) => ({ filename: path.join(made, "client.db") }))

/** Opens the file again for every call, so that only what was written is known. */
const reopening = Effect.map(newFile, (options): ClientDb.Service => {
  const open = <A, E>(use: (db: ClientDb.Service) => Effect.Effect<A, E>) =>
    Effect.scoped(Effect.flatMap(Effect.orDie(SqliteClientDb.make(options)), use))
  return {
    bindIdentity: (...args) => open((db) => db.bindIdentity(...args)),
    createTower: (...args) => open((db) => db.createTower(...args)),
    removeTower: (...args) => open((db) => db.removeTower(...args)),
    deactivateTower: (...args) => open((db) => db.deactivateTower(...args)),
    loadTower: (...args) => open((db) => db.loadTower(...args)),
    loadTowerById: (...args) => open((db) => db.loadTowerById(...args)),
    listTowers: open((db) => db.listTowers),
    nextSessionKeyIndex: (...args) => open((db) => db.nextSessionKeyIndex(...args)),
    freeSessionKeyIndex: (...args) => open((db) => db.freeSessionKeyIndex(...args)),
    createClientSession: (...args) => open((db) => db.createClientSession(...args)),
    listClientSessions: (...args) => open((db) => db.listClientSessions(...args)),
    countClientSessions: open((db) => db.countClientSessions),
    loadStandings: (...args) => open((db) => db.loadStandings(...args)),
    saveStanding: (...args) => open((db) => db.saveStanding(...args)),
    skipSessionKeys: (...args) => open((db) => db.skipSessionKeys(...args))
  }
})

const provided = <E>(make: Effect.Effect<ClientDb.Service, E, Scope.Scope>) =>
  Layer.merge(Layer.scoped(ClientDb, make), testClock)

suite("memory", provided(MemoryClientDb.make()))
suite("SQLite in memory", provided(SqliteClientDb.make({ filename: ":memory:" })))
suite("SQLite file", provided(Effect.flatMap(newFile, SqliteClientDb.make)))
suite("SQLite file, reopened for every call", provided(reopening))

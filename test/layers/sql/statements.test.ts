/** How often SQLite prepares a statement: that costs more than to execute it. */
import { createRequire } from "node:module"
import { afterEach, assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { vi } from "vitest"
import * as SqliteClientDb from "../../../src/layers/SqliteClientDb.js"
import type { ClientDb } from "../../../src/services/ClientDb.js"
import { address, identity, policy, publicKey, session, update } from "../../services/ClientDb/samples.js"
import { other, patiently, withClient } from "./sqliteFile.js"

/** The driver has no types. */
const Database: { prototype: { prepare: (text: string) => unknown } } = createRequire(import.meta.url)("better-sqlite3")

/** Calls back for each statement that is prepared from now on. */
const watchPrepare = (onPrepare: (text: string) => void) => {
  const { prepare } = Database.prototype
  vi.spyOn(Database.prototype, "prepare").mockImplementation(function (this: unknown, text) {
    onPrepare(text)
    return prepare.call(this, text)
  })
}

afterEach(() => {
  vi.restoreAllMocks()
})

/** Reserves a key index and stores a session under it. */
const storing = (db: ClientDb.Service) =>
  Effect.map(Effect.andThen(db.bindIdentity(identity), db.createTower(publicKey(1), address(1))), (tower) =>
    Effect.flatMap(db.nextSessionKeyIndex(tower.id, policy.blobType, "clear"), (held) =>
      db.createClientSession(session(tower, held), held, update(tower))
    )
  )

describe("statements of SQLite", () => {
  it.scoped("are prepared once", () =>
    Effect.gen(function* () {
      const store = yield* storing(yield* SqliteClientDb.make({ filename: ":memory:" }))
      yield* store
      const prepared: Array<string> = []
      watchPrepare((text) => prepared.push(text))
      yield* store
      yield* store
      assert.deepStrictEqual(prepared, [])
    })
  )

  it.scoped("that are pragmas take effect each time", () =>
    Effect.gen(function* () {
      const sql = yield* SqliteClientDb.client({ filename: ":memory:" })
      for (const [name, levels] of [
        ["synchronous", [1, 2, 1, 2]],
        ["cache_size", [100, 200, 100, 200]]
      ] as const) {
        for (const level of levels) {
          yield* sql`PRAGMA ${sql.literal(name)} = ${sql.literal(`${level}`)}`
          assert.deepStrictEqual(yield* sql`PRAGMA ${sql.literal(name)}`, [{ [name]: level }])
        }
      }
    })
  )

  it.scoped("are prepared each time through a client that forgets them, and would keep their texts", () =>
    Effect.gen(function* () {
      const store = yield* storing(yield* Effect.flatMap(other(":memory:"), withClient))
      yield* store
      const prepared: Array<string> = []
      watchPrepare((text) => prepared.push(text))
      yield* store
      yield* store
      assert.strictEqual(prepared.filter((text) => text.includes("INTO wt_session")).length, 2)
    })
  )

  it.scoped("are prepared again after a failure to prepare, and kept then", () =>
    Effect.gen(function* () {
      const store = yield* storing(yield* SqliteClientDb.make({ filename: ":memory:" }))
      const prepared: Array<string> = []
      watchPrepare((text) => {
        if (!text.includes("INTO wt_session")) return
        prepared.push(text)
        if (prepared.length === 1) throw Object.assign(new Error("database is locked"), { code: "SQLITE_BUSY" })
      })
      yield* patiently(store)
      yield* store
      assert.strictEqual(prepared.length, 2)
    })
  )
})

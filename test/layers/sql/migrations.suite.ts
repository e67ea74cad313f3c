import { SqlClient } from "@effect/sql"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, type Scope } from "effect"
import * as SqlClientDb from "../../../src/layers/SqlClientDb.js"
import { check } from "../../../src/layers/sql/databaseCheck.js"
import { version } from "../../../src/layers/sql/migrations.js"
import * as MemoryClientDb from "../../../src/layers/testing/MemoryClientDb.js"
import { Tower } from "../../../src/schema/Tower.js"
import { BackupDb } from "../../../src/services/BackupDb.js"
import { ClientDb } from "../../../src/services/ClientDb.js"
import { address, publicKey } from "../../services/ClientDb/samples.js"
import { look, populate } from "./sample.js"
import { type Engine, older, restore, shapeOf } from "./versions.js"

/** What holds of migrations on an engine; `empty` is a client of an empty database. */
export const suite = (engine: Engine, empty: Effect.Effect<SqlClient.SqlClient, never, Scope.Scope>) => {
  const open = (sql: SqlClient.SqlClient) => Effect.provideService(SqlClientDb.make(), SqlClient.SqlClient, sql)

  describe("a database of", () => {
    for (const from of older) {
      it.scopedLive(`version ${from} keeps what it holds and gets the shape of a new one`, () =>
        Effect.gen(function* () {
          const sql = yield* empty
          yield* restore(sql, engine, from)
          const services = yield* Effect.provideService(SqlClientDb.services(), SqlClient.SqlClient, sql)
          const db = Context.get(services, ClientDb)
          const memory = yield* MemoryClientDb.make()
          yield* populate(memory)
          const { towers, ...found } = yield* look(db)
          const { towers: wanted, ...others } = yield* look(memory)
          assert.deepStrictEqual(found, others)
          // How often they were added was not counted before version 3.
          const counted = wanted.map((tower) => (from < 3 ? new Tower({ ...tower, additions: 1 }) : tower))
          assert.deepStrictEqual(towers, counted)
          // On which route their towers know them is not known, before version 5; so nothing is sent there.
          const backups = Context.get(services, BackupDb)
          const sending = others.sessions.filter(({ status }) => from >= 5 && status === "active")
          assert.deepStrictEqual(
            (yield* backups.listSending("clear")).map(({ session }) => session),
            sending
          )
          assert.deepStrictEqual(yield* backups.listSending("tor"), [])
          for (const tower of wanted) {
            assert.deepStrictEqual(yield* backups.listAcked(tower.id, "clear"), [])
            assert.deepStrictEqual(yield* backups.listAcked(tower.id, "tor"), [])
          }
          assert.strictEqual((yield* db.createTower(publicKey(9), address(9))).id, 4)
          const again = yield* db.createTower(publicKey(1), address(1))
          assert.strictEqual(again.additions, (counted[0]?.additions ?? 0) + 1)
          assert.deepStrictEqual(yield* Effect.provideService(check, SqlClient.SqlClient, sql), [])
          const fresh = yield* empty
          yield* open(fresh)
          assert.deepStrictEqual(yield* shapeOf(sql), yield* shapeOf(fresh))
        })
      )
    }

    it.scopedLive("this version is left as it is", () =>
      Effect.gen(function* () {
        const sql = yield* empty
        yield* open(sql)
        const shape = yield* shapeOf(sql)
        yield* open(sql)
        assert.deepStrictEqual(yield* shapeOf(sql), shape)
        const versions = yield* sql<{ readonly version: number }>`SELECT version FROM wt_version ORDER BY version`
        assert.deepStrictEqual(
          versions.map((row) => row.version),
          Array.from({ length: version }, (_, n) => n + 1)
        )
      })
    )
  })
}

/** The client of a SQLite file, as somebody uses it who has queries of their own. */
import { SqlClient } from "@effect/sql"
import { assert, describe, it } from "@effect/vitest"
import Sqlite from "better-sqlite3"
import { Chunk, Effect, Exit, Fiber, Scope, Stream } from "effect"
import { vi } from "vitest"
import * as SqliteClient from "../../../src/layers/sql/sqliteClient.js"
import * as VirtualTime from "../../../src/layers/testing/VirtualTime.js"
import { newFile } from "./sqliteFile.js"

const withTable = Effect.gen(function* () {
  const { sql } = yield* SqliteClient.make(":memory:")
  yield* sql`CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT)`
  yield* sql`INSERT INTO t ${sql.insert([
    { id: 1, name: "one" },
    { id: 2, name: "two" }
  ])}`
  return sql
})

const select = (sql: SqlClient.SqlClient) =>
  sql<{ id: number | bigint; name: string }>`SELECT id, name FROM t ORDER BY id`

describe("the client of a SQLite file", () => {
  it.scoped("answers rows, values, what the driver says, and a stream", () =>
    Effect.gen(function* () {
      const sql = yield* withTable
      const rows = [
        { id: 1, name: "one" },
        { id: 2, name: "two" }
      ]
      assert.deepStrictEqual(yield* select(sql), rows)
      assert.deepStrictEqual(yield* select(sql).values, [
        [1, "one"],
        [2, "two"]
      ])
      assert.deepStrictEqual(yield* select(sql).raw, rows)
      assert.deepStrictEqual(Chunk.toReadonlyArray(yield* Stream.runCollect(select(sql).stream)), rows)
      assert.deepInclude(yield* sql`DELETE FROM t WHERE id = 1`.raw, { changes: 1 })
      assert.deepStrictEqual(yield* sql`DELETE FROM t WHERE id = 2`.values, [])
      // After all of these the kept statement still answers objects.
      assert.deepStrictEqual(yield* select(sql), [])
    })
  )

  it.scoped("answers numbers, and big integers where the caller asks for them, from one kept statement", () =>
    Effect.gen(function* () {
      const sql = yield* withTable
      const ids = Effect.map(select(sql), (rows) => rows.map(({ id }) => id))
      const safe = Effect.provideService(ids, SqlClient.SafeIntegers, true)
      assert.deepStrictEqual(yield* ids, [1, 2])
      assert.deepStrictEqual(yield* safe, [1n, 2n])
      assert.deepStrictEqual(yield* ids, [1, 2])
    })
  )

  it.scoped("fails with the driver's error, whether it prepares, executes or opens", () =>
    Effect.gen(function* () {
      const sql = yield* withTable
      const codeOf = <A, E extends { readonly cause?: unknown }, R>(effect: Effect.Effect<A, E, R>) =>
        Effect.map(Effect.flip(effect), ({ cause }) => Reflect.get(Object(cause), "code"))
      assert.strictEqual(yield* codeOf(sql`SELECT nothing FROM nowhere`), "SQLITE_ERROR")
      assert.strictEqual(yield* codeOf(sql`INSERT INTO t (id) VALUES (1)`), "SQLITE_CONSTRAINT_PRIMARYKEY")
      assert.strictEqual(yield* codeOf(SqliteClient.make("/proc/none/client.db")), undefined)
    })
  )

  it.scoped("lets one transaction at a time use the connection", () =>
    Effect.gen(function* () {
      const sql = yield* withTable
      const add = (id: number) =>
        sql.withTransaction(
          Effect.gen(function* () {
            yield* sql`INSERT INTO t (id) VALUES (${id})`
            yield* Effect.yieldNow()
            yield* sql`UPDATE t SET name = 'added' WHERE id = ${id}`
          })
        )
      yield* Effect.all([add(3), add(4)], { concurrency: "unbounded" })
      assert.strictEqual((yield* select(sql)).length, 4)
    })
  )

  it("answers the other callers when one of them is interrupted, at each step", () => {
    const worlds = Array.from({ length: 500 }, (_, seed) =>
      VirtualTime.run(
        Effect.gen(function* () {
          const { sql } = yield* SqliteClient.make(":memory:")
          const asking = yield* Effect.fork(sql`SELECT 1`)
          for (let turn = 0; turn < seed % 12; turn++) yield* Effect.yieldNow()
          yield* Fiber.interrupt(asking)
          yield* sql`SELECT 2`
        }).pipe(Effect.scoped),
        { seed, yieldEvery: 1 + (seed % 24) }
      )
    )
    assert.deepStrictEqual(worlds.filter(Exit.isFailure), [])
  })

  it.scoped("keeps a bounded number of statements, the newest", () =>
    Effect.gen(function* () {
      const { sql } = yield* SqliteClient.make(":memory:")
      const prepare = vi.spyOn(Sqlite.prototype, "prepare")
      const select = (n: number) => sql.unsafe(`SELECT ${n}`)
      yield* Effect.forEach(
        Array.from({ length: 600 }, (_, n) => n),
        select
      )
      prepare.mockClear()
      yield* select(599)
      assert.strictEqual(prepare.mock.calls.length, 0)
      yield* select(0)
      assert.strictEqual(prepare.mock.calls.length, 1)
      prepare.mockRestore()
    })
  )

  it.effect("closes the file with its scope", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const { sql } = yield* Scope.extend(SqliteClient.make(yield* newFile), scope)
        yield* sql`SELECT 1`
        yield* Scope.close(scope, Exit.void)
        const { cause } = yield* Effect.flip(sql`SELECT 2`)
        assert.match(String(cause), /not open/)
      })
    )
  )
})

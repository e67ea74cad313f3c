import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, TestClock } from "effect"
import * as SqliteClientDb from "../../../src/layers/SqliteClientDb.js"
import { address, publicKey } from "../../services/ClientDb/samples.js"
import { around } from "./recording.js"
import { newFile, other, withClient } from "./sqliteFile.js"

describe("SqliteClientDb", () => {
  it.scoped("tries again after longer and longer waits while another has the lock, and not beyond storeTimeout", () =>
    Effect.gen(function* () {
      const filename = yield* newFile
      const times: Array<number> = []
      const client = around(yield* SqliteClientDb.client({ filename }), (text, statement) =>
        text === "BEGIN IMMEDIATE"
          ? Effect.zipRight(
              Effect.map(TestClock.currentTimeMillis, (now) => times.push(now)),
              statement
            )
          : statement
      )
      const db = yield* withClient(client)
      yield* (yield* other(filename)).unsafe("BEGIN IMMEDIATE")
      times.length = 0
      const adding = yield* Effect.fork(Effect.flip(db.createTower(publicKey(1), address(1))))
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual((yield* Fiber.join(adding))._tag, "DatabaseBusy")
      assert.deepStrictEqual(
        times.slice(0, 10).map((time, at) => time - (times[at - 1] ?? 0)),
        [0, 5, 10, 20, 40, 80, 160, 200, 200, 200]
      )
      assert.isAtLeast(times.at(-1) ?? 0, 4800)
    })
  )
})

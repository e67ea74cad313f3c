/** How a transaction of SQLite takes its turns: while it has the lock, no other fiber of the process may run. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Scheduler } from "effect"
import * as SqliteClientDb from "../../../src/layers/SqliteClientDb.js"
import { policy, session, update } from "../../services/ClientDb/samples.js"
import { around } from "./recording.js"
import { bind, withClient } from "./sqliteFile.js"

describe("a transaction of SQLite", () => {
  it.scoped("takes one turn of the event loop, also where fibers yield often", () =>
    Effect.gen(function* () {
      let turns = 0
      const scheduler: Scheduler.Scheduler = {
        shouldYield: (fiber) => Scheduler.defaultScheduler.shouldYield(fiber),
        scheduleTask: (task, priority) => {
          turns += 1
          Scheduler.defaultScheduler.scheduleTask(task, priority)
        }
      }
      const begun: Array<number> = []
      const committed: Array<number> = []
      const client = around(yield* SqliteClientDb.client({ filename: ":memory:" }), (text, statement) => {
        if (text === "BEGIN IMMEDIATE") begun.push(turns)
        if (text === "COMMIT") committed.push(turns)
        return statement
      })
      const db = yield* withClient(client)
      const tower = yield* bind(db)
      const operations = Effect.gen(function* () {
        const held = yield* db.nextSessionKeyIndex(tower.id, policy.blobType, "clear")
        yield* db.createClientSession(session(tower, held), held, update(tower))
      })
      begun.length = 0
      committed.length = 0
      yield* operations.pipe(Effect.withMaxOpsBeforeYield(50), Effect.withScheduler(scheduler))
      assert.strictEqual(begun.length, 3)
      assert.deepStrictEqual(committed, begun)
      assert.isAbove(turns, 3)
    })
  )
})

/** How SQLite keeps backups: with which statements, by which indices, and synced or not. */
import { SqlClient } from "@effect/sql"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect } from "effect"
import * as SqlClientDb from "../../src/layers/SqlClientDb.js"
import * as SqliteClientDb from "../../src/layers/SqliteClientDb.js"
import * as Policy from "../../src/schema/Policy.js"
import { BackupDb } from "../../src/services/BackupDb.js"
import { ClientDb } from "../../src/services/ClientDb.js"
import { addSession, addTower, never } from "../services/BackupDb/contract.js"
import { backup, channel, channelId, height, long, sender } from "../services/BackupDb/samples.js"
import { identity, start } from "../services/ClientDb/samples.js"
import { turnsDuring } from "../support/turnsDuring.js"
import { recording } from "./sql/recording.js"
import { newFile } from "./sql/sqliteFile.js"

const opened = Effect.gen(function* () {
  const sql = yield* SqliteClientDb.client({ filename: ":memory:" })
  const said: Array<string> = []
  const services = yield* Effect.provideService(
    SqlClientDb.services(),
    SqlClient.SqlClient,
    recording(sql, (text) => said.push(text.trim().replaceAll(/\s+/g, " ")))
  )
  const clients = Context.get(services, ClientDb)
  const db = Context.get(services, BackupDb)
  yield* clients.bindIdentity(identity)
  yield* db.registerChannel(channel(1))
  const [one, two] = [yield* addTower(clients, 1), yield* addTower(clients, 2)]
  const session = yield* addSession(clients, one)
  yield* db.takeSenderLease(sender)
  /** What an operation says. */
  const heard = <A, E>(operation: Effect.Effect<A, E>) =>
    Effect.suspend(() => {
      said.length = 0
      return Effect.map(operation, (): ReadonlyArray<string> => [...said])
    })
  const window = (request: Partial<BackupDb.WindowRequest> = {}) =>
    db.nextWindow(sender, session.keyIndex, { acked: 0, limit: 32, route: "clear", stalledSince: never, ...request })
  const useful = (serving: ReadonlyArray<typeof one>) =>
    db.towerNeeds({
      policyKey: Policy.keyOf(long),
      route: "clear",
      serving: serving.map(({ id }) => id),
      towers: [{ towerId: two.id }],
      stalledSince: never
    })
  return { sql, db, one, two, session, heard, window, useful }
})

describe("SQLite", () => {
  it.scopedLive("lets the event loop turn for each state that is handed in, however many come in a row", () =>
    Effect.gen(function* () {
      const db = Context.get(yield* SqliteClientDb.services({ filename: yield* newFile }), BackupDb)
      yield* db.registerChannel(channel(1))
      const states = 100
      const turns = yield* turnsDuring(
        Effect.gen(function* () {
          for (let at = 1; at <= states; at += 1) yield* db.addBackup(backup(1, at))
        })
      )
      assert.isAtLeast(turns, states)
    })
  )

  it.scoped("syncs what a node or a tower relies on, and no lease", () =>
    Effect.gen(function* () {
      const { db, heard, session, window } = yield* opened
      const levels = Effect.map((said: ReadonlyArray<string>) =>
        said.filter((text) => text.startsWith("PRAGMA synchronous")).map((text) => text.split(" ").at(-1))
      )
      const operations: ReadonlyArray<readonly [string, Effect.Effect<unknown, unknown>]> = [
        ["FULL", db.registerChannel(channel(2))],
        ["FULL", db.addBackup(backup(1, 1))],
        ["FULL", db.addIneligible(channelId(1), height(2))],
        ["FULL", window()],
        ["FULL", db.noteFailure(sender, session.keyIndex, start)],
        ["FULL", db.noteRefusal(sender, session.keyIndex)],
        ["FULL", window({ acked: 1 })],
        ["FULL", db.endSession(sender, session.keyIndex, "lost")],
        ["FULL", db.terminateSession(session.id)],
        ["FULL", db.closeChannel(channelId(2))],
        ["NORMAL", db.takeSenderLease(sender)],
        ["NORMAL", db.renewSenderLease(sender)],
        ["NORMAL", db.dropSenderLease(sender)]
      ]
      for (const [level, operation] of operations) assert.deepStrictEqual(yield* levels(heard(operation)), [level])
    })
  )

  it.scoped("acks a window and binds the next one in one transaction, and begins none where nothing changes", () =>
    Effect.gen(function* () {
      const { db, heard, window } = yield* opened
      const begins = Effect.map((said: ReadonlyArray<string>) => said.filter((text) => text.startsWith("BEGIN")).length)
      assert.strictEqual(yield* begins(heard(window())), 0)
      for (const at of [1, 2, 3]) yield* db.addBackup(backup(1, at))
      assert.strictEqual(yield* begins(heard(window({ limit: 0 }))), 0)
      assert.strictEqual(yield* begins(heard(window({ limit: 2 }))), 1)
      assert.strictEqual(yield* begins(heard(window({ limit: 2 }))), 0)
      assert.strictEqual(yield* begins(heard(window({ acked: 2 }))), 1)
      assert.strictEqual(yield* begins(heard(window({ acked: 2 }))), 0)
    })
  )

  it.scoped("B6: keeps no row of a state that has its copies, but one of each run of heights", () =>
    Effect.gen(function* () {
      const { db, sql, window } = yield* opened
      const rows = Effect.map(
        sql<{ readonly backups: number; readonly updates: number; readonly ranges: number }>`
          SELECT (SELECT count(*) FROM wt_backup) AS backups, (SELECT count(*) FROM wt_update) AS updates,
            (SELECT count(*) FROM wt_acked) AS ranges`,
        ([counts]) => counts
      )
      const keepAll = (first: number, last: number) =>
        Effect.forEach(
          Array.from({ length: last - first + 1 }, (_, n) => first + n),
          (at) => db.addBackup(backup(1, at)),
          { discard: true }
        )
      let acked = 0
      const sendAll = Effect.gen(function* () {
        for (;;) {
          const bound = yield* window({ acked })
          // A window at a time is read, however much is kept.
          assert.isAtMost(bound.length, 32)
          if (bound.length === 0) return
          acked = bound.at(-1)?.seqNum ?? acked
        }
      })
      yield* keepAll(1, 100)
      assert.deepStrictEqual(yield* rows, { backups: 100, updates: 0, ranges: 0 })
      yield* window()
      assert.deepStrictEqual(yield* rows, { backups: 100, updates: 32, ranges: 0 })
      yield* sendAll
      assert.deepStrictEqual(yield* rows, { backups: 0, updates: 0, ranges: 1 })
      yield* keepAll(101, 200)
      yield* sendAll
      assert.deepStrictEqual(yield* rows, { backups: 0, updates: 0, ranges: 1 })
      // Two gaps in the heights.
      yield* keepAll(202, 210)
      yield* keepAll(212, 220)
      yield* sendAll
      assert.deepStrictEqual(yield* rows, { backups: 0, updates: 0, ranges: 3 })
    })
  )

  it.scoped("says no more for a window of many updates than for one of few", () =>
    Effect.gen(function* () {
      const { db, heard, window } = yield* opened
      for (let at = 0; at < 64; at += 1) yield* db.addBackup(backup(1, at))
      yield* window({ limit: 2 })
      const few = yield* heard(window({ acked: 2, limit: 30 }))
      const many = yield* heard(window({ acked: 32, limit: 32 }))
      assert.strictEqual(many.length, few.length)
      assert.isAtMost(many.length, 18)
    })
  )

  it.scoped("reads no blob to count states", () =>
    Effect.gen(function* () {
      const { db, heard, window } = yield* opened
      yield* db.addBackup(backup(1, 1))
      yield* window()
      const said = yield* heard(
        Effect.all([
          db.backlog,
          db.listChannels(),
          db.summarize(channelId(1)),
          db.progress(channelId(1), height(1)),
          db.findState(channelId(1), height(1))
        ])
      )
      assert.isAtLeast(said.length, 5)
      assert.deepStrictEqual(
        said.filter((text) => /\bblob\b|\*(?!\))/.test(text)),
        []
      )
    })
  )

  it.scoped("walks along indices only, from the cursor on", () =>
    Effect.gen(function* () {
      const { db, heard, one, session, sql, two, useful, window } = yield* opened
      for (const at of [1, 2, 3, 4]) yield* db.addBackup(backup(1, at))
      yield* window({ limit: 2 })
      const said = yield* heard(
        Effect.all([
          window({ acked: 2 }),
          useful([]),
          useful([one]),
          useful([one, two]),
          db.listSending("clear"),
          db.listAcked(one.id, "clear"),
          db.findState(channelId(1), height(1)),
          db.addBackup(backup(1, 5)),
          db.noteFailure(sender, session.keyIndex, start),
          db.endSession(sender, session.keyIndex, "lost")
        ])
      )
      const plans = yield* Effect.forEach(
        said.filter((text) => /\bwt_(backup|update|acked|ineligible|session)\b/.test(text)),
        (text) =>
          Effect.map(
            sql.unsafe<{ readonly detail: string }>(
              `EXPLAIN QUERY PLAN ${text}`,
              [...text.matchAll(/\?/g)].map(() => 1)
            ),
            (steps) => ({ text, steps: steps.map(({ detail }) => detail).join("; ") })
          )
      )
      assert.isAbove(plans.length, 15)
      for (const { steps, text } of plans) {
        // `u` is a table of updates, `b` of backups, `v` what a serving tower has, `s` a table of sessions.
        assert.notMatch(steps, /SCAN (wt_|[bvsu]\b)/, text)
        if (/FROM wt_backup b WHERE b\.policy_key/.test(text)) {
          assert.match(steps, /b USING INDEX wt_backup_policy \(policy_key=\? AND id>\?\)/, text)
        }
      }
      const alongServing = plans.filter(({ text }) => text.includes("wt_update v"))
      assert.strictEqual(alongServing.length, 2)
      for (const { steps } of alongServing) {
        assert.match(steps, /v USING COVERING INDEX wt_update_tower \(tower=\? AND backup>\? AND backup<\?\)/)
      }
    })
  )
})

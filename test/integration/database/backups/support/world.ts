/** A database, three towers and tower clients as processes; and the question whether towers and database agree. */
import { randomUUID } from "node:crypto"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { SqlClient } from "@effect/sql"
import { assert } from "@effect/vitest"
import { Context, Effect, Redacted, Scope } from "effect"
import * as SqlClientDb from "../../../../../src/layers/SqlClientDb.js"
import { check } from "../../../../../src/layers/sql/databaseCheck.js"
import * as RevokedStates from "../../../../../src/layers/testing/RevokedStates.js"
import * as LoopbackTower from "../../../../../src/layers/tower/LoopbackTower.js"
import { CommitHeight } from "../../../../../src/schema/RevokedState.js"
import { senderLeaseMs } from "../../../../../src/schema/StoredBackup.js"
import { BackupDb } from "../../../../../src/services/BackupDb.js"
import { chain, client as connect, isPostgres } from "../../support/negotiating.js"
import { type Running, start } from "../../support/process.js"
import type { Place } from "../../support/world.js"
import { copies, type Plan, type Word, words } from "./plan.js"
import * as TowerFile from "./towerFile.js"
import { type TowerPlan, towerWords } from "./towerPlan.js"

/** `name` is that of its connections to Postgres. */
export interface Client extends Running<Word> {
  readonly name: string
}

/** The database as the connections of a process of this name come to it. */
const whereOf = (where: string, name: string) => {
  if (!isPostgres(where)) return where
  const url = new URL(where)
  url.searchParams.set("application_name", name)
  return url.toString()
}

/** The bundled programs. */
export interface Programs {
  readonly client: string
  readonly tower: string
}

/** A tower as a process, that can be killed and started again. */
const makeTower = (program: string, folder: string, number: number, messageTimeoutMs: number) =>
  Effect.gen(function* () {
    const file = path.join(folder, `tower-${number}`)
    fs.writeFileSync(file, "")
    const said: Array<Running<(typeof towerWords)[number]>["said"][number]> = []
    const scope = yield* Effect.scope
    /** In the world's scope: one that is started again outlives the client that saw it killed. */
    const begin = (port: number) =>
      Effect.gen(function* () {
        const plan: TowerPlan = { number, port, file, messageTimeoutMs }
        const process = yield* start({ file: program, words: towerWords }, plan)
        assert.isTrue(yield* process.waitsFor("listens"), process.complaints())
        return process
      }).pipe(Scope.extend(scope))
    let process = yield* begin(0)
    const uri = process.said[0]?.about[0] ?? ""
    const port = Number(uri.split(":").at(-1))
    return {
      uri,
      file,
      /** The codes with which it had a reason to refuse an update. */
      refusals: () => [...said, ...process.said].filter(({ word }) => word === "refused"),
      setRefusing: (refuses: boolean) =>
        Effect.gen(function* () {
          yield* process.tell(refuses ? "refuse" : "take")
          assert.isTrue(yield* process.waitsFor("does"), process.complaints())
        }),
      killAndStart: Effect.gen(function* () {
        yield* process.signal("SIGKILL")
        yield* process.end
        said.push(...process.said)
        process = yield* begin(port)
      })
    }
  })

interface BoundRow {
  readonly id: string
  readonly seqNum: number | string
  readonly hint: string
  readonly blob: Uint8Array
}

const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex")

/** A new world on a place. */
export const make = (programs: Programs, { look, where }: Place, messageTimeoutMs = 15_000) =>
  Effect.gen(function* () {
    const sql = yield* connect({ where, storeTimeoutMs: 60_000 })
    const services = yield* Effect.provideService(
      SqlClientDb.services({ storeTimeout: 60_000 }),
      SqlClient.SqlClient,
      sql
    )
    const db = Context.get(services, BackupDb)
    const folder = yield* Effect.acquireRelease(
      Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "towers-"))),
      (made) => Effect.sync(() => fs.rmSync(made, { recursive: true }))
    )
    const towers = yield* Effect.forEach(
      [1, 2, 3],
      (number) => makeTower(programs.tower, folder, number, messageTimeoutMs),
      { concurrency: "unbounded" }
    )
    /** The last state of each channel that `backupState` has confirmed. */
    const accepted = new Map<number, number>()

    const run = (plan: Omit<Plan, "where" | "towers" | "from">) =>
      Effect.suspend(() => {
        const name = `client-${randomUUID()}`
        const started = start({ file: programs.client, words }, {
          ...plan,
          where: whereOf(where, name),
          towers: towers.map(({ uri }) => uri),
          from: (accepted.get(plan.channel) ?? 0) + 1
        } satisfies Plan)
        return Effect.map(started, (running): Client => ({ ...running, name }))
      })

    /** What a client said of a channel counts from now on. */
    const believe = (channel: number, { complaints, said }: Client) => {
      assert.notInclude(
        said.map(({ word }) => word),
        "failed",
        `${complaints()} ${JSON.stringify(said.at(-1))}`
      )
      for (const { about, word } of said) {
        if (word === "accepted") accepted.set(channel, Math.max(accepted.get(channel) ?? 0, Number(about[0])))
      }
    }

    const channels = () =>
      Effect.forEach(accepted, ([number, last]) =>
        Effect.map(RevokedStates.make({ chain, type: "anchors", number }), (states) => ({ ...states, last }))
      )

    /**
     * What the towers have stored: of each number and of each state one update only. Answers the bytes by session and number.
     */
    const storedAtTowers = () => {
      const byNumber = new Map<string, string>()
      const byHint = new Map<string, string>()
      for (const { file } of towers) {
        for (const { id, update } of TowerFile.linesIn(file)) {
          if (update === undefined) continue
          const { encryptedBlob, hint, seqNum } = update
          const number = `${id}/${seqNum}`
          const bytes = `${hint}${encryptedBlob}`
          assert.strictEqual(byNumber.get(number) ?? bytes, bytes, `two updates came under the number ${number}`)
          assert.strictEqual(byHint.get(hint) ?? encryptedBlob, encryptedBlob, `two blobs came for the hint ${hint}`)
          byNumber.set(number, bytes)
          byHint.set(hint, encryptedBlob)
        }
      }
      return byNumber
    }

    const boundRows = look<BoundRow>`
      SELECT s.id, u.seq_num AS "seqNum", b.hint, b.blob FROM wt_update u
      JOIN wt_session s ON s.key_index = u.session JOIN wt_backup b ON b.id = u.backup WHERE u.seq_num IS NOT NULL`

    /** Towers, database and what clients have said agree (B1, B2 and B4 of docs/backups.md). */
    const agree = Effect.gen(function* () {
      const findings = yield* Effect.provideService(check, SqlClient.SqlClient, look)
      assert.deepStrictEqual(findings, [])
      // The rows before the towers: what a tower stores meanwhile was bound before.
      const bound = yield* boundRows
      const sessions = yield* look<{ readonly id: string; readonly acked: number | string }>`
        SELECT id, tower_last_applied AS acked FROM wt_session`
      const stored = storedAtTowers()
      for (const { blob, hint, id, seqNum } of bound) {
        const there = stored.get(`${id}/${seqNum}`)
        if (there !== undefined) assert.strictEqual(there, `${hint}${hexOf(blob)}`, `the bytes of ${id}/${seqNum}`)
      }
      for (const { acked, id } of sessions) {
        for (let seqNum = 1; seqNum <= Number(acked); seqNum += 1)
          assert.isTrue(stored.has(`${id}/${seqNum}`), `${id}/${seqNum} counts as confirmed, and the tower has it not`)
      }
      for (const { channel, last } of yield* channels()) {
        const { missing, complete, handedIn } = yield* db.summarize(channel.id)
        // One that was stored before the process could say so counts too.
        assert.isAtLeast(missing + complete, last)
        assert.strictEqual(missing + complete, handedIn)
      }
      for (const { refusals } of towers) assert.deepStrictEqual(refusals(), [])
    })

    /** What has become of what is on its way. */
    const fate = Effect.gen(function* () {
      const bound = yield* boundRows
      const stored = storedAtTowers()
      if (bound.some(({ id, seqNum }) => stored.has(`${id}/${seqNum}`))) return "the tower's alone" as const
      if (bound.length > 0) return "bound only" as const
      const backlog = yield* db.backlog
      return backlog.length > 0 ? ("waiting" as const) : ("nothing" as const)
    })

    /** The lease of a process that was killed runs out. */
    const leaseRunsOut = Effect.asVoid(look`UPDATE wt_client SET since = since - ${senderLeaseMs}`)

    /**
     * The server ends the transactions of a process that is stopped, as it does by itself when it has waited for a fifth of the process's
     * `storeTimeout`: that is tried elsewhere, and here it would make the outcome depend on how long the process is stopped. Answers how many
     * it ended.
     */
    const endTransactionsOf = ({ name }: Client) =>
      Effect.map(
        look`
          SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity
          WHERE application_name = ${name} AND xact_start IS NOT NULL`,
        ({ length }) => length
      )

    /** All states get their copies, and each copy is of use. */
    const settle = Effect.gen(function* () {
      for (const tower of towers) yield* tower.setRefusing(false)
      for (const channel of accepted.keys()) {
        yield* leaseRunsOut
        const client = yield* run({ channel, states: 1, awaits: true })
        assert.strictEqual(yield* client.end, 0, client.complaints())
        believe(channel, client)
      }
      yield* agree
      const lookouts = yield* Effect.forEach(towers, ({ file }, at) =>
        LoopbackTower.make({
          chain,
          secretKey: Redacted.make(new Uint8Array(32).fill(at + 1)),
          initialSessions: TowerFile.sessionsIn(file)
        })
      )
      for (const { at, channel, last } of yield* channels()) {
        assert.deepInclude(yield* db.progress(channel.id, CommitHeight.make(last)), { missing: 0, lost: 0 })
        for (let height = 1; height <= last; height += 1) {
          const { commitmentTransaction } = at(height).state
          const punished = yield* Effect.forEach(lookouts, (tower) =>
            Effect.option(tower.breach(commitmentTransaction))
          )
          const punishing = punished.filter(({ _tag }) => _tag === "Some").length
          assert.isAtLeast(punishing, copies, `copies of state ${height}`)
        }
      }
    })

    return { db, look, towers, accepted, run, believe, agree, fate, leaseRunsOut, endTransactionsOf, settle }
  })

export type World = Effect.Effect.Success<ReturnType<typeof make>>

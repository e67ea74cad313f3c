/**
 * A database, two towers on real ports, and clients as processes; and the question whether towers and database agree.
 */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { SqlClient } from "@effect/sql"
import { assert } from "@effect/vitest"
import { Context, Effect, Layer, Redacted } from "effect"
import * as SqliteClientDb from "../../../../src/layers/SqliteClientDb.js"
import { check } from "../../../../src/layers/sql/databaseCheck.js"
import * as LoopbackTower from "../../../../src/layers/tower/LoopbackTower.js"
import * as NodeLoopbackTower from "../../../../src/layers/tower/NodeLoopbackTower.js"
import { KeyIndex } from "../../../../src/schema/Ids.js"
import { leaseMs } from "../../../../src/schema/Reservation.js"
import * as TowerUri from "../../../../src/schema/TowerUri.js"
import type { ClientDb } from "../../../../src/services/ClientDb.js"
import { familyTowerSession, KeyRing } from "../../../../src/services/KeyRing.js"
import { SessionNegotiator } from "../../../../src/services/SessionNegotiator.js"
import * as Postgres from "../../../layers/sql/postgres.js"
import { clockAhead } from "./clockAhead.js"
import { chain, keyRing, negotiating, openDb } from "./negotiating.js"
import { type Plan, type Word, words } from "./plan.js"
import { type Running, start } from "./process.js"

export type Client = Running<Word>

export type Engine = "SQLite" | "Postgres"

/** A fresh database, and a connection beside the adapter's. */
export interface Place {
  readonly where: string
  readonly look: SqlClient.SqlClient
}

export const sqlite = Effect.gen(function* () {
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "clients-"))),
    (made) => Effect.sync(() => fs.rmSync(made, { recursive: true }))
  )
  const where = path.join(folder, "client.db")
  const place: Place = { where, look: yield* Effect.orDie(SqliteClientDb.client({ filename: where })) }
  return place
})

export const postgres = (url: string) =>
  Effect.gen(function* () {
    const where = yield* Postgres.newSchema(url)
    const place: Place = { where, look: yield* Postgres.connect(where) }
    return place
  })

/** How many sessions of a process's life somebody alone knows of. */
export interface Outcome {
  /** Towers know it, the database does not: its key is an open reservation. */
  readonly towerOnly: number
  readonly stored: number
  readonly delivered: number
}

const pages = (db: ClientDb.Service, after?: KeyIndex): ReturnType<ClientDb.Service["listClientSessions"]> =>
  Effect.flatMap(db.listClientSessions({ after, limit: 1000 }), (page) =>
    page.length < 1000
      ? Effect.succeed(page)
      : Effect.map(pages(db, page.at(-1)?.keyIndex), (rest) => [...page, ...rest])
  )

/** A new world on a place. */
export const make = (client: string, { look, where }: Place) =>
  Effect.gen(function* () {
    const keys = Context.get(yield* Layer.build(keyRing), KeyRing)
    const db = yield* openDb({ where })

    /** Sessions that towers have accepted, by their ids: which tower, and how often. */
    const accepted = new Map<string, string>()
    const shown = new Map<string, string>()
    const towers = yield* Effect.forEach([1, 2], (n) =>
      Effect.gen(function* () {
        const tower: NodeLoopbackTower.NodeLoopbackTower = yield* NodeLoopbackTower.make({
          chain,
          secretKey: Redacted.make(new Uint8Array(32).fill(n)),
          onSession: ({ id }) =>
            Effect.sync(() => {
              assert.strictEqual(accepted.get(id) ?? tower.publicKey, tower.publicKey, `two towers hold ${id}`)
              accepted.set(id, tower.publicKey)
            })
        })
        return tower
      })
    )
    const uris = towers.map((tower) => TowerUri.print(tower.uri))

    let storedIds: ReadonlySet<string> = new Set()

    const run = (plan: Omit<Plan, "where" | "towers"> = {}, before?: ReadonlyArray<string>) =>
      start({ file: client, words }, { ...plan, where, towers: uris }, before)

    /** What a process said must be true of the rest of the world; no key is shown to two towers. */
    const believe = ({ complaints, said }: Client, stored: ReadonlySet<string>) => {
      assert.notInclude(
        said.map(({ word }) => word),
        "failed",
        `${complaints()} ${JSON.stringify(said.at(-1))}`
      )
      const delivered = said.filter(({ word }) => word === "delivered").map(({ about: [id = ""] }) => id)
      assert.strictEqual(new Set(delivered).size, delivered.length, "delivered twice")
      for (const { about, word } of said) {
        const [first = "", second = ""] = about
        if (word === "shown") {
          assert.strictEqual(shown.get(second) ?? first, first, `two towers saw ${second}`)
          shown.set(second, first)
        }
        if (word === "delivered" || word === "stored")
          assert.isTrue(stored.has(first), `${word}, and not there: ${first}`)
      }
      return delivered
    }

    const keyOf = (index: number) =>
      Effect.map(keys.deriveKey({ family: familyTowerSession, index: KeyIndex.make(index) }), String)

    const openKeys = Effect.gen(function* () {
      const rows = yield* look<{ readonly index: number; readonly tower: string }>`
        SELECT r.key_index AS "index", t.public_key AS tower
        FROM wt_reservation r JOIN wt_tower t ON t.id = r.tower`
      return new Map(
        yield* Effect.forEach(rows, ({ index, tower }) => Effect.map(keyOf(index), (key) => [key, tower] as const))
      )
    })

    /** Towers, database and the processes that have ended agree (docs/negotiation.md, G1 and G2); what each alone knows. */
    const agree = (...clients: ReadonlyArray<Client>) =>
      Effect.gen(function* () {
        // In this order: a server may still be finishing what a killed process sent, and turns the one into the other.
        const open = yield* openKeys
        const sessions = yield* pages(db)
        const stored = new Map(sessions.map((session) => [String(session.id), String(session.towerPublicKey)]))
        storedIds = new Set(stored.keys())
        const delivered = clients.flatMap((client) => believe(client, storedIds))
        for (const [id, tower] of stored)
          assert.strictEqual(accepted.get(id), tower, `ours, and not the tower's: ${id}`)
        const missing = [...accepted].filter(([id]) => !stored.has(id))
        for (const [id, tower] of missing) assert.strictEqual(open.get(id), tower, `the tower's, and not ours: ${id}`)
        const { length } = yield* Effect.provideService(check, SqlClient.SqlClient, look)
        assert.strictEqual(length, 0)
        const outcome: Outcome = { towerOnly: missing.length, stored: stored.size, delivered: delivered.length }
        return outcome
      })

    /** Lets all leases run out, by whichever clock they were taken. */
    const leasesRunOut = Effect.asVoid(look`UPDATE wt_reservation SET since = since - ${10 * leaseMs}`)

    /** Does something when a lease's time has passed. SQLite has our clock; that of Postgres stands, so its leases move. */
    const later = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
      look.onDialectOrElse({
        pg: () => Effect.andThen(leasesRunOut, effect),
        orElse: () =>
          Effect.withClock(
            effect,
            clockAhead(() => leaseMs)
          )
      })

    /** Reservations run out and are used, until towers and database hold the same: at the latest when all were used. */
    const settle = Effect.gen(function* () {
      yield* Effect.forEach(towers, (tower) => tower.setFault(undefined))
      yield* leasesRunOut
      // One that has failed often stands behind the other, which would be asked every time.
      yield* look`DELETE FROM wt_standing`
      const { size } = yield* openKeys
      const isSettled = Effect.map(agree(), ({ towerOnly }) => towerOnly === 0)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const negotiator = Context.get(yield* negotiating({ where, towers: uris }), SessionNegotiator)
          // The towers take turns.
          for (let left = 2 * size; left > 0 && !(yield* isSettled); left--) yield* negotiator.nextSession
        })
      )
      assert.isTrue(yield* isSettled)
    })

    return { db, look, where, towers, uris, run, agree, later, settle, keyOf, accepted, stored: () => storedIds }
  })

export type World = Effect.Effect.Success<ReturnType<typeof make>>

/** The tower takes the session, and hangs up before it says so. */
export const swallowsReplies = LoopbackTower.Fault.HangUp({ before: "reply" })

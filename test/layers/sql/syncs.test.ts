/** What SQLite brings to the disk before an operation answers: what must not be lost with the power. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as SqliteClientDb from "../../../src/layers/SqliteClientDb.js"
import type { Tower } from "../../../src/schema/Tower.js"
import type { ClientDb } from "../../../src/services/ClientDb.js"
import { address, identity, policy, policyKey, publicKey, session, update } from "../../services/ClientDb/samples.js"
import { around } from "./recording.js"
import { bind, withClient } from "./sqliteFile.js"

const take = (db: ClientDb.Service, tower: Tower) => db.nextSessionKeyIndex(tower.id, policy.blobType, "clear")

const give = (db: ClientDb.Service, tower: Tower) => (held: Effect.Effect.Success<ReturnType<typeof take>>) =>
  db.freeSessionKeyIndex(held, { outcome: { _tag: "free", restMs: 0 }, update: update(tower) })

type Operation = Effect.Effect<unknown, unknown>

/** What comes before, and the operation. */
type Case = (db: ClientDb.Service, tower: Tower) => Effect.Effect<Operation, unknown>

const at =
  (operation: (db: ClientDb.Service, tower: Tower) => Operation): Case =>
  (db, tower) =>
    Effect.succeed(operation(db, tower))

const cases: ReadonlyArray<readonly [what: string, Case, syncs: ReadonlyArray<string>]> = [
  ["whose database it is", at((db) => db.bindIdentity(identity)), ["FULL"]],
  ["an added tower", at((db) => db.createTower(publicKey(2), address(2))), ["FULL"]],
  ["a removed tower", at((db, tower) => db.removeTower(tower.publicKey)), ["FULL"]],
  ["a deactivated tower", at((db, tower) => db.deactivateTower(tower.publicKey)), ["FULL"]],
  // The first transaction looks for one that is free.
  ["a new key index", at(take), ["NORMAL", "FULL"]],
  [
    "a free key index that is taken",
    (db, tower) => Effect.as(Effect.flatMap(take(db, tower), give(db, tower)), take(db, tower)),
    ["NORMAL"]
  ],
  ["a key index that is freed", (db, tower) => Effect.map(take(db, tower), give(db, tower)), ["NORMAL"]],
  [
    "a session",
    (db, tower) =>
      Effect.map(take(db, tower), (held) => db.createClientSession(session(tower, held), held, update(tower))),
    ["FULL"]
  ],
  ["skipped key indexes", at((db) => db.skipSessionKeys(5)), ["FULL"]],
  ["a standing", at((db, tower) => db.saveStanding(update(tower))), ["NORMAL"]],
  [
    "what is only read",
    at((db) => Effect.all([db.listTowers, db.listClientSessions(), db.loadStandings(policy.blobType, policyKey)])),
    []
  ]
]

describe("SqliteClientDb", () => {
  for (const [what, prepare, expected] of cases) {
    it.scoped(`brings to the disk ${what}: ${expected.length === 0 ? "nothing" : expected.join(", ")}`, () =>
      Effect.gen(function* () {
        let level = ""
        const syncs: Array<string> = []
        const client = around(yield* SqliteClientDb.client({ filename: ":memory:" }), (text, statement) => {
          if (text.startsWith("PRAGMA synchronous")) level = text.replace(/.*= /, "")
          if (text === "COMMIT") syncs.push(level)
          return statement
        })
        const db = yield* withClient(client)
        const operation = yield* prepare(db, yield* bind(db))
        syncs.length = 0
        yield* operation
        assert.deepStrictEqual(syncs, expected)
      })
    )
  }
})

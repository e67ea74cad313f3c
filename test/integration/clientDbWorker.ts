/**
 * A client that visits towers until it is killed. Before each thing that a tower would see, it says so: what is said is
 * what towers know.
 *
 *   shown TOWER INDEX    the key is shown to the tower
 *   accepted TOWER INDEX the tower holds a session with it
 *   stored TOWER INDEX   the database has confirmed that session
 */
import * as fs from "node:fs"
import { Effect, Redacted } from "effect"
import * as PostgresClientDb from "../../src/layers/PostgresClientDb.js"
import * as SqliteClientDb from "../../src/layers/SqliteClientDb.js"
import { address, identity, policy, publicKey, session, update } from "../layers/ClientDb.fixtures.js"

const [where = ""] = process.argv.slice(2)

const say = (line: string) => Effect.sync(() => fs.writeSync(1, `${line}\n`))

const open = where.startsWith("postgresql:")
  ? PostgresClientDb.make({ url: Redacted.make(where), maxConnections: 2 })
  : SqliteClientDb.make({ filename: where })

const work = Effect.gen(function* () {
  const db = yield* open
  yield* db.bindIdentity(identity)
  const towers = yield* Effect.forEach([1, 2], (n) => db.createTower(publicKey(n), address(n)))
  for (let visit = process.pid; ; visit += 1) {
    const tower = towers[visit % towers.length]
    if (tower === undefined) return
    let held = yield* db.nextSessionKeyIndex(tower.id, policy.blobType, "clear")
    yield* say(`shown ${tower.id} ${held.keyIndex}`)
    if (visit % 7 === 0) {
      held = yield* db.nextSessionKeyIndex(tower.id, policy.blobType, "clear", { forceNext: held })
      yield* say(`shown ${tower.id} ${held.keyIndex}`)
    }
    if (visit % 3 === 0) {
      const outcome = { _tag: "free", restMs: 0 } as const
      yield* db.freeSessionKeyIndex(held, { outcome, update: update(tower, { failedVisits: 1 }) })
      continue
    }
    yield* say(`accepted ${tower.id} ${held.keyIndex}`)
    yield* db.createClientSession(session(tower, held), held, update(tower))
    yield* say(`stored ${tower.id} ${held.keyIndex}`)
  }
})

await Effect.runPromise(Effect.scoped(work))

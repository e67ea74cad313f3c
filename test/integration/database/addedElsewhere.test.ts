/** A running negotiator learns of what another process adds to the database. */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, TestClock } from "effect"
import * as SessionNegotiatorLayer from "../../../src/layers/negotiator/SessionNegotiator.js"
import * as RoundRobinTowerCandidates from "../../../src/layers/RoundRobinTowerCandidates.js"
import * as SqliteClientDb from "../../../src/layers/SqliteClientDb.js"
import * as FixedKeyRing from "../../../src/layers/testing/FixedKeyRing.js"
import * as ScriptedTowerTransport from "../../../src/layers/testing/ScriptedTowerTransport.js"
import * as TowerScript from "../../../src/layers/testing/TowerScript.js"
import * as Chain from "../../../src/schema/Chain.js"
import * as Policy from "../../../src/schema/Policy.js"
import { TowerAddress } from "../../../src/schema/TowerAddress.js"
import * as Code from "../../../src/schema/wire/Code.js"
import { KeyRing } from "../../../src/services/KeyRing.js"
import { SessionNegotiator } from "../../../src/services/SessionNegotiator.js"
import { TowerTransport } from "../../../src/services/TowerTransport.js"

const chain = Chain.bitcoinRegtest
const tower = FixedKeyRing.publicKeyOf(1_000_001)
const address = TowerAddress.make("10.0.0.1:9911")
const elsewhere = TowerAddress.make("10.0.0.2:9911")

const newFile = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "client-db-"))),
    (folder) => Effect.sync(() => fs.rmSync(folder, { recursive: true }))
  ),
  (folder) => path.join(folder, "client.db")
)

/** A negotiator whose only tower has refused its policy for good, and what another process can do. */
const quarantined = Effect.gen(function* () {
  const filename = yield* newFile
  /** As a command does: it opens the database, adds, and ends. */
  const addElsewhere = (at: TowerAddress) =>
    Effect.scoped(Effect.flatMap(SqliteClientDb.make({ filename }), (db) => db.createTower(tower, at)))
  yield* addElsewhere(address)

  let refuses = true
  const transport = ScriptedTowerTransport.make(() =>
    refuses ? TowerScript.replies(Code.rejectBlobType) : TowerScript.ok
  )
  const context = yield* Layer.build(
    SessionNegotiatorLayer.layer({ chain, policy: Policy.defaults(chain) }).pipe(
      Layer.provide(RoundRobinTowerCandidates.layer()),
      Layer.provide(SqliteClientDb.layer({ filename })),
      Layer.provide(Layer.succeed(KeyRing, FixedKeyRing.makeFake)),
      Layer.provide(Layer.succeed(TowerTransport, transport.service))
    )
  )
  const negotiator = yield* Effect.provide(SessionNegotiator, context)
  const taking = yield* Effect.forkScoped(negotiator.nextSession)
  const dials = () => transport.dials().map((dial) => dial.address)

  yield* TestClock.adjust("1 minute")
  assert.deepStrictEqual(dials(), [address])
  assert.strictEqual((yield* negotiator.status).state._tag, "WaitingForCandidates")
  refuses = false
  return { addElsewhere, taking, dials }
})

describe("a tower in quarantine", () => {
  it.scoped("is asked again within 5 s when another process adds it again", () =>
    Effect.gen(function* () {
      const { addElsewhere, dials, taking } = yield* quarantined
      yield* addElsewhere(address)
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(dials(), [address, address])
      assert.strictEqual((yield* Fiber.join(taking)).towerPublicKey, tower)
    })
  )

  it.scoped("is asked again within 5 s when another process adds an address of it", () =>
    Effect.gen(function* () {
      const { addElsewhere, dials, taking } = yield* quarantined
      yield* addElsewhere(elsewhere)
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(dials().length, 2)
      assert.strictEqual((yield* Fiber.join(taking)).towerPublicKey, tower)
    })
  )

  it.scoped("is left alone when no process does", () =>
    Effect.gen(function* () {
      const { dials } = yield* quarantined
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(dials().length, 1)
    })
  )
})

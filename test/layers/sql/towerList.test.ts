/** The list of towers is read again only when it has changed, here or in another process. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as SqliteClientDb from "../../../src/layers/SqliteClientDb.js"
import { address, publicKey } from "../../services/ClientDb/samples.js"
import { newFile } from "./sqliteFile.js"

it.effect(
  "is the same list until a tower or an address is added, removed or deactivated elsewhere, and then the new one",
  () =>
    Effect.gen(function* () {
      const filename = yield* newFile
      const here = yield* SqliteClientDb.make({ filename })
      const elsewhere = yield* SqliteClientDb.make({ filename })
      const changes = {
        "a tower is added": elsewhere.createTower(publicKey(1), address(1)),
        "an address is added": elsewhere.createTower(publicKey(1), address(2)),
        "another tower is added": elsewhere.createTower(publicKey(2), address(3)),
        "an address is removed": elsewhere.removeTower(publicKey(1), address(1)),
        "an address is removed and comes back as the newest": Effect.zipRight(
          elsewhere.createTower(publicKey(1), address(1)),
          Effect.zipRight(
            elsewhere.removeTower(publicKey(1), address(2)),
            elsewhere.createTower(publicKey(1), address(2))
          )
        ),
        "a tower is deactivated": elsewhere.deactivateTower(publicKey(1)),
        "it is added again": elsewhere.createTower(publicKey(1), address(1)),
        "a tower is removed": elsewhere.removeTower(publicKey(2)),
        "one is removed and the other one added": Effect.zipRight(
          elsewhere.removeTower(publicKey(1)),
          elsewhere.createTower(publicKey(2), address(3))
        ),
        "it changed here": here.createTower(publicKey(3), address(4))
      }
      for (const [what, change] of Object.entries(changes)) {
        const before = yield* here.listTowers
        assert.strictEqual(yield* here.listTowers, before, what)
        yield* change
        const after = yield* here.listTowers
        assert.notStrictEqual(after, before, what)
        assert.deepStrictEqual(after, yield* (yield* SqliteClientDb.make({ filename })).listTowers, what)
      }
    }).pipe(Effect.scoped)
)

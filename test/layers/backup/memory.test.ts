/** B6 (docs/backups.md, Guarantees): what a tower client keeps in memory while states wait. */
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { SqlClient } from "@effect/sql"
import { assert, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import * as TowerClient from "../../../src/layers/backup/TowerClient.js"
import * as RoundRobinTowerCandidates from "../../../src/layers/RoundRobinTowerCandidates.js"
import * as SqlClientDb from "../../../src/layers/SqlClientDb.js"
import * as SqliteClientDb from "../../../src/layers/SqliteClientDb.js"
import * as FixedKeyRing from "../../../src/layers/testing/FixedKeyRing.js"
import * as Policy from "../../../src/schema/Policy.js"
import { DialFailed } from "../../../src/schema/TransportError.js"
import { TowerCandidates } from "../../../src/services/TowerCandidates.js"
import { TowerTransport } from "../../../src/services/TowerTransport.js"
import { channel, channelId } from "../../services/BackupDb/samples.js"
import { addressOf, regtest, towerKey } from "../negotiator/world.js"
import { newFile } from "../sql/sqliteFile.js"

setFlagsFromString("--expose-gc")
const collect: () => void = runInNewContext("gc")

/** No tower answers. */
const transport = Layer.succeed(TowerTransport, {
  route: "clear",
  connect: ({ address }) => new DialFailed({ address, reason: "Refused" })
})

/** The bytes in use while that number of states wait, and the sender looks for a tower that takes them. */
const usedWith = (states: number) =>
  Effect.gen(function* () {
    const sql = yield* SqliteClientDb.client({ filename: yield* newFile })
    const ports = RoundRobinTowerCandidates.layer().pipe(
      Layer.provideMerge(Layer.provide(SqlClientDb.layer(), Layer.succeed(SqlClient.SqlClient, sql))),
      Layer.provideMerge(FixedKeyRing.layerFake),
      Layer.provideMerge(transport)
    )
    return yield* Effect.gen(function* () {
      const client = yield* TowerClient.TowerClient
      const asked = Stream.filter(yield* client.events, ({ happening }) => happening._tag === "SessionWanted")
      yield* client.registerChannel(channel(1))
      yield* sql`
        WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ${states})
        INSERT INTO wt_backup (id, channel, height, policy_key, hint, blob, copies)
        SELECT n, 1, n, ${Policy.keyOf(Policy.defaults(regtest))}, printf('%032x', n), randomblob(400), 1 FROM n`
      yield* sql`UPDATE wt_counter SET last_backup = ${states}`
      yield* (yield* TowerCandidates).add(towerKey(1), addressOf(1))
      assert.strictEqual((yield* client.channel(channelId(1))).missing, states)
      yield* Stream.runHead(asked)
      collect()
      const { arrayBuffers, heapUsed } = process.memoryUsage()
      return heapUsed + arrayBuffers
    }).pipe(Effect.provide(Layer.provideMerge(TowerClient.layer({ chain: regtest }), ports)))
  }).pipe(Effect.scoped)

it.live("B6: memory does not grow with the states that wait", () =>
  Effect.gen(function* () {
    yield* usedWith(100)
    const few = yield* usedWith(100)
    const many = yield* usedWith(50_000)
    // Their blobs alone are twenty megabytes.
    assert.isBelow(many - few, 2_000_000)
  })
)

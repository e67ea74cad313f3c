import { FileSystem } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Logger, LogLevel, Redacted } from "effect"
import * as KeyFile from "../../src/layers/KeyFile.js"
import * as NodeWatchtower from "../../src/layers/NodeWatchtower.js"
import { secretOf } from "../../src/layers/testing/FixedKeyRing.js"
import * as NodeLoopbackTower from "../../src/layers/testing/NodeLoopbackTower.js"
import * as BlobType from "../../src/schema/BlobType.js"
import * as Chain from "../../src/schema/Chain.js"
import * as Policy from "../../src/schema/Policy.js"
import { ClientDb } from "../../src/services/ClientDb.js"
import { SessionNegotiator } from "../../src/services/SessionNegotiator.js"
import { TowerCandidates } from "../../src/services/TowerCandidates.js"

const towerOf = (chain: Chain.AnyChain) => NodeLoopbackTower.make({ chain, secretKey: Redacted.make(secretOf(1)) })

const folder = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped())

const session = ({ uri }: NodeLoopbackTower.NodeLoopbackTower) =>
  Effect.gen(function* () {
    const candidates = yield* TowerCandidates
    yield* candidates.add(uri.publicKey, uri.address)
    return yield* Effect.flatMap(SessionNegotiator, (negotiator) => negotiator.nextSession)
  })

const quiet = Logger.withMinimumLogLevel(LogLevel.Warning)

const held = Effect.flatMap(ClientDb, (db) => db.listClientSessions())

describe("NodeWatchtower", () => {
  it.scopedLive("gets sessions and keeps them, with a key file and a SQLite file", () =>
    Effect.gen(function* () {
      const tower = yield* towerOf(Chain.bitcoinRegtest)
      const where = yield* folder
      const options = { chain: Chain.bitcoinRegtest, key: `${where}/key`, database: `${where}/db` }
      yield* KeyFile.write(options.key, yield* KeyFile.generate)
      const first = yield* Effect.provide(session(tower), NodeWatchtower.layer(options))
      const anchor = Policy.defaults(Chain.bitcoinRegtest, BlobType.altruistAnchorCommit)
      const [second, all] = yield* Effect.provide(
        Effect.all([session(tower), held]),
        NodeWatchtower.layer({ ...options, policy: anchor })
      )
      assert.deepStrictEqual([first.policy.blobType, second.policy], [2, anchor])
      assert.deepStrictEqual(all, [first, second])
      assert.sameMembers([...(yield* tower.sessions).keys()], [first.id, second.id])
    }).pipe(quiet, Effect.provide(NodeContext.layer))
  )

  it.scopedLive("works for Decred, with a key of the program's own", () =>
    Effect.gen(function* () {
      const tower = yield* towerOf(Chain.decredSimnet)
      const key = yield* KeyFile.generate
      const got = yield* Effect.provide(
        session(tower),
        NodeWatchtower.layer({ chain: Chain.decredSimnet, key, database: ":memory:" })
      )
      assert.strictEqual(got.policy.sweepFeeRate, 10_000n)
    }).pipe(quiet)
  )

  it.scopedLive("dials through the proxy alone", () =>
    Effect.gen(function* () {
      const tower = yield* towerOf(Chain.bitcoinRegtest)
      const key = yield* KeyFile.generate
      const error = yield* Effect.gen(function* () {
        const candidates = yield* TowerCandidates
        yield* candidates.add(tower.uri.publicKey, tower.uri.address)
        return yield* Effect.flip(Effect.flatMap(SessionNegotiator, (negotiator) => negotiator.negotiate))
      }).pipe(
        Effect.provide(
          NodeWatchtower.layer({
            chain: Chain.bitcoinRegtest,
            key,
            database: ":memory:",
            proxy: { host: "127.0.0.1", port: 1 }
          })
        )
      )
      assert.match(error.message, /the proxy refused or failed/)
      assert.strictEqual((yield* tower.connections).served, 0)
    })
  )

  it.scopedLive("finds that the key is missing before it creates a database", () =>
    Effect.gen(function* () {
      const where = yield* folder
      const error = yield* Effect.flip(
        Effect.scoped(
          Layer.build(
            NodeWatchtower.layer({ chain: Chain.bitcoinRegtest, key: `${where}/key`, database: `${where}/db` })
          )
        )
      )
      assert.strictEqual(error._tag, "KeyFileError")
      const fs = yield* FileSystem.FileSystem
      assert.deepStrictEqual(yield* fs.readDirectory(where), [])
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.scopedLive("says that a Postgres database cannot be used, without its password", () =>
    Effect.gen(function* () {
      const database = Redacted.make("postgres://user:swordfish@127.0.0.1:1/watchtower")
      const key = yield* KeyFile.generate
      const error = yield* Effect.flip(
        Effect.scoped(Layer.build(NodeWatchtower.layer({ chain: Chain.bitcoinRegtest, key, database })))
      )
      assert.strictEqual(error._tag, "DatabaseUnavailable")
      assert.notInclude(`${error.message} ${JSON.stringify(error)} ${error}`, "swordfish")
    })
  )

  it("takes no policy of the other chain", () => {
    const key = Effect.runSync(KeyFile.generate)
    const policy = Policy.defaults(Chain.decredSimnet)
    // @ts-expect-error the fee rate of a Decred policy is in atoms/kB
    assert.isDefined(NodeWatchtower.layer({ chain: Chain.bitcoinRegtest, policy, key, database: ":memory:" }))
  })
})

import { FileSystem } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Duration, Effect, Layer, Logger, LogLevel, Redacted } from "effect"
import * as TowerClientOptions from "../../src/layers/backup/Options.js"
import * as KeyFile from "../../src/layers/KeyFile.js"
import * as NodeWatchtower from "../../src/layers/NodeWatchtower.js"
import { secretOf } from "../../src/layers/testing/FixedKeyRing.js"
import * as NodeLoopbackTower from "../../src/layers/tower/NodeLoopbackTower.js"
import * as BlobType from "../../src/schema/BlobType.js"
import * as Chain from "../../src/schema/Chain.js"
import * as Policy from "../../src/schema/Policy.js"
import { RootKey } from "../../src/schema/RootKey.js"
import { ClientDb } from "../../src/services/ClientDb.js"
import { SessionNegotiator } from "../../src/services/SessionNegotiator.js"
import { TowerCandidates } from "../../src/services/TowerCandidates.js"
import { TowerClient } from "../../src/services/TowerClient.js"

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
      const options = { chain: Chain.bitcoinRegtest, key: `${where}/key`, database: { filename: `${where}/db` } }
      yield* KeyFile.write(options.key, yield* KeyFile.generate)
      const first = yield* Effect.provide(session(tower), NodeWatchtower.layer(options))
      const legacy = Policy.defaults(Chain.bitcoinRegtest, BlobType.altruistCommit)
      const [second, all] = yield* Effect.provide(
        Effect.all([session(tower), held]),
        NodeWatchtower.layer({ ...options, policy: legacy })
      )
      assert.deepStrictEqual([first.policy.blobType, second.policy], [6, legacy])
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
        NodeWatchtower.layer({ chain: Chain.decredSimnet, key, database: { filename: ":memory:" } })
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
            database: { filename: ":memory:" },
            proxy: { host: "127.0.0.1", port: 1 }
          })
        )
      )
      assert.match(error.message, /no proxy listens there/)
      assert.strictEqual((yield* tower.connections).served, 0)
    })
  )

  it.scopedLive.each([
    ["RoundRobinTowerCandidates", { pollInterval: 0 }],
    ["BrontideTowerTransport", { timeouts: { dialTimeout: 0 } }]
  ] as const)("hands %s its options", ([layer, wrong]) =>
    Effect.gen(function* () {
      const key = yield* KeyFile.generate
      const options = { chain: Chain.bitcoinRegtest, key, database: { filename: ":memory:" }, ...wrong }
      const error = yield* Effect.flip(Effect.scoped(Layer.build(NodeWatchtower.layer(options))))
      assert.include(error.message, `The options of ${layer} are not valid`)
    })
  )

  it.scopedLive("finds that the key is missing before it creates a database", () =>
    Effect.gen(function* () {
      const where = yield* folder
      const error = yield* Effect.flip(
        Effect.scoped(
          Layer.build(
            NodeWatchtower.layer({
              chain: Chain.bitcoinRegtest,
              key: `${where}/key`,
              database: { filename: `${where}/db` }
            })
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
      const database = { url: Redacted.make("postgres://user:swordfish@127.0.0.1:1/watchtower") }
      const key = yield* KeyFile.generate
      const error = yield* Effect.flip(
        Effect.scoped(Layer.build(NodeWatchtower.layer({ chain: Chain.bitcoinRegtest, key, database })))
      )
      assert.strictEqual(error._tag, "DatabaseUnavailable")
      assert.notInclude(`${error.message} ${JSON.stringify(error)} ${error}`, "swordfish")
    })
  )

  const secret = "postgresql://user:swordfish@db.example/towers"

  // What a program without types may hand in: a bare string was the path of a file once.
  const wrong: ReadonlyArray<readonly [what: string, database: unknown]> = [
    ["a filename", { filename: secret }],
    ["a filename in libpq's words", { filename: "host=db.example dbname=towers password=swordfish" }],
    ["a bare string", secret],
    ["a bare secret", Redacted.make(secret)],
    ["a url that is not redacted", { url: secret }]
  ]
  for (const [what, database] of wrong) {
    it.scopedLive(`refuses the URL of a Postgres database as ${what}, and makes no file of its password`, () =>
      Effect.gen(function* () {
        const where = yield* folder
        const fs = yield* FileSystem.FileSystem
        const key = yield* KeyFile.generate
        const before = process.cwd()
        process.chdir(where)
        const options = { chain: Chain.bitcoinRegtest, key, database } as NodeWatchtower.Options
        const error = yield* Effect.flip(Effect.scoped(Layer.build(NodeWatchtower.layer(options)))).pipe(
          Effect.ensuring(Effect.sync(() => process.chdir(before)))
        )
        assert.strictEqual(error._tag, "InvalidOptions")
        assert.match(error.message, /^The options of (Sqlite|Postgres)ClientDb are not valid: [^\n]*\.$/)
        assert.notInclude(`${error.message} ${JSON.stringify(error)} ${error}`, "swordfish")
        assert.deepStrictEqual(yield* fs.readDirectory(where), [])
      }).pipe(Effect.provide(NodeContext.layer))
    )
  }

  it("takes no policy of the other chain", () => {
    const key = Effect.runSync(KeyFile.generate)
    const policy = Policy.defaults(Chain.decredSimnet)
    const database = { filename: ":memory:" }
    // @ts-expect-error the fee rate of a Decred policy is in atoms/kB
    assert.isDefined(NodeWatchtower.layer({ chain: Chain.bitcoinRegtest, policy, key, database }))
  })
})

describe("NodeWatchtower.layerConfig", () => {
  const environment = (values: Readonly<Record<string, string>>) =>
    ConfigProvider.fromMap(new Map(Object.entries(values)), { pathDelim: "_" }).pipe(ConfigProvider.constantCase)

  it.scopedLive("gets a session with what the environment says", () =>
    Effect.gen(function* () {
      const tower = yield* towerOf(Chain.bitcoinRegtest)
      const where = yield* folder
      yield* KeyFile.write(`${where}/key`, yield* KeyFile.generate)
      const got = yield* Effect.provide(session(tower), NodeWatchtower.layerConfig()).pipe(
        Effect.withConfigProvider(
          environment({
            WATCHTOWER_CHAIN: "bitcoin",
            WATCHTOWER_NETWORK: "regtest",
            WATCHTOWER_MAX_UPDATES: "7",
            WATCHTOWER_KEY_FILE_PATH: `${where}/key`,
            WATCHTOWER_SQLITE_FILENAME: `${where}/db`
          })
        )
      )
      assert.deepStrictEqual([got.policy.blobType, got.policy.maxUpdates], [6, 7])
      assert.isTrue(yield* Effect.flatMap(FileSystem.FileSystem, (fs) => fs.exists(`${where}/db`)))
    }).pipe(quiet, Effect.provide(NodeContext.layer))
  )

  const enough = {
    WATCHTOWER_CHAIN: "bitcoin",
    WATCHTOWER_KEY_FILE_PATH: "key",
    WATCHTOWER_SQLITE_FILENAME: "sessions.db"
  }
  const read = (values: Readonly<Record<string, string>>) =>
    Effect.withConfigProvider(NodeWatchtower.config, environment(values))

  it.effect("reads the options of every layer", () =>
    Effect.gen(function* () {
      const { WATCHTOWER_CHAIN } = enough
      const url = "postgresql://user:swordfish@db.example/towers"
      const given = yield* read({
        WATCHTOWER_CHAIN,
        WATCHTOWER_KEY_RING_ROOT: "07".repeat(32),
        WATCHTOWER_KEY_RING_LAYOUT: "dcrlndRemote",
        WATCHTOWER_KEY_RING_LEGACY_COIN_TYPE: "true",
        WATCHTOWER_KEY_RING_ACCOUNT: "3",
        WATCHTOWER_POSTGRES_URL: url,
        WATCHTOWER_POSTGRES_STORE_TIMEOUT: "2 seconds",
        WATCHTOWER_POSTGRES_RESERVE_NEXT: "false",
        WATCHTOWER_POSTGRES_MAX_CONNECTIONS: "4",
        WATCHTOWER_PROXY_HOST: "tor",
        WATCHTOWER_PROXY_PORT: "9150",
        WATCHTOWER_CANDIDATES_POLL_INTERVAL: "Infinity",
        WATCHTOWER_TRANSPORT_DIAL_TIMEOUT: "1 minute",
        WATCHTOWER_TRANSPORT_HANDSHAKE_TIMEOUT: "6 seconds",
        WATCHTOWER_TRANSPORT_MESSAGE_TIMEOUT: "7 seconds",
        WATCHTOWER_MAX_HEDGED: "2"
      })
      assert.deepStrictEqual(given.key, {
        root: RootKey.Seed({ bytes: Redacted.make(new Uint8Array(32).fill(7)) }),
        layout: "dcrlndRemote",
        legacyCoinType: true,
        account: 3
      })
      assert.deepStrictEqual(given.database, {
        url: Redacted.make(url),
        storeTimeout: Duration.seconds(2),
        reserveNext: false,
        maxConnections: 4
      })
      assert.deepStrictEqual(given.proxy, { host: "tor", port: 9150 })
      assert.strictEqual(given.pollInterval, Duration.infinity)
      assert.deepStrictEqual(given.timeouts, {
        dialTimeout: Duration.minutes(1),
        handshakeTimeout: Duration.seconds(6),
        messageTimeout: Duration.seconds(7)
      })
      assert.strictEqual(given.maxHedged, 2)
    })
  )

  it.effect("reads the options of a tower client, whose policies are for every type of channel", () =>
    Effect.gen(function* () {
      const given = yield* Effect.withConfigProvider(
        NodeWatchtower.clientConfig,
        environment({
          ...enough,
          WATCHTOWER_MAX_UPDATES: "7",
          WATCHTOWER_SWEEP_FEE_RATE: "3000",
          WATCHTOWER_BACKUP_COPIES: "2",
          WATCHTOWER_BACKUP_LINGER: "5 seconds",
          WATCHTOWER_CANDIDATES_POLL_INTERVAL: "2 seconds",
          WATCHTOWER_MAX_BACKOFF: "1 minute"
        })
      )
      assert.deepInclude(given, {
        key: { path: "key", readableBy: undefined },
        copies: 2,
        linger: Duration.seconds(5),
        pollInterval: Duration.seconds(2)
      })
      assert.deepStrictEqual(given.negotiator?.maxBackoff, Duration.minutes(1))
      assert.deepStrictEqual(
        given.policies?.map(({ blobType, maxUpdates, sweepFeeRate }) => [blobType, maxUpdates, sweepFeeRate]),
        TowerClientOptions.policiesOf(Chain.bitcoinMainnet).map(({ blobType }) => [
          blobType,
          7,
          Chain.bitcoinMainnet.feeRate(3000n)
        ])
      )
    })
  )

  it.scopedLive("builds a tower client of what the environment says", () =>
    Effect.gen(function* () {
      const where = yield* folder
      yield* KeyFile.write(`${where}/key`, yield* KeyFile.generate)
      const client = yield* Effect.provide(TowerClient, NodeWatchtower.towerClientConfig()).pipe(
        Effect.withConfigProvider(
          environment({
            WATCHTOWER_CHAIN: "decred",
            WATCHTOWER_NETWORK: "simnet",
            WATCHTOWER_KEY_FILE_PATH: `${where}/key`,
            WATCHTOWER_SQLITE_FILENAME: `${where}/db`
          })
        )
      )
      assert.deepStrictEqual(
        client.negotiators.map(({ policy }) => policy),
        [...TowerClientOptions.policiesOf(Chain.decredSimnet)]
      )
    }).pipe(quiet, Effect.provide(NodeContext.layer))
  )

  it.effect("takes a proxy's default port, and no proxy", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual((yield* read({ ...enough, WATCHTOWER_PROXY_HOST: "tor" })).proxy, {
        host: "tor",
        port: undefined
      })
      assert.isUndefined((yield* read(enough)).proxy)
    })
  )

  const refused: ReadonlyArray<readonly [values: Readonly<Record<string, string>>, sentence: RegExp]> = [
    [{ WATCHTOWER_PROXY_PORT: "9150" }, /watchtower\.proxy\.host: "host is needed by the other options here/],
    [{ WATCHTOWER_PROXY_HOST: "tor", WATCHTOWER_PROXY_PORT: "x" }, /port takes a whole number from 1 to 65535/],
    [
      { WATCHTOWER_POSTGRES_URL: "postgresql://swordfish@host/db" },
      /sqlite\.filename and postgres\.url are both given/
    ],
    [{ WATCHTOWER_KEY_RING_ROOT: "07".repeat(32) }, /keyFile\.path and keyRing\.root are both given/],
    [{ WATCHTOWER_SQLITE_FILENAME: "postgresql://swordfish@host/db" }, /filename takes the path of a SQLite file/]
  ]
  for (const [values, sentence] of refused) {
    it.effect(`refuses ${Object.keys(values).join(" and ")}`, () =>
      Effect.gen(function* () {
        const text = String(yield* Effect.flip(read({ ...enough, ...values })))
        assert.match(text, sentence)
        assert.notInclude(text, "swordfish")
        assert.notInclude(text, "0707")
      })
    )
  }

  it.effect("says that a key and a database are missing", () =>
    Effect.gen(function* () {
      const { WATCHTOWER_CHAIN, WATCHTOWER_KEY_FILE_PATH, WATCHTOWER_SQLITE_FILENAME } = enough
      assert.match(
        String(yield* Effect.flip(read({ WATCHTOWER_CHAIN, WATCHTOWER_SQLITE_FILENAME }))),
        /either keyFile\.path or keyRing\.root must be given/
      )
      assert.match(
        String(yield* Effect.flip(read({ WATCHTOWER_CHAIN, WATCHTOWER_KEY_FILE_PATH }))),
        /either sqlite\.filename or postgres\.url must be given/
      )
    })
  )
})

import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { NodeContext } from "@effect/platform-node"
import { SqlClient } from "@effect/sql"
import { assert, describe, it } from "@effect/vitest"
import { Config, ConfigProvider, type Context, Effect, Layer, Redacted } from "effect"
import * as BrontideTowerTransport from "../../src/layers/BrontideTowerTransport.js"
import * as HdKeyRing from "../../src/layers/HdKeyRing.js"
import * as KeyFile from "../../src/layers/KeyFile.js"
import * as SessionNegotiator from "../../src/layers/negotiator/SessionNegotiator.js"
import * as PostgresClientDb from "../../src/layers/PostgresClientDb.js"
import * as RoundRobinTowerCandidates from "../../src/layers/RoundRobinTowerCandidates.js"
import * as SocksSocketDialer from "../../src/layers/SocksSocketDialer.js"
import * as SqlClientDb from "../../src/layers/SqlClientDb.js"
import * as SqliteClientDb from "../../src/layers/SqliteClientDb.js"
import * as FixedKeyRing from "../../src/layers/testing/FixedKeyRing.js"
import * as MemoryClientDb from "../../src/layers/testing/MemoryClientDb.js"
import * as ScriptedTowerTransport from "../../src/layers/testing/ScriptedTowerTransport.js"
import * as TowerScript from "../../src/layers/testing/TowerScript.js"
import * as NodeLoopbackTower from "../../src/layers/tower/NodeLoopbackTower.js"
import * as BlobType from "../../src/schema/BlobType.js"
import * as Chain from "../../src/schema/Chain.js"
import { KeyIndex } from "../../src/schema/Ids.js"
import * as Policy from "../../src/schema/Policy.js"
import { RootKey } from "../../src/schema/RootKey.js"
import { KeyRing } from "../../src/services/KeyRing.js"
import { SocketDialer } from "../../src/services/SocketDialer.js"

const dialer = Layer.succeed(SocketDialer, { route: "clear", dial: () => Effect.dieMessage("the dialer was used") })
// Every call of it is a defect.
const sql = Layer.succeed(SqlClient.SqlClient, {} as SqlClient.SqlClient)
const ports = Layer.mergeAll(
  Layer.provideMerge(RoundRobinTowerCandidates.layer({ pollInterval: Infinity }), MemoryClientDb.layer()),
  FixedKeyRing.layerFake,
  ScriptedTowerTransport.make(() => TowerScript.ok).layer
)

const chain = Chain.bitcoinRegtest
const policy = Policy.defaults(chain)
const root = RootKey.Seed({ bytes: Redacted.make(new Uint8Array(32).fill(7)) })
const url = Redacted.make("postgresql://user:swordfish@host/towers")

const tooLong = 'takes a time above 0 and at most 24d (such as "1 second"), not 25d'
const zero = 'takes a time above 0 and at most 24d, or Infinity (such as "1 second"), not 0'

describe("options out of range are refused when the layer is built", () => {
  const negotiator = (wrong: Partial<SessionNegotiator.Options>) =>
    Layer.provide(SessionNegotiator.layer({ chain, policy, ...wrong } as SessionNegotiator.Options), ports)

  const cases: ReadonlyArray<readonly [layer: Layer.Layer<never, { readonly message: string }>, detail: string]> = [
    [
      Layer.discard(negotiator({ visitTimeout: "2 minutes" })),
      'SessionNegotiator are not valid: visitTimeout takes a time above 0 and at most 1m 50s (such as "1 second"), not 2m.'
    ],
    [
      Layer.discard(negotiator({ hangUpWait: "3 seconds" })),
      'SessionNegotiator are not valid: hangUpWait takes a time above 0 and at most 2s (such as "1 second"), not 3s.'
    ],
    [
      Layer.discard(negotiator({ quarantineProbe: "25 days" })),
      `SessionNegotiator are not valid: quarantineProbe ${tooLong}.`
    ],
    [
      Layer.discard(negotiator({ maxHedged: 0 })),
      "SessionNegotiator are not valid: maxHedged takes a whole number of at least 1 (visits), not 0."
    ],
    [
      Layer.discard(negotiator({ minBackoff: "10 minutes" })),
      "SessionNegotiator are not valid: minBackoff takes a time of at most maxBackoff, which is 5m, not 10m."
    ],
    [
      Layer.discard(Layer.provide(BrontideTowerTransport.layer({ dialTimeout: 0 }), dialer)),
      `BrontideTowerTransport are not valid: dialTimeout ${zero}.`
    ],
    [
      Layer.discard(Layer.provide(BrontideTowerTransport.layer({ handshakeTimeout: -5 }), dialer)),
      `BrontideTowerTransport are not valid: handshakeTimeout ${zero}.`
    ],
    [
      Layer.discard(Layer.provide(BrontideTowerTransport.layer({ messageTimeout: Number.NaN }), dialer)),
      `BrontideTowerTransport are not valid: messageTimeout ${zero}.`
    ],
    [
      Layer.discard(Layer.provide(RoundRobinTowerCandidates.layer({ pollInterval: 0 }), MemoryClientDb.layer())),
      `RoundRobinTowerCandidates are not valid: pollInterval ${zero}.`
    ],
    [
      Layer.discard(SocksSocketDialer.layer({ host: "127.0.0.1", port: 65_536 })),
      "SocksSocketDialer are not valid: port takes a whole number from 1 to 65535, not 65536."
    ],
    [
      Layer.discard(SocksSocketDialer.layer({ host: "", port: 9050 })),
      'SocksSocketDialer are not valid: host takes a host name or an IP address, not "".'
    ],
    [
      Layer.discard(SocksSocketDialer.layer({ host: "socks5://user:swordfish@tor" })),
      "SocksSocketDialer are not valid: host takes a host name or an IP address, not a URL or a connection string."
    ],
    [
      Layer.discard(SqliteClientDb.layer({ filename: "/nowhere/db", storeTimeout: "25 days" })),
      `SqliteClientDb are not valid: storeTimeout ${tooLong}.`
    ],
    [
      Layer.discard(SqliteClientDb.layer({ filename: Redacted.value(url) })),
      "SqliteClientDb are not valid: filename takes the path of a SQLite file, or :memory:, not a URL or a connection string."
    ],
    [
      Layer.discard(PostgresClientDb.layer({ url, storeTimeout: "25 days" })),
      `PostgresClientDb are not valid: storeTimeout ${tooLong}.`
    ],
    [
      Layer.discard(PostgresClientDb.layer({ url, maxConnections: 0 })),
      "PostgresClientDb are not valid: maxConnections takes a whole number of at least 1 (connections), not 0."
    ],
    [
      Layer.discard(PostgresClientDb.layer({ url: Redacted.make("host=host password=swordfish") })),
      "PostgresClientDb are not valid: url takes a URL that begins with postgresql:// or postgres://."
    ],
    [
      Layer.discard(Layer.provide(SqlClientDb.layer({ storeTimeout: "25 days" }), sql)),
      `SqlClientDb are not valid: storeTimeout ${tooLong}.`
    ],
    [
      Layer.discard(HdKeyRing.layer({ root, chain, account: 2 ** 31 })),
      "HdKeyRing are not valid: account takes a whole number from 0 to 2147483647, not 2147483648."
    ],
    [
      Layer.discard(Layer.provide(KeyFile.layer({ path: Redacted.value(url), chain }), NodeContext.layer)),
      "KeyFile are not valid: path takes the path of a file, not a URL or a connection string."
    ],
    [
      Layer.scopedDiscard(
        NodeLoopbackTower.make({ chain, secretKey: Redacted.make(FixedKeyRing.secretOf(1)), port: 65_536 })
      ),
      "NodeLoopbackTower are not valid: port takes a whole number from 0 to 65535, not 65536."
    ]
  ]
  for (const [layer, detail] of cases) {
    it.effect(detail, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(Effect.scoped(Layer.build(layer)))
        assert.strictEqual(error.message, `The options of ${detail}`)
        assert.notInclude(`${String(error)} ${JSON.stringify(error)}`, "swordfish")
      })
    )
  }
})

const environment = (values: Readonly<Record<string, string>>) =>
  ConfigProvider.fromMap(new Map(Object.entries(values)), { pathDelim: "_" }).pipe(ConfigProvider.constantCase)

const read = <A>(config: Config.Config<A>, values: Readonly<Record<string, string>>) =>
  Effect.withConfigProvider(config, environment(values))

describe("SessionNegotiator.config", () => {
  it.effect("reads every option", () =>
    Effect.gen(function* () {
      const given = yield* read(SessionNegotiator.config, {
        WATCHTOWER_CHAIN: "decred",
        WATCHTOWER_NETWORK: "simnet",
        WATCHTOWER_BLOB_TYPE: "reward",
        WATCHTOWER_MAX_UPDATES: "7",
        WATCHTOWER_REWARD_BASE: "1000",
        WATCHTOWER_REWARD_RATE: "10000",
        WATCHTOWER_SWEEP_FEE_RATE: "9223372036854775807",
        WATCHTOWER_MIN_BACKOFF: "1 second",
        WATCHTOWER_MAX_BACKOFF: "2 minutes",
        WATCHTOWER_JITTER: "true",
        WATCHTOWER_HEDGE_DELAY: "2 seconds",
        WATCHTOWER_MAX_HEDGED: "3",
        WATCHTOWER_VISIT_TIMEOUT: "30 seconds",
        WATCHTOWER_MAX_KEY_ATTEMPTS: "4",
        WATCHTOWER_QUARANTINE_PROBE: "2 days",
        WATCHTOWER_HANG_UP_WAIT: "1 second",
        WATCHTOWER_MAX_PENDING: "5",
        WATCHTOWER_FIRST_KEY_INDEX: "6"
      })
      assert.strictEqual(given.chain, Chain.decredSimnet)
      assert.deepStrictEqual(given.policy, {
        blobType: BlobType.rewardCommit,
        maxUpdates: 7,
        rewardBase: 1000,
        rewardRate: 10_000,
        sweepFeeRate: Chain.decredSimnet.feeRate((1n << 63n) - 1n)
      })
      const { chain: _, policy: __, ...others } = given
      assert.deepStrictEqual(JSON.parse(JSON.stringify(others)), {
        minBackoff: { _id: "Duration", _tag: "Millis", millis: 1000 },
        maxBackoff: { _id: "Duration", _tag: "Millis", millis: 120_000 },
        jitter: true,
        hedgeDelay: { _id: "Duration", _tag: "Millis", millis: 2000 },
        maxHedged: 3,
        visitTimeout: { _id: "Duration", _tag: "Millis", millis: 30_000 },
        maxKeyAttempts: 4,
        quarantineProbe: { _id: "Duration", _tag: "Millis", millis: 172_800_000 },
        hangUpWait: { _id: "Duration", _tag: "Millis", millis: 1000 },
        maxPending: 5,
        firstKeyIndex: KeyIndex.make(6)
      })
    })
  )

  it.effect("has the defaults that a program has", () =>
    Effect.gen(function* () {
      const given = yield* read(SessionNegotiator.config, { WATCHTOWER_CHAIN: "bitcoin" })
      assert.strictEqual(given.chain, Chain.bitcoinMainnet)
      assert.deepStrictEqual(given.policy, Policy.defaults(Chain.bitcoinMainnet))
      assert.strictEqual(given.policy.blobType, BlobType.altruistAnchorCommit)
    })
  )

  for (const [values, sentence] of [
    [{}, /^\(Missing data at WATCHTOWER\.CHAIN: /],
    [{ WATCHTOWER_CHAIN: "doge" }, /chain takes bitcoin or decred, not "doge"\./],
    [{ WATCHTOWER_NETWORK: "regnet" }, /bitcoin has no network "regnet"\. It has mainnet, testnet3, /],
    [{ WATCHTOWER_BLOB_TYPE: "tapioca" }, /blobType takes legacy, reward, .* not "tapioca"\./],
    [{ WATCHTOWER_MAX_UPDATES: "70000" }, /maxUpdates takes a whole number from 1 to 65535 \(updates\), not "70000"\./],
    [{ WATCHTOWER_SWEEP_FEE_RATE: "9300000000000000000" }, /sweepFeeRate takes a whole number from 0 to 92233720/],
    [{ WATCHTOWER_SWEEP_FEE_RATE: "-1" }, /sweepFeeRate takes a whole number/],
    [{ WATCHTOWER_MAX_HEDGED: "0" }, /maxHedged takes a whole number of at least 1 \(visits\), not "0"\./]
  ] as const) {
    it.effect(`one sentence for ${JSON.stringify(values)}`, () =>
      Effect.gen(function* () {
        const given = Object.keys(values).length === 0 ? {} : { WATCHTOWER_CHAIN: "bitcoin", ...values }
        const text = String(yield* Effect.flip(read(SessionNegotiator.config, given)))
        assert.match(text, sentence)
        assert.notInclude(text, "\n")
      })
    )
  }

  class Legacy extends SessionNegotiator.Tag("Legacy")<Legacy>() {}
  class Taproot extends SessionNegotiator.Tag("Taproot")<Taproot>() {}

  it.scoped("serves several negotiators, each from a place of its own", () =>
    Effect.gen(function* () {
      const negotiators = Layer.mergeAll(
        SessionNegotiator.layerConfigOf(Legacy),
        SessionNegotiator.layerConfigOf(Taproot, Config.nested(SessionNegotiator.config, "taproot"))
      )
      const provider = environment({
        WATCHTOWER_CHAIN: "bitcoin",
        WATCHTOWER_NETWORK: "regtest",
        WATCHTOWER_BLOB_TYPE: "legacy",
        TAPROOT_WATCHTOWER_CHAIN: "bitcoin",
        TAPROOT_WATCHTOWER_NETWORK: "regtest",
        TAPROOT_WATCHTOWER_BLOB_TYPE: "taproot",
        TAPROOT_WATCHTOWER_MAX_UPDATES: "9"
      })
      const built: Context.Context<Legacy | Taproot> = yield* Layer.build(
        negotiators.pipe(Layer.provide(ports), Layer.provide(Layer.setConfigProvider(provider)))
      )
      assert.isTrue(built.unsafeMap.has(Legacy.key) && built.unsafeMap.has(Taproot.key))
    })
  )
})

describe("layers from configuration", () => {
  const keyFile = Effect.gen(function* () {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "options-"))
    yield* Effect.addFinalizer(() => Effect.sync(() => fs.rmSync(folder, { recursive: true })))
    yield* KeyFile.write(path.join(folder, "key"), yield* KeyFile.generate)
    return path.join(folder, "key")
  })

  it.scoped("KeyFile and HdKeyRing have the same keys", () =>
    Effect.gen(function* () {
      const file = yield* keyFile
      const seed = /seed: (\w{64})/.exec(fs.readFileSync(file, "utf8"))?.[1] ?? ""
      const key = Effect.flatMap(KeyRing, (ring) => ring.deriveKey({ family: 8, index: 1 }))
      const provider = environment({
        WATCHTOWER_CHAIN: "bitcoin",
        WATCHTOWER_KEY_FILE_PATH: file,
        WATCHTOWER_KEY_RING_ROOT: seed
      })
      const fromFile = Effect.provide(key, KeyFile.layerConfig())
      const fromRoot = Effect.provide(key, HdKeyRing.layerConfig())
      const [one, other] = yield* Effect.withConfigProvider(Effect.all([fromFile, fromRoot]), provider)
      assert.strictEqual(one, other)
      const decred = yield* Effect.withConfigProvider(
        fromRoot,
        environment({ WATCHTOWER_CHAIN: "decred", WATCHTOWER_KEY_RING_ROOT: seed, WATCHTOWER_KEY_RING_LAYOUT: "lnd" })
      )
      assert.notStrictEqual(decred, one)
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.effect("HdKeyRing refuses a root that is none, and does not repeat it", () =>
    Effect.gen(function* () {
      const root = `${"ab".repeat(31)}xy`
      const error = yield* Effect.flip(
        read(HdKeyRing.config, { WATCHTOWER_CHAIN: "bitcoin", WATCHTOWER_KEY_RING_ROOT: root })
      )
      assert.match(String(error), /watchtower\.keyRing\.root: "root takes a root key \(a seed of 16 to 64 bytes in hex/)
      assert.notInclude(String(error), root)
    })
  )

  it.effect("the others read what is theirs", () =>
    Effect.gen(function* () {
      const values = {
        WATCHTOWER_TRANSPORT_DIAL_TIMEOUT: "0 seconds",
        WATCHTOWER_CANDIDATES_POLL_INTERVAL: "0 seconds",
        WATCHTOWER_PROXY_HOST: "tor",
        WATCHTOWER_PROXY_PORT: "0",
        WATCHTOWER_SQLITE_FILENAME: Redacted.value(url),
        WATCHTOWER_POSTGRES_URL: "swordfish",
        WATCHTOWER_SQL_RESERVE_NEXT: "maybe"
      }
      const layers: ReadonlyArray<readonly [Layer.Layer<never, unknown>, path: string]> = [
        [Layer.discard(Layer.provide(BrontideTowerTransport.layerConfig(), dialer)), "transport.dialTimeout"],
        [
          Layer.discard(Layer.provide(RoundRobinTowerCandidates.layerConfig(), MemoryClientDb.layer())),
          "candidates.pollInterval"
        ],
        [Layer.discard(SocksSocketDialer.layerConfig()), "proxy.port"],
        [Layer.discard(SqliteClientDb.layerConfig()), "sqlite.filename"],
        [Layer.discard(PostgresClientDb.layerConfig()), "postgres.url"],
        [Layer.discard(Layer.provide(SqlClientDb.layerConfig(), sql)), "sql.reserveNext"]
      ]
      for (const [layer, at] of layers) {
        const error = yield* Effect.flip(
          Effect.scoped(Effect.withConfigProvider(Layer.build(layer), environment(values)))
        )
        assert.match(String(error), new RegExp(`^\\(Invalid data at watchtower\\.${at.replace(".", "\\.")}: `))
        assert.notInclude(String(error), "swordfish")
      }
    })
  )
})

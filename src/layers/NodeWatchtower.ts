/**
 * Everything that an application on Node needs, in one layer: a negotiator over real sockets, keys from a file, and a
 * database on SQLite or Postgres.
 *
 * ```ts
 * import { Chain } from "effect-watchtower"
 * import * as NodeWatchtower from "effect-watchtower/layers/NodeWatchtower"
 *
 * export const watchtower = NodeWatchtower.layer({
 *   chain: Chain.bitcoinMainnet,
 *   key: "key",
 *   database: { filename: "sessions.db" },
 *   proxy: { host: "127.0.0.1", port: 9050 }
 * })
 *
 * // With all options from the environment: WATCHTOWER_CHAIN, WATCHTOWER_KEY_FILE_PATH, ...
 * export const configured = NodeWatchtower.layerConfig()
 * ```
 *
 * @since 0.1.0
 * @module
 */
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Table from "../internal/optionTable.js"
import type { Chain } from "../schema/Chain.js"
import type { DatabaseTooNew } from "../schema/DbError.js"
import type { AtomsPerKb, FeeRate, SatPerKw } from "../schema/FeeRate.js"
import type { KeyFileError } from "../schema/KeyFileError.js"
import type { KeyRingError } from "../schema/KeyRingError.js"
import type { PackageMissing } from "../schema/PackageMissing.js"
import * as Policy from "../schema/Policy.js"
import type { BackupDb } from "../services/BackupDb.js"
import type { ClientDb } from "../services/ClientDb.js"
import type { KeyRing } from "../services/KeyRing.js"
import type { SessionNegotiator } from "../services/SessionNegotiator.js"
import type { SocketDialer } from "../services/SocketDialer.js"
import type { TowerCandidates } from "../services/TowerCandidates.js"
import type { TowerClient } from "../services/TowerClient.js"
import type { TowerTransport } from "../services/TowerTransport.js"
import * as BrontideTowerTransport from "./BrontideTowerTransport.js"
import * as TowerClientLayer from "./backup/TowerClient.js"
import * as HdKeyRing from "./HdKeyRing.js"
import * as KeyFile from "./KeyFile.js"
import * as NodeSocketDialer from "./NodeSocketDialer.js"
import * as Negotiator from "./negotiator/SessionNegotiator.js"
import * as RoundRobinTowerCandidates from "./RoundRobinTowerCandidates.js"
import * as SocksSocketDialer from "./SocksSocketDialer.js"
import * as Databases from "./sql/databaseOptions.js"
import * as SqliteOrPostgres from "./sqliteOrPostgres.js"
import { load } from "./support/optionalPackage.js"

export type { Options as Database } from "./sqliteOrPostgres.js"

/**
 * The negotiator's options, of which only the chain must be given, and where things are. docs/options.md has the defaults
 * and ranges.
 *
 * @since 0.1.0
 * @category models
 */
export interface OptionsOf<Fee extends FeeRate> extends Omit<Negotiator.OptionsOf<Fee>, "policy">, Places {
  /** Default: `Policy.defaults`. */
  readonly policy?: Policy.Policy<Fee> | undefined
}

/** The tower client's options, of which only the chain must be given, and where things are. @since 0.1.0 @category models */
export interface ClientOptionsOf<Fee extends FeeRate> extends TowerClientLayer.OptionsOf<Fee>, Places {}

/** Options of a tower client for a Bitcoin or a Decred chain. @since 0.1.0 @category models */
export type ClientOptions = ClientOptionsOf<SatPerKw> | ClientOptionsOf<AtomsPerKb>

/** Where keys, towers and the database are. @since 0.1.0 @category models */
export interface Places extends RoundRobinTowerCandidates.Options {
  /** The path of a key file (`wtclient init` makes one), or the options of `KeyFile`, or the key itself. */
  readonly key: string | Omit<KeyFile.Options, "chain"> | KeyFile.KeyMaterial
  /** `{ filename: "sessions.db" }`, a SQLite file, or `{ url: Redacted.make("postgresql://...") }`, a Postgres database. */
  readonly database: SqliteOrPostgres.Options
  /** A SOCKS5 proxy, such as Tor's, for every connection. Default: none. */
  readonly proxy?: SocksSocketDialer.Options | undefined
  /** How long a connection may take. */
  readonly timeouts?: BrontideTowerTransport.Options | undefined
}

/**
 * Options for a Bitcoin or a Decred chain; a policy in the other chain's unit does not type-check.
 *
 * @since 0.1.0
 * @category models
 */
export type Options = OptionsOf<SatPerKw> | OptionsOf<AtomsPerKb>

/**
 * Why the bundle cannot be built. `PackageMissing`: what reads a key file, or the driver of the database, is not installed.
 *
 * @since 0.1.0
 * @category errors
 */
export type BuildError = Negotiator.BuildError | KeyFileError | DatabaseTooNew | PackageMissing

/** What both bundles offer. @since 0.1.0 @category services */
export type Ports = TowerCandidates | TowerTransport | ClientDb | BackupDb | KeyRing

/** What the bundle of a negotiator offers. @since 0.1.0 @category services */
export type Services = SessionNegotiator | Ports

/**
 * The bundle. Provide it once, at the edge; closing its scope stops everything. A missing key file is found before a
 * database is created.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<Services, BuildError> => {
  // Both members of the union go the same way; a spread needs to see one of them.
  const bitcoin = options as OptionsOf<SatPerKw>
  const negotiator = Negotiator.layer({ ...bitcoin, policy: bitcoin.policy ?? Policy.defaults(bitcoin.chain) })
  return Layer.provideMerge(negotiator, ports(bitcoin.chain, options))
}

/**
 * The bundle of a tower client, which gets its sessions itself: the ports as in `layer`, without a negotiator of one's own.
 *
 * @since 0.1.0
 * @category layers
 */
export const towerClient = (options: ClientOptions): Layer.Layer<TowerClient | Ports, BuildError> =>
  Layer.provideMerge(TowerClientLayer.layer(options), ports(options.chain, options))

const ports = (chain: Chain, places: Places): Layer.Layer<Ports, BuildError> =>
  RoundRobinTowerCandidates.layer({ pollInterval: places.pollInterval }).pipe(
    Layer.provideMerge(Layer.provide(BrontideTowerTransport.layer(places.timeouts), dialer(places))),
    Layer.provideMerge(SqliteOrPostgres.clientDb(places.database)),
    Layer.provideMerge(keyRing(chain, places))
  )

const dialer = ({ proxy }: Places): Layer.Layer<SocketDialer, Negotiator.InvalidOptions> =>
  proxy === undefined ? NodeSocketDialer.layer : SocksSocketDialer.layer(proxy)

const fileSystem = Layer.unwrapEffect(
  Effect.map(
    load("a key file", () => import("@effect/platform-node/NodeFileSystem")),
    ({ layer }) => layer
  )
)

const keyRing = (
  chain: Chain,
  { key }: Places
): Layer.Layer<KeyRing, Negotiator.InvalidOptions | KeyFileError | KeyRingError | PackageMissing> =>
  typeof key === "object" && "root" in key
    ? HdKeyRing.layer({ ...key, chain })
    : Layer.provide(KeyFile.layer({ ...(typeof key === "string" ? { path: key } : key), chain }), fileSystem)

/** The one of two that is given; a sentence of its own where both are. */
const oneOf = <A, B>(
  names: readonly [one: string, other: string],
  one: Config.Config<Option.Option<A>>,
  other: Config.Config<Option.Option<B>>
): Config.Config<A | B> =>
  Config.mapOrFail(Config.all([one, other]), ([one, other]): Either.Either<A | B, ConfigError.ConfigError> => {
    if (Option.isSome(one) && Option.isSome(other)) {
      return Either.left(ConfigError.InvalidData(["watchtower"], `${names[0]} and ${names[1]} are both given.`))
    }
    return Either.fromOption(
      Option.orElse(one, () => other),
      () => ConfigError.MissingData(["watchtower"], `either ${names[0]} or ${names[1]} must be given.`)
    )
  })

const places: Config.Config<Places> = Config.map(
  Config.all({
    candidates: RoundRobinTowerCandidates.config,
    timeouts: BrontideTowerTransport.config,
    proxy: Table.configIfGiven(SocksSocketDialer.options),
    key: oneOf(
      ["keyFile.path", "keyRing.root"],
      Table.configIfGiven(KeyFile.options),
      Table.configIfGiven(HdKeyRing.options)
    ),
    database: oneOf(
      ["sqlite.filename", "postgres.url"],
      Table.configIfGiven(Databases.sqlite),
      Table.configIfGiven(Databases.postgres)
    )
  }),
  ({ candidates, proxy, ...others }): Places => ({ ...candidates, ...others, proxy: Option.getOrUndefined(proxy) })
)

/**
 * All options, nested under `watchtower`: the negotiator's (`SessionNegotiator.config`), `keyFile.path` or `keyRing.root`,
 * `sqlite.filename` or `postgres.url`, `proxy`, `candidates` and `transport`. docs/options.md has them all.
 *
 * @since 0.1.0
 * @category config
 */
export const config: Config.Config<Options> = Config.map(
  Config.all([Negotiator.config, places]),
  ([negotiator, places]): Options => ({ ...negotiator, ...places })
)

/**
 * All options of the tower client's bundle: those of `TowerClient.config`, and where things are, as `config` has them.
 * `candidates.pollInterval` is what `backup.pollInterval` is, unless that is given.
 *
 * @since 0.1.0
 * @category config
 */
export const clientConfig: Config.Config<ClientOptions> = Config.map(
  Config.all([TowerClientLayer.config, places]),
  ([client, places]): ClientOptions => ({
    ...client,
    ...places,
    pollInterval: client.pollInterval ?? places.pollInterval
  })
)

/** The bundle with options from configuration. @since 0.1.0 @category layers */
export const layerConfig = (
  options: Config.Config<Options> = config
): Layer.Layer<Services, BuildError | ConfigError.ConfigError> => Layer.unwrapEffect(Effect.map(options, layer))

/** The bundle of a tower client with options from configuration. @since 0.1.0 @category layers */
export const towerClientConfig = (
  options: Config.Config<ClientOptions> = clientConfig
): Layer.Layer<TowerClient | Ports, BuildError | ConfigError.ConfigError> =>
  Layer.unwrapEffect(Effect.map(options, towerClient))

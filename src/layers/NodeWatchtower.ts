/**
 * Everything that an application on Node needs, in one layer: a negotiator over real sockets, keys from a file, and a
 * database on SQLite or Postgres.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import type { DatabaseTooNew } from "../schema/DbError.js"
import type { AtomsPerKb, FeeRate, SatPerKw } from "../schema/FeeRate.js"
import type { KeyFileError } from "../schema/KeyFileError.js"
import type { KeyRingError } from "../schema/KeyRingError.js"
import type { PackageMissing } from "../schema/PackageMissing.js"
import * as Policy from "../schema/Policy.js"
import type { ClientDb } from "../services/ClientDb.js"
import type { KeyRing } from "../services/KeyRing.js"
import type { SessionNegotiator } from "../services/SessionNegotiator.js"
import type { SocketDialer } from "../services/SocketDialer.js"
import type { TowerCandidates } from "../services/TowerCandidates.js"
import type { TowerTransport } from "../services/TowerTransport.js"
import * as BrontideTowerTransport from "./BrontideTowerTransport.js"
import * as HdKeyRing from "./HdKeyRing.js"
import * as KeyFile from "./KeyFile.js"
import * as NodeSocketDialer from "./NodeSocketDialer.js"
import * as Negotiator from "./negotiator/SessionNegotiator.js"
import { load } from "./optional.js"
import * as RoundRobinTowerCandidates from "./RoundRobinTowerCandidates.js"
import * as SocksSocketDialer from "./SocksSocketDialer.js"
import * as Driver from "./sql/driver.js"

/**
 * The negotiator's options, of which only the chain must be given, and where things are.
 *
 * @since 0.1.0
 * @category models
 */
export interface OptionsOf<Fee extends FeeRate> extends Omit<Negotiator.OptionsOf<Fee>, "policy"> {
  /** Default: what the daemons propose (`Policy.defaults`). */
  readonly policy?: Policy.Policy<Fee> | undefined
  /** The path of a key file (`wtclient init` makes one), or the key itself. */
  readonly key: string | KeyFile.KeyMaterial
  /** The path of a SQLite file, which is created, or the URL of a Postgres database, which holds a password. */
  readonly database: string | Redacted.Redacted<string>
  /** A SOCKS5 proxy, such as Tor's, for every connection. Default: none. */
  readonly proxy?: SocksSocketDialer.Options | undefined
  /** How often to look for towers that another process added or removed. Default: 4 seconds. */
  readonly pollInterval?: Duration.DurationInput | undefined
  /** How long a connection may take. Defaults: 10 s to dial (60 s through a proxy), 5 s to shake hands, 15 s a message. */
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

/** What the bundle offers. @since 0.1.0 @category services */
export type Services = SessionNegotiator | TowerCandidates | TowerTransport | ClientDb | KeyRing

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
  return negotiator.pipe(
    Layer.provideMerge(RoundRobinTowerCandidates.layer({ pollInterval: options.pollInterval })),
    Layer.provideMerge(Layer.provide(BrontideTowerTransport.layer(options.timeouts), dialer(options))),
    Layer.provideMerge(Driver.clientDb(options.database)),
    Layer.provideMerge(keyRing(options))
  )
}

const dialer = ({ proxy }: Options): Layer.Layer<SocketDialer> =>
  proxy === undefined ? NodeSocketDialer.layer : SocksSocketDialer.layer(proxy)

const fileSystem = Layer.unwrapEffect(
  Effect.map(
    load("a key file", () => import("@effect/platform-node/NodeFileSystem")),
    ({ layer }) => layer
  )
)

const keyRing = ({ chain, key }: Options): Layer.Layer<KeyRing, KeyFileError | KeyRingError | PackageMissing> =>
  typeof key === "string"
    ? Layer.provide(KeyFile.layer({ path: key, chain }), fileSystem)
    : HdKeyRing.layer({ ...key, chain })

/**
 * The session negotiator (docs/negotiation.md, Requests and takers): sessions, one after another, from whichever tower
 * gives one.
 *
 * ```ts
 * import { Layer } from "effect"
 * import { BrontideTowerTransport, Chain, Policy, RoundRobinTowerCandidates, SessionNegotiator } from "effect-watchtower"
 * import * as KeyFile from "effect-watchtower/layers/KeyFile"
 * import * as NodeSocketDialer from "effect-watchtower/layers/NodeSocketDialer"
 * import * as SqliteClientDb from "effect-watchtower/layers/SqliteClientDb"
 *
 * const chain = Chain.bitcoinMainnet
 *
 * // What `NodeWatchtower.layer` does, part by part. It leaves open where the file system comes from.
 * export const negotiator = SessionNegotiator.layer({ chain, policy: Policy.defaults(chain) }).pipe(
 *   Layer.provideMerge(RoundRobinTowerCandidates.layer()),
 *   Layer.provide(BrontideTowerTransport.layer()),
 *   Layer.provide(NodeSocketDialer.layer),
 *   Layer.provide(SqliteClientDb.layer({ filename: "sessions.db" })),
 *   Layer.provide(KeyFile.layer({ path: "key", chain }))
 * )
 * ```
 *
 * @since 0.1.0
 * @module
 */
import type * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { DbError, WrongDatabase } from "../../schema/DbError.js"
import type { KeyRingError } from "../../schema/KeyRingError.js"
import type { InvalidPolicy } from "../../schema/Policy.js"
import { SessionNegotiator } from "../../services/SessionNegotiator.js"
import * as Logging from "./logging.js"
import { makeWithRules, type Ports } from "./makeWithRules.js"
import { type InvalidOptions, type Options, validate } from "./Options.js"
import { config as defaultConfig } from "./OptionsConfig.js"
import * as Rules from "./Rules.js"

export { SessionNegotiator } from "../../services/SessionNegotiator.js"
export type { Ports } from "./makeWithRules.js"
export { InvalidOptions, type Options, type OptionsOf, options } from "./Options.js"
export { config } from "./OptionsConfig.js"

/** Why a negotiator cannot be built. @since 0.1.0 @category errors */
export type BuildError = InvalidOptions | InvalidPolicy | WrongDatabase | DbError | KeyRingError

/**
 * A negotiator for as long as the scope is open: its loop runs, and closing the scope stops everything
 * (docs/negotiation.md, G4). It binds the database to its identity first, and fails when the options, the policy or the
 * database are not right. `name` says in traces which of several negotiators it is: the key of its tag.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: Options,
  name?: string
): Effect.Effect<SessionNegotiator.Service, BuildError, Ports | Scope.Scope> =>
  Effect.flatMap(validate(options), (settings) => makeWithRules(Rules.defaults, settings, { name }))

/** The negotiator under the default tag; what happens is logged. @since 0.1.0 @category layers */
export const layer = (options: Options): Layer.Layer<SessionNegotiator, BuildError, Ports> =>
  layerOf(SessionNegotiator, options)

/**
 * The negotiator under the default tag, with options from configuration; `config` names them all.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options: Config.Config<Options> = defaultConfig
): Layer.Layer<SessionNegotiator, BuildError | ConfigError, Ports> => layerConfigOf(SessionNegotiator, options)

/**
 * A tag of its own for each of several negotiators in one program, say one for each blob type:
 * `class Anchor extends SessionNegotiator.Tag("Anchor")<Anchor>() {}`, served by `layerOf(Anchor, options)`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const Tag =
  <const Id extends string>(id: Id) =>
  <Self>() =>
    Context.Tag(`effect-watchtower/SessionNegotiator/${id}`)<Self, SessionNegotiator.Service>()

/** A negotiator under a tag made by `Tag`; what happens is logged. @since 0.1.0 @category layers */
export const layerOf = <Self>(
  tag: Context.Tag<Self, SessionNegotiator.Service>,
  options: Options
): Layer.Layer<Self, BuildError, Ports> =>
  Layer.scoped(
    tag,
    Effect.gen(function* () {
      const settings = yield* validate(options)
      const listen = yield* Logging.make(tag.key)
      return yield* makeWithRules(Rules.defaults, settings, { name: tag.key, listen })
    })
  )

/**
 * A negotiator under a tag made by `Tag`, with options from configuration. Several negotiators read from places of their
 * own: `layerConfigOf(Taproot, Config.nested(config, "taproot"))` reads `TAPROOT_WATCHTOWER_BLOB_TYPE`, ...
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfigOf = <Self>(
  tag: Context.Tag<Self, SessionNegotiator.Service>,
  options: Config.Config<Options> = defaultConfig
): Layer.Layer<Self, BuildError | ConfigError, Ports> =>
  Layer.unwrapEffect(Effect.map(options, (given) => layerOf(tag, given)))

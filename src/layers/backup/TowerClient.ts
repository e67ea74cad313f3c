/**
 * The tower client (docs/backups.md): takes revoked states in, and sees to it that towers get them.
 *
 * ```ts
 * import { Layer } from "effect"
 * import { Chain, TowerClient } from "effect-watchtower"
 * import * as NodeWatchtower from "effect-watchtower/layers/NodeWatchtower"
 *
 * const chain = Chain.bitcoinMainnet
 *
 * // Over the ports of the bundle, two copies of each state.
 * export const client = TowerClient.layer({ chain, copies: 2 }).pipe(
 *   Layer.provide(NodeWatchtower.layer({ chain, key: "key", database: { filename: "sessions.db" } }))
 * )
 * ```
 *
 * @since 0.1.0
 * @module
 */
import type * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { DbError, WrongDatabase } from "../../schema/DbError.js"
import type { InvalidOptions } from "../../schema/InvalidOptions.js"
import type { KeyRingError } from "../../schema/KeyRingError.js"
import type * as Policy from "../../schema/Policy.js"
import type { BackupDb } from "../../services/BackupDb.js"
import type { ClientDb } from "../../services/ClientDb.js"
import type { KeyRing } from "../../services/KeyRing.js"
import type { TowerCandidates } from "../../services/TowerCandidates.js"
import { TowerClient } from "../../services/TowerClient.js"
import type { TowerTransport } from "../../services/TowerTransport.js"
import { makeTowerClient } from "./makeTowerClient.js"
import { type Options, validate } from "./Options.js"
import { config as defaultConfig } from "./OptionsConfig.js"

export { TowerClient } from "../../services/TowerClient.js"
export { type Options, type OptionsOf, options } from "./Options.js"
export { config } from "./OptionsConfig.js"

/** The ports that a tower client stands on. @since 0.1.0 @category services */
export type Ports = BackupDb | ClientDb | KeyRing | TowerCandidates | TowerTransport

/** Why a tower client cannot be built. @since 0.1.0 @category errors */
export type BuildError = InvalidOptions | Policy.InvalidPolicy | WrongDatabase | DbError | KeyRingError

/**
 * A tower client for as long as the scope is open: it sends while no other process does, and closing the scope stops everything
 * at once; a write in progress is finished.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<TowerClient.Service, BuildError, Ports | Scope.Scope> =>
  Effect.map(Effect.flatMap(validate(options), makeTowerClient), ({ client }) => client)

/** The tower client as a layer. @since 0.1.0 @category layers */
export const layer = (options: Options): Layer.Layer<TowerClient, BuildError, Ports> =>
  Layer.scoped(TowerClient, make(options))

/** The tower client with options from configuration; `config` names them all. @since 0.1.0 @category layers */
export const layerConfig = (
  options: Config.Config<Options> = defaultConfig
): Layer.Layer<TowerClient, BuildError | ConfigError, Ports> => Layer.unwrapEffect(Effect.map(options, layer))

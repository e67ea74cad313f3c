/**
 * Lightning watchtower sessions for Effect: the session negotiator, its ports, and the adapters that need no driver.
 * Adapters that do stand on their own paths: `effect-watchtower/layers/NodeWatchtower`, `.../SqliteClientDb`,
 * `.../PostgresClientDb`, `.../SqlClientDb`, `.../NodeSocketDialer`, `.../SocksSocketDialer`, `.../KeyFile`. Tools for tests:
 * `effect-watchtower/testing`, and a tower that listens: `.../layers/tower/NodeLoopbackTower`.
 *
 * ```ts
 * import { Effect } from "effect"
 * import { type ClientSession, SessionNegotiator } from "effect-watchtower"
 *
 * // Waits for a session and uses it. `NodeWatchtower.layer` provides the negotiator, in tests `ScriptedWatchtower.layer`.
 * export const withSession = <A>(use: (session: ClientSession.ClientSession) => Effect.Effect<A>) =>
 *   Effect.gen(function* () {
 *     const negotiator = yield* SessionNegotiator.SessionNegotiator
 *     return yield* use(yield* negotiator.nextSession)
 *   })
 * ```
 *
 * @since 0.1.0
 * @module
 */

export * as BrontideTowerTransport from "./layers/BrontideTowerTransport.js"
export * as TowerClient from "./layers/backup/TowerClient.js"
export * as HdKeyRing from "./layers/HdKeyRing.js"
export * as JusticeKeys from "./layers/JusticeKeys.js"
export * as Metrics from "./layers/Metrics.js"
export * as SessionNegotiator from "./layers/negotiator/SessionNegotiator.js"
export * as RoundRobinTowerCandidates from "./layers/RoundRobinTowerCandidates.js"
export * as Backup from "./schema/Backup.js"
export * as BackupError from "./schema/BackupError.js"
export * as BlobType from "./schema/BlobType.js"
export * as Chain from "./schema/Chain.js"
export * as Channel from "./schema/Channel.js"
export * as ClientSession from "./schema/ClientSession.js"
export * as DbError from "./schema/DbError.js"
export * as FeeRate from "./schema/FeeRate.js"
export * as Ids from "./schema/Ids.js"
export * as Ineligible from "./schema/Ineligible.js"
export * as InvalidOptions from "./schema/InvalidOptions.js"
export * as JusticeTransaction from "./schema/JusticeTransaction.js"
export * as KeyLayout from "./schema/KeyLayout.js"
export * as KeyRingError from "./schema/KeyRingError.js"
export * as NegotiationError from "./schema/NegotiationError.js"
export * as NegotiatorEvent from "./schema/NegotiatorEvent.js"
export * as NegotiatorStatus from "./schema/NegotiatorStatus.js"
export * as PackageMissing from "./schema/PackageMissing.js"
export * as Policy from "./schema/Policy.js"
export * as Reservation from "./schema/Reservation.js"
export * as RevokedState from "./schema/RevokedState.js"
export * as RootKey from "./schema/RootKey.js"
export * as Standing from "./schema/Standing.js"
export * as StoredBackup from "./schema/StoredBackup.js"
export * as Tower from "./schema/Tower.js"
export * as TowerAddress from "./schema/TowerAddress.js"
export * as TowerClientEvent from "./schema/TowerClientEvent.js"
export * as TowerClientStatus from "./schema/TowerClientStatus.js"
export * as TowerUri from "./schema/TowerUri.js"
export * as TransportError from "./schema/TransportError.js"
export * as BackupDb from "./services/BackupDb.js"
export * as ClientDb from "./services/ClientDb.js"
export * as Curve from "./services/Curve.js"
export * as Entropy from "./services/Entropy.js"
export * as KeyRing from "./services/KeyRing.js"
export * as SocketDialer from "./services/SocketDialer.js"
export * as TowerCandidates from "./services/TowerCandidates.js"
export * as TowerTransport from "./services/TowerTransport.js"

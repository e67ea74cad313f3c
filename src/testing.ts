/**
 * Tools for testing programs that use sessions: services in memory, towers that follow a script, and virtual time.
 *
 * ```ts
 * import { Effect } from "effect"
 * import { SessionNegotiator } from "effect-watchtower"
 * import { Code, ScriptedWatchtower, TowerScript } from "effect-watchtower/testing"
 *
 * // The first tower does not take the blob type, the second one gives a session.
 * const towers = [TowerScript.replies(Code.rejectBlobType), TowerScript.ok]
 *
 * export const session = Effect.flatMap(SessionNegotiator.SessionNegotiator, ({ nextSession }) => nextSession).pipe(
 *   Effect.provide(ScriptedWatchtower.layer({ towers }))
 * )
 * ```
 *
 * @since 0.1.0
 * @module
 */
export * as FixedKeyRing from "./layers/testing/FixedKeyRing.js"
export * as MemoryBackupDb from "./layers/testing/MemoryBackupDb.js"
export * as MemoryClientDb from "./layers/testing/MemoryClientDb.js"
export * as RevokedStates from "./layers/testing/RevokedStates.js"
export * as ScriptedTowerTransport from "./layers/testing/ScriptedTowerTransport.js"
export * as ScriptedWatchtower from "./layers/testing/ScriptedWatchtower.js"
export * as SocketPair from "./layers/testing/SocketPair.js"
export * as TowerScript from "./layers/testing/TowerScript.js"
export * as VirtualTime from "./layers/testing/VirtualTime.js"
export * as LoopbackTower from "./layers/tower/LoopbackTower.js"
export * as Code from "./schema/wire/Code.js"

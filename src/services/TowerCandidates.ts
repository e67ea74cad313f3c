/**
 * The port to the list of towers that may be asked for a session (lnd v0.21.2 `wtclient.TowerCandidateIterator`).
 *
 * ```ts
 * import { Effect, Queue } from "effect"
 * import { TowerCandidates } from "effect-watchtower"
 *
 * // Logs what happens to the list, until the scope closes.
 * export const logChanges = Effect.gen(function* () {
 *   const candidates = yield* TowerCandidates.TowerCandidates
 *   const changes = yield* candidates.changes
 *   yield* Effect.forkScoped(
 *     Effect.forever(Effect.flatMap(Queue.take(changes), ({ _tag, ...change }) => Effect.log(_tag, change)))
 *   )
 * })
 * ```
 *
 * @since 0.1.0
 * @module
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import type { DbError, LastTowerAddr, TowerNotFound } from "../schema/DbError.js"
import type { PublicKey, TowerId } from "../schema/Ids.js"
import type { Tower } from "../schema/Tower.js"
import type { TowerAddress } from "../schema/TowerAddress.js"

/**
 * What happened to the list; a tower that is deactivated is removed from it. Each `add` is reported: as `AddressAdded` where a
 * known tower has a new address, else as `TowerAdded`, also when nothing changed (it clears a quarantine).
 *
 * @since 0.1.0
 * @category models
 */
export type CandidateChange = Data.TaggedEnum<{
  TowerAdded: { readonly tower: Tower }
  AddressAdded: { readonly tower: Tower; readonly address: TowerAddress }
  TowerRemoved: { readonly towerId: TowerId }
  AddressRemoved: { readonly towerId: TowerId; readonly address: TowerAddress }
}>

/** @since 0.1.0 @category constructors */
export const CandidateChange = Data.taggedEnum<CandidateChange>()

/**
 * The candidates. One entry for each tower, in the order of their ids.
 *
 * @since 0.1.0
 * @category services
 */
export class TowerCandidates extends Context.Tag("effect-watchtower/TowerCandidates")<
  TowerCandidates,
  TowerCandidates.Service
>() {}

/** @since 0.1.0 */
export declare namespace TowerCandidates {
  /** What a list of candidates can do. */
  interface Service {
    /** Writes the tower, or its new address, to the database first and then wakes the waiting negotiators. */
    readonly add: (publicKey: PublicKey, address: TowerAddress) => Effect.Effect<Tower, DbError>
    /** Removes an address, or the tower; a visit there is interrupted. */
    readonly remove: (publicKey: PublicKey, address?: TowerAddress) => Effect.Effect<void, DbError | LastTowerAddr>
    /**
     * Deactivates a tower: it stays in the database, and is no candidate until it is added again. A visit there is interrupted,
     * as when it is removed.
     */
    readonly deactivate: (publicKey: PublicKey) => Effect.Effect<void, DbError | TowerNotFound>
    /** The towers now: the same array until something changes. */
    readonly list: Effect.Effect<ReadonlyArray<Tower>>
    /** What happens from now on; subscribed when the effect returns. */
    readonly changes: Effect.Effect<Queue.Dequeue<CandidateChange>, never, Scope.Scope>
  }
}

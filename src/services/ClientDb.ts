/**
 * The port to the client's durable state: towers, reservations, sessions, standings (docs/negotiation.md, Reservations
 * and Standings).
 *
 * ```ts
 * import { Chunk, Effect, Option, Stream } from "effect"
 * import { ClientDb, type Ids } from "effect-watchtower"
 *
 * // All stored sessions that can take updates, page by page.
 * export const activeSessions = Stream.unwrap(
 *   Effect.map(ClientDb.ClientDb, (db) =>
 *     Stream.paginateChunkEffect(Option.none<Ids.KeyIndex>(), (last) =>
 *       Effect.map(db.listClientSessions({ status: "active", after: Option.getOrUndefined(last) }), (page) => [
 *         Chunk.fromIterable(page),
 *         Option.map(Option.fromNullable(page.at(-1)), ({ keyIndex }) => Option.some(keyIndex))
 *       ])
 *     )
 *   )
 * )
 * ```
 *
 * @since 0.1.0
 * @module
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { BlobType } from "../schema/BlobType.js"
import type { ClientSession } from "../schema/ClientSession.js"
import type {
  DbError,
  LastTowerAddr,
  ReserveError,
  StoreError,
  TowerNotFound,
  WrongDatabase
} from "../schema/DbError.js"
import type { ChainHash, KeyIndex, PublicKey, Route, TowerId } from "../schema/Ids.js"
import type { PolicyKey } from "../schema/Policy.js"
import type { Reservation } from "../schema/Reservation.js"
import type { Standing } from "../schema/Standing.js"
import type { Tower } from "../schema/Tower.js"
import type { TowerAddress } from "../schema/TowerAddress.js"

/**
 * The client's database. Every write is durable when its effect succeeds, except where a method says otherwise, and is
 * bounded by the adapter's `storeTimeout`. A write marked "no fsync" survives a crash of this process, but not a
 * power failure: no other process survives one either. Methods keep the reference's names (lnd v0.21.2 `wtclient.DB`).
 *
 * @since 0.1.0
 * @category services
 */
export class ClientDb extends Context.Tag("effect-watchtower/ClientDb")<ClientDb, ClientDb.Service>() {}

/** @since 0.1.0 */
export declare namespace ClientDb {
  /** Whose database it is. `publicKey` is that of (family 8, index 0); `firstKeyIndex` is used by a new database only (default: random from 1 to 2^30 - 1). */
  interface Identity {
    readonly chainHash: ChainHash
    readonly layout: string
    readonly publicKey: PublicKey
    readonly firstKeyIndex?: KeyIndex | undefined
  }

  /** What a visit leaves behind in the standings; written in the transaction that it belongs to. */
  interface StandingUpdate {
    readonly towerId: TowerId
    readonly blobType: BlobType
    readonly policyKey: PolicyKey
    readonly standing: Standing
  }

  /** How to take a key index. */
  interface ReserveOptions {
    /** Ends this held reservation and takes the next index, in one transaction (AlreadyExists). */
    readonly forceNext?: Reservation | undefined
    /** Reservations of ours whose freeing write failed; they may be taken although their lease has not run out. */
    readonly left?: ReadonlyArray<Reservation> | undefined
  }

  /** How to give a reservation back. */
  interface FreeOptions {
    /** `free`: the next visit takes the same key, `restMs` from now at the earliest. `end`: the key is never used again. */
    readonly outcome: { readonly _tag: "free"; readonly restMs: number } | { readonly _tag: "end" }
    readonly update: StandingUpdate
  }

  /** Which sessions to list. */
  interface SessionFilter {
    readonly towerId?: TowerId | undefined
    readonly status?: ClientSession["status"] | undefined
    readonly blobType?: BlobType | undefined
    /** Lists sessions with a greater key index than this one; pages are in ascending key index. */
    readonly after?: KeyIndex | undefined
    /** Lists sessions created before this instant. */
    readonly createdBefore?: number | undefined
    /** The most sessions to list (default 100). */
    readonly limit?: number | undefined
  }

  /**
   * How many sessions of a blob type there are. Each is counted in one of `usable` and `full` (the active ones), `inactive`,
   * `terminal` and `lost`; `left` sums the updates that the usable ones can take. Of all but the lost ones, `exhausted` are those
   * whose updates are all confirmed, and `confirmed` sums the confirmed updates.
   */
  interface SessionCounts {
    readonly blobType: BlobType
    readonly usable: number
    readonly left: number
    readonly full: number
    readonly inactive: number
    readonly terminal: number
    readonly lost: number
    readonly exhausted: number
    readonly confirmed: number
  }

  /** What a database of the client can do. */
  interface Service {
    /**
     * Records whose database this is, or compares: another chain, layout or seed fails. It starts the counter of key
     * indexes; until then a new one cannot be had (`DatabaseUnavailable`).
     */
    readonly bindIdentity: (identity: Identity) => Effect.Effect<void, DbError | WrongDatabase>
    /**
     * Adds a tower, or an address of it (newest first), clears its removed mark and its quarantines, makes it and its
     * sessions active, and counts one addition more, also when it knew all of that.
     */
    readonly createTower: (publicKey: PublicKey, address: TowerAddress) => Effect.Effect<Tower, DbError>
    /**
     * Removes one address, or marks the tower as removed and its sessions as inactive; rows of towers are never deleted. An
     * unknown tower or address is no error.
     */
    readonly removeTower: (publicKey: PublicKey, address?: TowerAddress) => Effect.Effect<void, DbError | LastTowerAddr>
    /**
     * Makes a tower and its sessions inactive until it is added again: it gets no more sessions and updates, and what it has
     * not confirmed is open for others. It stays known (lnd v0.21.2 `wtdb.ClientDB.DeactivateTower`). The same again does nothing.
     */
    readonly deactivateTower: (publicKey: PublicKey) => Effect.Effect<Tower, DbError | TowerNotFound>
    /** The tower with this public key, unless it is removed. */
    readonly loadTower: (publicKey: PublicKey) => Effect.Effect<Tower, DbError | TowerNotFound>
    /** The tower with this id, unless it is removed. */
    readonly loadTowerById: (id: TowerId) => Effect.Effect<Tower, DbError | TowerNotFound>
    /** All towers that are not removed, active or not, by ascending id. The same array as before only if nothing has changed. */
    readonly listTowers: Effect.Effect<ReadonlyArray<Tower>, DbError>
    /**
     * Takes the reservation of (tower, blob type, route) that has been free longest, or a new index, under a new lease of
     * 120 s. The binding of a new index to its tower is durable when this succeeds; the lease needs no sync. A tower that is
     * removed is good enough.
     */
    readonly nextSessionKeyIndex: (
      towerId: TowerId,
      blobType: BlobType,
      route: Route,
      options?: ReserveOptions
    ) => Effect.Effect<Reservation, ReserveError>
    /**
     * Gives a reservation back and writes the standing, in one transaction without a sync. A reservation that was taken over
     * is left alone; the standing is written all the same.
     */
    readonly freeSessionKeyIndex: (reservation: Reservation, options: FreeOptions) => Effect.Effect<void, DbError>
    /**
     * Stores the session, ends its reservation, writes the standing and (an option of the adapter) reserves the next index
     * for the same triple, free: in one transaction. Compares the lease's token, not the clock.
     */
    readonly createClientSession: (
      session: ClientSession,
      reservation: Reservation,
      update: StandingUpdate
    ) => Effect.Effect<void, StoreError>
    /** One page of the stored sessions. */
    readonly listClientSessions: (filter?: SessionFilter) => Effect.Effect<ReadonlyArray<ClientSession>, DbError>
    /** The stored sessions, counted by ascending blob type; blob types without a session are absent. */
    readonly countClientSessions: Effect.Effect<ReadonlyArray<SessionCounts>, DbError>
    /** The standings of all towers for a blob type and policy; those never visited are absent. */
    readonly loadStandings: (
      blobType: BlobType,
      policyKey: PolicyKey
    ) => Effect.Effect<ReadonlyMap<TowerId, Standing>, DbError>
    /** Writes a standing alone, without a sync: a failure before there was a reservation. */
    readonly saveStanding: (update: StandingUpdate) => Effect.Effect<void, DbError>
    /**
     * Moves the counter of key indexes `count` (0 or more) further and ends all reservations, after a copy of the database
     * was restored: the part that is lost can have shown keys of the counter and of the reservations. Answers the next index.
     */
    readonly skipSessionKeys: (count: number) => Effect.Effect<KeyIndex, DbError | KeyIndexesExhaustedError>
  }

  /** Every key index of the seed is used. */
  type KeyIndexesExhaustedError = Extract<ReserveError, { readonly _tag: "KeyIndexesExhausted" }>
}

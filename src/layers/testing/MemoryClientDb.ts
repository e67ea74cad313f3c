/**
 * The client's database in memory: the contract of `ClientDb` without a disk. Every operation is one synchronous step, so
 * that it works under any clock and any scheduler; nothing survives the value.
 *
 * @since 0.1.0
 * @module
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { BlobType } from "../../schema/BlobType.js"
import { ClientSession } from "../../schema/ClientSession.js"
import {
  ClientSessionAlreadyExists,
  type DatabaseUnavailable,
  IncorrectKeyIndex,
  KeyIndexesExhausted,
  LastTowerAddr,
  NoReservedKeyIndex,
  ReservationLost,
  type ReserveError,
  type StoreError,
  TowerNotFound
} from "../../schema/DbError.js"
import { KeyIndex, LeaseToken, maxKeyIndex, type PublicKey, type Route, TowerId } from "../../schema/Ids.js"
import type { PolicyKey } from "../../schema/Policy.js"
import { leaseMs, Reservation } from "../../schema/Reservation.js"
import * as Standing from "../../schema/Standing.js"
import { Tower } from "../../schema/Tower.js"
import { ClientDb } from "../../services/ClientDb.js"
import { checkSkip, compareIdentities, notBound, randomFirstKeyIndex } from "../support/databaseIdentity.js"
import { hasEnded, newTables, type Tables, type TowerRow } from "./memoryTables.js"

/**
 * `firstKeyIndex` starts the counter of key indexes whatever `bindIdentity` says, and before it is called. `reserveNext`
 * (default true) reserves the next index for the same triple when a session is stored.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly firstKeyIndex?: KeyIndex | undefined
  readonly reserveNext?: boolean | undefined
}

/** Made of parts that were checked. */
const unchecked = { disableValidation: true }

const tripleOf = (towerId: TowerId, blobType: BlobType, route: Route): string => `${towerId}/${blobType}/${route}`

const freeAt = (reservation: Reservation): number => reservation.since + reservation.forMs

const longestFreeFirst = (a: Reservation, b: Reservation): number => freeAt(a) - freeAt(b) || a.keyIndex - b.keyIndex

/**
 * A new, empty database.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<ClientDb.Service> =>
  Effect.suspend(() => makeOver(newTables(), options))

/** The client's part of tables that another service reads too. @since 0.1.0 @category constructors */
export const makeOver = (
  { byKeyIndex, sessions, towers }: Tables,
  options: Options = {}
): Effect.Effect<ClientDb.Service> =>
  Effect.sync(() => {
    const towerIds = new Map<PublicKey, TowerId>()
    const reservations = new Map<string, Map<KeyIndex, Reservation>>()
    const standings = new Map<BlobType, Map<TowerId, Standing.Standing>>()
    const quarantines = new Map<TowerId, Map<PolicyKey, Standing.Quarantine>>()
    let identity: ClientDb.Identity | undefined
    let nextIndex: number | undefined = options.firstKeyIndex
    let leases = 0

    /** One synchronous step at one instant. */
    const step = <A, E = never>(run: (now: number) => Effect.Effect<A, E>): Effect.Effect<A, E> =>
      Effect.flatMap(Clock.currentTimeMillis, run)

    const openOf = (triple: string): Map<KeyIndex, Reservation> => {
      const known = reservations.get(triple)
      if (known !== undefined) return known
      const created = new Map<KeyIndex, Reservation>()
      reservations.set(triple, created)
      return created
    }

    /** The row under which this reservation is still held. */
    const held = (reservation: Reservation) => {
      const open = openOf(tripleOf(reservation.towerId, reservation.blobType, reservation.route))
      return open.get(reservation.keyIndex)?.lease === reservation.lease ? open : undefined
    }

    const put = (reservation: Omit<Reservation, "lease">): Reservation => {
      leases += 1
      const row = new Reservation({ ...reservation, lease: LeaseToken.make(`lease-${leases}`) }, unchecked)
      openOf(tripleOf(row.towerId, row.blobType, row.route)).set(row.keyIndex, row)
      return row
    }

    /** The open reservations of a triple; one that begins in the future begins now (docs/negotiation.md, Time). */
    const openAt = (triple: string, now: number): ReadonlyArray<Reservation> => {
      const open = openOf(triple)
      for (const row of open.values()) {
        if (row.since > now) open.set(row.keyIndex, new Reservation({ ...row, since: now }))
      }
      return [...open.values()]
    }

    const write = (update: ClientDb.StandingUpdate, now: number): void => {
      const { quarantine, ...standing } = Standing.notAfter(update.standing, now)
      const ofType = standings.get(update.blobType) ?? new Map<TowerId, Standing.Standing>()
      standings.set(update.blobType, ofType.set(update.towerId, standing))
      const ofTower = quarantines.get(update.towerId) ?? new Map<PolicyKey, Standing.Quarantine>()
      if (quarantine === undefined) ofTower.delete(update.policyKey)
      else ofTower.set(update.policyKey, quarantine)
      quarantines.set(update.towerId, ofTower)
    }

    const setTower = (row: TowerRow): Tower => {
      towers.set(row.tower.id, row)
      towerIds.set(row.tower.publicKey, row.tower.id)
      return row.tower
    }

    const setStatus = (towerId: TowerId, status: ClientSession["status"]): void =>
      byKeyIndex.forEach((row) => {
        if (row.session.towerId === towerId && !hasEnded(row)) {
          row.session = new ClientSession({ ...row.session, status })
        }
      })

    const insert = (session: ClientSession, route: Route): void => {
      const row = { session, route, refusals: 0 }
      sessions.set(session.id, row)
      const last = byKeyIndex.findLastIndex((other) => other.session.keyIndex < session.keyIndex)
      byKeyIndex.splice(last + 1, 0, row)
    }

    const load = (row: TowerRow | undefined, tower: PublicKey | TowerId): Effect.Effect<Tower, TowerNotFound> =>
      row === undefined || row.removed ? Effect.fail(new TowerNotFound({ tower })) : Effect.succeed(row.tower)

    const rowOf = (publicKey: PublicKey): TowerRow | undefined => {
      const id = towerIds.get(publicKey)
      return id === undefined ? undefined : towers.get(id)
    }

    const isFree = (now: number) => (row: Reservation) => freeAt(row) <= now

    const service: ClientDb.Service = {
      bindIdentity: (wanted) =>
        Effect.flatMap(randomFirstKeyIndex, (random) => {
          if (identity === undefined) {
            identity = wanted
            nextIndex ??= wanted.firstKeyIndex ?? random
            return Effect.void
          }
          return compareIdentities(wanted, identity)
        }),

      createTower: (publicKey, address) =>
        Effect.sync(() => {
          const known = rowOf(publicKey)
          if (known === undefined) {
            return setTower({
              tower: new Tower({ id: TowerId.make(towers.size + 1), publicKey, addresses: [address] }),
              removed: false
            })
          }
          const { tower } = known
          quarantines.delete(tower.id)
          setStatus(tower.id, "active")
          return setTower({
            tower: new Tower({
              ...tower,
              addresses: tower.addresses.includes(address) ? tower.addresses : [address, ...tower.addresses],
              status: "active",
              additions: tower.additions + 1
            }),
            removed: false
          })
        }),

      removeTower: (publicKey, address) =>
        Effect.suspend(() => {
          const known = rowOf(publicKey)
          if (known === undefined) return Effect.void
          const { tower } = known
          if (address === undefined) {
            setStatus(tower.id, "inactive")
            setTower({ tower, removed: true })
            return Effect.void
          }
          const addresses = tower.addresses.filter((other) => other !== address)
          if (addresses.length === 0) return Effect.fail(new LastTowerAddr({ tower: publicKey, address }))
          setTower({ ...known, tower: new Tower({ ...tower, addresses }) })
          return Effect.void
        }),

      deactivateTower: (publicKey) =>
        Effect.map(
          Effect.suspend(() => load(rowOf(publicKey), publicKey)),
          (tower) => {
            setStatus(tower.id, "inactive")
            return setTower({ tower: new Tower({ ...tower, status: "inactive" }), removed: false })
          }
        ),

      loadTower: (publicKey) => Effect.suspend(() => load(rowOf(publicKey), publicKey)),
      loadTowerById: (id) => Effect.suspend(() => load(towers.get(id), id)),
      listTowers: Effect.sync(() => [...towers.values()].filter((row) => !row.removed).map((row) => row.tower)),

      nextSessionKeyIndex: (towerId, blobType, route, { forceNext, left = [] } = {}) =>
        step<Reservation, ReserveError>((now) => {
          if (!towers.has(towerId)) return Effect.fail(new TowerNotFound({ tower: towerId }))
          const ended = forceNext === undefined ? undefined : held(forceNext)
          if (forceNext !== undefined && ended === undefined) {
            return Effect.fail(new ReservationLost({ keyIndex: forceNext.keyIndex }))
          }
          const isLeft = (row: Reservation) =>
            left.some((mine) => mine.keyIndex === row.keyIndex && mine.lease === row.lease)
          const [found] = openAt(tripleOf(towerId, blobType, route), now)
            .filter((row) => row.keyIndex !== forceNext?.keyIndex && (isFree(now)(row) || isLeft(row)))
            .sort(longestFreeFirst)
          if (found === undefined && nextIndex === undefined) {
            return Effect.fail(notBound("nextSessionKeyIndex"))
          }
          const index = found?.keyIndex ?? nextIndex ?? 0
          if (index > maxKeyIndex) return Effect.fail(new KeyIndexesExhausted())
          if (found === undefined) nextIndex = index + 1
          if (forceNext !== undefined) ended?.delete(forceNext.keyIndex)
          return Effect.succeed(
            put({ keyIndex: KeyIndex.make(index), towerId, blobType, route, since: now, forMs: leaseMs })
          )
        }),

      freeSessionKeyIndex: (reservation, { outcome, update }) =>
        step((now) => {
          const open = held(reservation)
          if (outcome._tag === "end") open?.delete(reservation.keyIndex)
          else
            open?.set(
              reservation.keyIndex,
              new Reservation({ ...reservation, since: now, forMs: outcome.restMs }, unchecked)
            )
          write(update, now)
          return Effect.void
        }),

      createClientSession: (session, reservation, update) =>
        step<void, StoreError>((now) => {
          const { keyIndex, policy, towerId } = session
          const triple = tripleOf(towerId, policy.blobType, reservation.route)
          if (sessions.has(session.id)) return Effect.fail(new ClientSessionAlreadyExists({ id: session.id }))
          if (!towers.has(towerId)) return Effect.fail(new TowerNotFound({ tower: towerId }))
          const open = openOf(triple)
          if (open.size === 0) return Effect.fail(new NoReservedKeyIndex({ towerId }))
          const row = open.get(keyIndex)
          if (row === undefined) return Effect.fail(new IncorrectKeyIndex({ towerId, keyIndex }))
          if (row.lease !== reservation.lease) return Effect.fail(new ReservationLost({ keyIndex }))
          open.delete(keyIndex)
          insert(session, reservation.route)
          write(update, now)
          const next = nextIndex ?? 1
          if ((options.reserveNext ?? true) && next <= maxKeyIndex && !openAt(triple, now).some(isFree(now))) {
            nextIndex = next + 1
            put({
              keyIndex: KeyIndex.make(next),
              towerId,
              blobType: policy.blobType,
              route: reservation.route,
              since: now,
              forMs: 0
            })
          }
          return Effect.void
        }),

      listClientSessions: ({ after = 0, blobType, createdBefore = Infinity, limit = 100, status, towerId } = {}) =>
        Effect.sync(() =>
          byKeyIndex
            .map((row) => row.session)
            .filter(
              (session) =>
                session.keyIndex > after &&
                session.createdAt < createdBefore &&
                (status === undefined || session.status === status) &&
                (blobType === undefined || session.policy.blobType === blobType) &&
                (towerId === undefined || session.towerId === towerId)
            )
            .slice(0, limit)
        ),

      countClientSessions: Effect.sync(() =>
        [...new Set(byKeyIndex.map(({ session }) => session.policy.blobType))]
          .sort((one, other) => one - other)
          .map((blobType) => {
            const sessions = byKeyIndex
              .map(({ session }) => session)
              .filter(({ policy }) => policy.blobType === blobType)
            const of = (wanted: ClientSession["status"]) => sessions.filter(({ status }) => status === wanted)
            const active = of("active")
            const usable = active.filter(({ policy, seqNum }) => seqNum < policy.maxUpdates)
            return {
              blobType,
              usable: usable.length,
              left: usable.reduce((sum, { policy, seqNum }) => sum + policy.maxUpdates - seqNum, 0),
              full: active.length - usable.length,
              inactive: of("inactive").length,
              terminal: of("terminal").length,
              lost: of("lost").length,
              exhausted: sessions.filter(
                ({ policy, status, towerLastApplied }) => status !== "lost" && towerLastApplied >= policy.maxUpdates
              ).length,
              confirmed: sessions.reduce(
                (sum, { status, towerLastApplied }) => sum + (status === "lost" ? 0 : towerLastApplied),
                0
              )
            }
          })
      ),

      loadStandings: (blobType, policyKey) =>
        step((now) => {
          const found = new Map<TowerId, Standing.Standing>()
          for (const [towerId, known] of standings.get(blobType) ?? []) {
            const quarantine = quarantines.get(towerId)?.get(policyKey)
            const standing = Standing.notAfter(quarantine === undefined ? known : { ...known, quarantine }, now)
            write({ towerId, blobType, policyKey, standing }, now)
            found.set(towerId, standing)
          }
          return Effect.succeed(found)
        }),

      saveStanding: (update) => step((now) => Effect.sync(() => write(update, now))),

      skipSessionKeys: (count) =>
        Effect.flatMap(checkSkip(count), (): Effect.Effect<KeyIndex, DatabaseUnavailable | KeyIndexesExhausted> => {
          if (nextIndex === undefined) return Effect.fail(notBound("skipSessionKeys"))
          const next = nextIndex + count
          if (next > maxKeyIndex) return Effect.fail(new KeyIndexesExhausted())
          nextIndex = next
          reservations.clear()
          return Effect.succeed(KeyIndex.make(next))
        })
    }
    return service
  })

/**
 * A new database for each build of this layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: Options): Layer.Layer<ClientDb> => Layer.effect(ClientDb, make(options))

/**
 * Reservations of this process whose freeing write failed. Until their leases run out, only we know that they may be taken
 * again, or that their keys must not be.
 *
 * @since 0.1.0
 */
import type { TowerId } from "../../schema/Ids.js"
import { leaseMs, type Reservation } from "../../schema/Reservation.js"

/**
 * One reservation. Its key may be shown again from `freeFrom` on; where `isUsed`, the tower knows a used session under it,
 * and it is to be ended. Instants are monotonic milliseconds.
 *
 * @since 0.1.0
 * @category models
 */
export interface UnreleasedReservation {
  readonly reservation: Reservation
  readonly freeFrom: number
  readonly isUsed: boolean
}

/** @since 0.1.0 @category models */
export interface Unreleased {
  readonly add: (one: UnreleasedReservation, now: number) => void
  /** A tower's, without those whose leases have run out: those may be taken by any visit. */
  readonly of: (tower: TowerId, now: number) => ReadonlyArray<UnreleasedReservation>
  readonly delete: (one: UnreleasedReservation) => void
  /** Drops all of a tower that was removed. */
  readonly forget: (tower: TowerId) => void
}

interface Entry extends UnreleasedReservation {
  readonly leaseEnds: number
}

/** @since 0.1.0 @category constructors */
export const make = (): Unreleased => {
  const byTower = new Map<TowerId, ReadonlyArray<Entry>>()
  const keep = (tower: TowerId, isKept: (entry: Entry) => boolean): ReadonlyArray<Entry> => {
    const kept = (byTower.get(tower) ?? []).filter(isKept)
    if (kept.length === 0) byTower.delete(tower)
    else byTower.set(tower, kept)
    return kept
  }
  // A used key is remembered beyond its lease: else the next visit would show it again for nothing.
  const isAlive = (now: number) => (entry: Entry) => entry.isUsed || entry.leaseEnds > now
  return {
    add: (one, now) => {
      const { towerId } = one.reservation
      byTower.set(towerId, [...keep(towerId, isAlive(now)), { ...one, leaseEnds: now + leaseMs }])
    },
    of: (tower, now) => keep(tower, isAlive(now)),
    delete: ({ reservation }) =>
      void keep(reservation.towerId, (entry) => entry.reservation.keyIndex !== reservation.keyIndex),
    forget: (tower) => void byTower.delete(tower)
  }
}

/**
 * The key of a visit: its reservation, under a lease for a time, and whether it was shown (docs/negotiation.md, Reservations).
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type { DbError, ReserveError } from "../../schema/DbError.js"
import type { PublicKey } from "../../schema/Ids.js"
import { LeaseExpired } from "../../schema/NegotiationError.js"
import type { Reservation } from "../../schema/Reservation.js"
import type { Tower } from "../../schema/Tower.js"
import type { ClientDb } from "../../services/ClientDb.js"
import type { Environment } from "./environment.js"
import * as Monotonic from "./monotonic.js"

/**
 * What may be done with a key. `RestsUntil`: it was shown, and may be shown again from that instant on (monotonic
 * milliseconds). `Used`: a tower knows a used session under it, and it is never shown again.
 *
 * @since 0.1.0
 * @category models
 */
export type KeyState = Data.TaggedEnum<{
  Unshown: object
  RestsUntil: { readonly instant: number }
  Used: object
}>

/** @since 0.1.0 @category constructors */
export const KeyState = Data.taggedEnum<KeyState>()

/** A reservation that is held, and both clocks as they stood before it was taken. @since 0.1.0 @category models */
export interface Lease extends Monotonic.Instants {
  readonly reservation: Reservation
}

/** A reservation that is held, and its key's state. @since 0.1.0 @category models */
export interface HeldKey extends Lease {
  readonly state: KeyState
}

/** A held key that was derived. @since 0.1.0 @category models */
export interface DerivedKey extends HeldKey {
  readonly publicKey: PublicKey
}

/**
 * Takes a key index, durably. A used key's reservation ends in the same transaction. If an earlier visit could not free its
 * reservation of that tower, this takes it again, or ends it, too.
 *
 * @since 0.1.0
 * @category constructors
 */
export const reserve: (
  env: Environment,
  tower: Tower,
  used: Reservation | undefined
) => Effect.Effect<HeldKey, ReserveError> = Effect.fnUntraced(function* (env, tower, used) {
  // Before the statement is sent: a lease may end earlier than it really does, never later.
  const taken = yield* Monotonic.instants
  const reservation = yield* take(env, tower, yield* Monotonic.now, used)
  return { reservation, ...taken, state: KeyState.Unshown() }
})

const take = (env: Environment, tower: Tower, now: number, used: Reservation | undefined) => {
  const unreleased = env.unreleased.of(tower.id, now)
  const free = unreleased.filter((one) => !one.isUsed && one.freeFrom <= now)
  const spent = unreleased.find((one) => one.isUsed)
  const next = (forceNext: Reservation | undefined) =>
    env.db.nextSessionKeyIndex(tower.id, env.settings.policy.blobType, env.transport.route, {
      forceNext,
      left: free.map((one) => one.reservation)
    })
  const taken =
    used === undefined && spent !== undefined
      ? // Lost: it has ended all the same, or another process has it.
        Effect.catchTag(next(spent.reservation), "ReservationLost", () => next(undefined)).pipe(
          Effect.tap(() => Effect.sync(() => env.unreleased.delete(spent)))
        )
      : next(used)
  return Effect.tap(taken, ({ keyIndex }) =>
    Effect.sync(() => {
      for (const one of free) if (one.reservation.keyIndex === keyIndex) env.unreleased.delete(one)
    })
  )
}

/** Act three and CreateSession are written only while the lease holds by both clocks. @since 0.1.0 @category combinators */
export const leaseHolds = (lease: Lease): Effect.Effect<void, LeaseExpired> =>
  Effect.flatMap(Monotonic.elapsedSince(lease), (millis) => {
    const { forMs, keyIndex } = lease.reservation
    return millis < forMs ? Effect.void : new LeaseExpired({ keyIndex })
  })

/**
 * Frees the reservation, or ends it if its key was used, and writes the standing in the same transaction. If that fails,
 * memory keeps the reservation until its lease has run out.
 *
 * @since 0.1.0
 * @category combinators
 */
export const release = (
  env: Environment,
  { reservation, state }: HeldKey,
  update: ClientDb.StandingUpdate
): Effect.Effect<void, DbError> =>
  Effect.flatMap(Monotonic.now, (now) => {
    const isUsed = state._tag === "Used"
    const restMs = state._tag === "RestsUntil" ? Math.ceil(Math.max(0, state.instant - now)) : 0
    const outcome: ClientDb.FreeOptions["outcome"] = isUsed ? { _tag: "end" } : { _tag: "free", restMs }
    return Effect.tapError(env.db.freeSessionKeyIndex(reservation, { outcome, update }), () =>
      Effect.sync(() => env.unreleased.add({ reservation, freeFrom: now + restMs, isUsed }, now))
    )
  })

/** A database and a key ring that are slow and fail as a plan says, until all is well; every call is noted. */
import { Effect } from "effect"
import { DatabaseUnavailable, StoreOutcomeUnknown } from "../../../../src/schema/DbError.js"
import { KeyRingError } from "../../../../src/schema/KeyRingError.js"
import type { ClientDb } from "../../../../src/services/ClientDb.js"
import type { KeyRing } from "../../../../src/services/KeyRing.js"
import type { Fault, Operation } from "./plan.js"

export interface Faults {
  readonly db: (db: ClientDb.Service) => ClientDb.Service
  readonly keyRing: (keyRing: KeyRing.Service) => KeyRing.Service
  /** From now on calls are counted and faults happen; before and afterwards all is well. */
  readonly begin: () => void
  readonly end: () => void
  /** When the calls of the database that were made so far came back, by the monotonic clock. */
  readonly callEnds: () => ReadonlySet<number>
  /** How many calls of the database go on. */
  readonly inProgress: () => number
  /** How many sessions were being stored at the same time, at most. */
  readonly mostStores: () => number
  /** The longest that a call takes. */
  readonly slowest: number
}

/** `now` is the monotonic clock, in milliseconds. */
export const make = (faults: ReadonlyArray<Fault>, now: () => number): Faults => {
  const counts = new Map<Operation, number>()
  const callEnds = new Set<number>()
  let active = false
  let inProgress = 0
  let stores = 0
  let mostStores = 0

  const failureKind = (operation: Operation): Fault | undefined => {
    if (!active) return undefined
    const count = (counts.get(operation) ?? 0) + 1
    counts.set(operation, count)
    return faults.find((fault) => fault.operation === operation && fault.from <= count && count <= fault.to)
  }

  const disturbed = <A, E>(operation: Operation, call: Effect.Effect<A, E>, failure: () => E): Effect.Effect<A, E> =>
    Effect.suspend(() => {
      const fault = failureKind(operation)
      if (fault === undefined) return call
      const pause = fault.takes === null ? Effect.async<void>(() => {}) : Effect.sleep(fault.takes)
      const calm = fault.takes === 0 ? call : Effect.andThen(pause, call)
      switch (fault.outcome) {
        case "well":
          return calm
        case "fails":
          return Effect.andThen(
            fault.takes === 0 ? Effect.void : pause,
            Effect.suspend(() => Effect.fail(failure()))
          )
        case "failsAfterwards":
          return Effect.andThen(
            calm,
            Effect.suspend(() => Effect.fail(failure()))
          )
      }
    })

  const noted = <A, E>(call: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.suspend(() => {
      inProgress += 1
      return Effect.ensuring(
        call,
        Effect.sync(() => {
          inProgress -= 1
          callEnds.add(now())
        })
      )
    })

  const counted = <A, E>(store: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.suspend(() => {
      mostStores = Math.max(mostStores, ++stores)
      return Effect.ensuring(
        store,
        Effect.sync(() => --stores)
      )
    })

  const broken = (operation: Operation) => () => new DatabaseUnavailable({ operation, detail: "broken on purpose" })
  const ofDb = <A, E>(operation: Operation, call: Effect.Effect<A, E | DatabaseUnavailable>) =>
    noted(disturbed(operation, call, broken(operation)))
  const ofRing = <A>(operation: "deriveKey" | "ecdh", call: Effect.Effect<A, KeyRingError>) =>
    disturbed(operation, call, () => new KeyRingError({ operation, detail: "broken on purpose" }))

  return {
    db: (db) => ({
      ...db,
      nextSessionKeyIndex: (...args) => ofDb("nextSessionKeyIndex", db.nextSessionKeyIndex(...args)),
      freeSessionKeyIndex: (...args) => ofDb("freeSessionKeyIndex", db.freeSessionKeyIndex(...args)),
      createClientSession: (session, ...rest) =>
        counted(
          noted(
            disturbed(
              "createClientSession",
              db.createClientSession(session, ...rest),
              () => new StoreOutcomeUnknown({ id: session.id })
            )
          )
        ),
      saveStanding: (update) => ofDb("saveStanding", db.saveStanding(update)),
      loadStandings: (...args) => ofDb("loadStandings", db.loadStandings(...args))
    }),
    keyRing: (ring) => ({
      ...ring,
      deriveKey: (locator) => ofRing("deriveKey", ring.deriveKey(locator)),
      ecdh: (locator, point) => ofRing("ecdh", ring.ecdh(locator, point))
    }),
    begin: () => {
      active = true
    },
    end: () => {
      active = false
    },
    callEnds: () => callEnds,
    inProgress: () => inProgress,
    mostStores: () => mostStores,
    slowest: Math.max(0, ...faults.map(({ takes }) => takes ?? 0))
  }
}

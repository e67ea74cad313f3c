/**
 * The candidate list over the database's table of towers: each active tower once.
 *
 * The table is the truth. What this process adds and removes is written there first; what another process does is found by
 * polling. Both change the list under one lock, so that a poll's older picture of the table never undoes a newer change.
 *
 * ```ts
 * import { Layer } from "effect"
 * import { RoundRobinTowerCandidates } from "effect-watchtower"
 * import * as SqliteClientDb from "effect-watchtower/layers/SqliteClientDb"
 *
 * // No other process has this database open.
 * export const candidates = RoundRobinTowerCandidates.layer({ pollInterval: Number.POSITIVE_INFINITY }).pipe(
 *   Layer.provideMerge(SqliteClientDb.layer({ filename: "sessions.db" }))
 * )
 * ```
 *
 * @since 0.1.0
 * @module
 */
import * as Cause from "effect/Cause"
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Table from "../internal/optionTable.js"
import type { DbError } from "../schema/DbError.js"
import type { PublicKey, TowerId } from "../schema/Ids.js"
import type { InvalidOptions } from "../schema/InvalidOptions.js"
import { Tower } from "../schema/Tower.js"
import { ClientDb } from "../services/ClientDb.js"
import { CandidateChange, TowerCandidates } from "../services/TowerCandidates.js"
import * as Mutex from "./concurrency/mutex.js"
import { decodeOptions } from "./support/decodeOptions.js"

/** How closely to follow the table. @since 0.1.0 @category config */
export const options = Table.table("RoundRobinTowerCandidates", ["candidates"], {
  pollInterval: Table.withDefault(
    Table.time({ forever: true }),
    "4 seconds",
    "How often to look for towers that another process added, removed or deactivated; Infinity: never"
  )
})

/** How closely to follow the table. docs/options.md has the defaults and ranges. @since 0.1.0 @category models */
export interface Options extends Table.Input<typeof options> {}

/** The options from configuration: `watchtower.candidates.pollInterval`. @since 0.1.0 @category config */
export const config: Config.Config<Options> = Table.config(options)

/**
 * Reads the towers and follows the table until the scope closes.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  given: Options = {}
): Effect.Effect<TowerCandidates.Service, InvalidOptions | DbError, ClientDb | Scope.Scope> =>
  Effect.gen(function* () {
    const { pollInterval } = yield* decodeOptions(options, given)
    const db = yield* ClientDb
    const lock = Mutex.make()
    const published = yield* Effect.acquireRelease(PubSub.unbounded<CandidateChange>(), PubSub.shutdown)
    const isActive = ({ status }: Tower) => status === "active"
    let polled = yield* db.listTowers
    const known = new Map<TowerId, Tower>(polled.filter(isActive).map((tower) => [tower.id, tower]))

    /** By id. Made again after a change only: negotiators compare it with what they have seen, and each round asks for it. */
    let sorted: ReadonlyArray<Tower> | undefined
    const towers = (): ReadonlyArray<Tower> => {
      sorted ??= [...known.values()].toSorted((one, other) => one.id - other.id)
      return sorted
    }

    const put = (tower: Tower, changes: ReadonlyArray<CandidateChange>) => {
      known.set(tower.id, tower)
      sorted = undefined
      return PubSub.publishAll(published, changes)
    }
    const drop = (towerId: TowerId) => {
      known.delete(towerId)
      sorted = undefined
      return PubSub.publish(published, CandidateChange.TowerRemoved({ towerId }))
    }
    const find = (publicKey: PublicKey) => towers().find((tower) => tower.publicKey === publicKey)

    // A write that has begun is followed by its change.
    const exclusively = <A, E>(effect: Effect.Effect<A, E>) => lock(Effect.uninterruptible(effect))

    const poll = Effect.gen(function* () {
      const all = yield* db.listTowers
      // What was changed here since is a change of the table too.
      if (all === polled) return
      const found = all.filter(isActive)
      const ids = new Set(found.map((tower) => tower.id))
      for (const tower of towers()) if (!ids.has(tower.id)) yield* drop(tower.id)
      for (const tower of found) {
        const before = known.get(tower.id)
        if (before === undefined || !isSame(before, tower)) yield* put(tower, difference(before, tower))
      }
      polled = all
    })
    if (Number.isFinite(pollInterval)) {
      yield* lock(poll).pipe(
        // Each poll would begin a trace of its own.
        Effect.withTracerEnabled(false),
        Effect.exit,
        Effect.andThen(warnOnce()),
        Effect.schedule(Schedule.spaced(pollInterval)),
        Effect.interruptible,
        Effect.forkScoped
      )
    }

    return {
      add: (publicKey, address) =>
        exclusively(
          Effect.gen(function* () {
            const tower = yield* db.createTower(publicKey, address)
            yield* put(tower, difference(known.get(tower.id), tower))
            return tower
          })
        ),
      remove: (publicKey, address) =>
        exclusively(
          Effect.gen(function* () {
            yield* db.removeTower(publicKey, address)
            const before = find(publicKey)
            if (before === undefined) return
            if (address === undefined) return void (yield* drop(before.id))
            const tower = new Tower({ ...before, addresses: before.addresses.filter((one) => one !== address) })
            yield* put(tower, difference(before, tower))
          })
        ),
      deactivate: (publicKey) =>
        exclusively(
          Effect.gen(function* () {
            const { id } = yield* db.deactivateTower(publicKey)
            if (known.has(id)) yield* drop(id)
          })
        ),
      list: Effect.sync(towers),
      changes: PubSub.subscribe(published)
    }
  })

/**
 * A poll that fails, or dies of a defect, is not the last one: until one succeeds the list stands as it is. What is wrong is
 * logged once, and again when it changes.
 */
const warnOnce = () => {
  let warned: string | undefined
  return (exit: Exit.Exit<void, DbError>): Effect.Effect<void> => {
    if (Exit.isSuccess(exit)) {
      warned = undefined
      return Effect.void
    }
    const problem = Cause.pretty(exit.cause)
    if (problem === warned) return Effect.void
    warned = problem
    return Effect.logWarning(
      "The list of towers cannot be read: towers that another process adds or removes are not seen until it can.",
      exit.cause
    )
  }
}

/** The order of addresses counts: they are tried in it. */
const isSame = (one: Tower, other: Tower): boolean =>
  one.additions === other.additions &&
  one.addresses.length === other.addresses.length &&
  one.addresses.every((address, position) => address === other.addresses[position])

/** The changes that lead from one snapshot of a tower, or none, to the next. */
const difference = (before: Tower | undefined, after: Tower): ReadonlyArray<CandidateChange> => {
  const removed = (before?.addresses ?? [])
    .filter((address) => !after.addresses.includes(address))
    .map((address) => CandidateChange.AddressRemoved({ towerId: after.id, address }))
  const added = after.addresses
    .filter((address) => before?.addresses.includes(address) === false)
    .map((address) => CandidateChange.AddressAdded({ tower: after, address }))
  // An addition, here or in another process, brings a new address; where it brings none, the tower was added again.
  const isAddedAgain = added.length === 0 && before?.additions !== after.additions
  return [...removed, ...added, ...(isAddedAgain ? [CandidateChange.TowerAdded({ tower: after })] : [])]
}

/**
 * The list as a layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (given?: Options): Layer.Layer<TowerCandidates, InvalidOptions | DbError, ClientDb> =>
  Layer.scoped(TowerCandidates, make(given))

/** The list with options from configuration. @since 0.1.0 @category layers */
export const layerConfig = (
  given: Config.Config.Wrap<Options> = config
): Layer.Layer<TowerCandidates, InvalidOptions | DbError | ConfigError, ClientDb> =>
  Layer.scoped(TowerCandidates, Effect.flatMap(Config.unwrap(given), make))

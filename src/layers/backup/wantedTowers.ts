/**
 * The candidates of a negotiator that gets sessions for backups: the towers that could take a state that no session at hand
 * takes. So a tower that was left out when a request began is asked as soon as it is wanted, and a visit to one that is not
 * wanted any more ends (docs/backups.md, Which session next).
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import type * as Scope from "effect/Scope"
import type { TowerId } from "../../schema/Ids.js"
import type { Tower } from "../../schema/Tower.js"
import { CandidateChange, type TowerCandidates } from "../../services/TowerCandidates.js"

/** @since 0.1.0 @category models */
export interface WantedTowers {
  readonly candidates: TowerCandidates.Service
  /** Says which towers are wanted from now on. Answers whether others were before. */
  readonly want: (towers: ReadonlyArray<Tower>) => Effect.Effect<boolean>
}

/** Wants none at first. Towers are added and removed in the list of all. @since 0.1.0 @category constructors */
export const make = (all: TowerCandidates.Service): Effect.Effect<WantedTowers, never, Scope.Scope> =>
  Effect.gen(function* () {
    const changes = yield* Effect.acquireRelease(PubSub.unbounded<CandidateChange>(), PubSub.shutdown)
    let wanted: ReadonlyArray<Tower> = []
    return {
      candidates: { ...all, list: Effect.sync(() => wanted), changes: PubSub.subscribe(changes) },
      want: (towers) =>
        Effect.suspend(() => {
          const before = new Map<TowerId, Tower>(wanted.map((tower) => [tower.id, tower]))
          const after = new Set<TowerId>(towers.map((tower) => tower.id))
          const added = towers.filter((tower) => before.get(tower.id) !== tower)
          const removed = wanted.filter((tower) => !after.has(tower.id))
          if (added.length === 0 && removed.length === 0) return Effect.succeed(false)
          wanted = towers
          const news = [
            ...removed.map(({ id }) => CandidateChange.TowerRemoved({ towerId: id })),
            ...added.map((tower) => CandidateChange.TowerAdded({ tower }))
          ]
          return Effect.as(PubSub.publishAll(changes, news), true)
        })
    }
  })

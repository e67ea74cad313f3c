/**
 * Where a round gets its candidates from.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { TowerId } from "../../schema/Ids.js"
import type { Standing } from "../../schema/Standing.js"
import type { Tower } from "../../schema/Tower.js"
import type { TowerCandidates } from "../../services/TowerCandidates.js"
import type { Settings } from "./Options.js"
import { nextCandidate } from "./standing.js"

/** The next candidate of a round in which those towers were visited already. @since 0.1.0 @category models */
export type Pick = (visited: ReadonlySet<TowerId>) => Effect.Effect<Option.Option<Tower>>

/** Makes a negotiator's way of picking. @since 0.1.0 @category models */
export type Source = (
  candidates: TowerCandidates.Service,
  book: ReadonlyMap<TowerId, Standing>,
  settings: Settings
) => Effect.Effect<Pick, never, Scope.Scope>

/** The reference's walk over the list, which goes on from round to round and starts over when it is exhausted (docs/negotiation.md, The reference's candidate list). @since 0.1.0 @category constructors */
export const byCursor: Source = (candidates) =>
  Effect.map(
    candidates.cursor,
    (cursor) => () => Effect.tap(cursor.next, (tower) => (Option.isNone(tower) ? cursor.reset : Effect.void))
  )

/** Ours: the list as it is now, ordered by standing. @since 0.1.0 @category constructors */
export const byStanding: Source = (candidates, book, settings) =>
  Effect.succeed((visited) =>
    Effect.zipWith(candidates.list, Clock.currentTimeMillis, (towers, now) =>
      Option.fromNullable(nextCandidate(towers, book, settings, now, visited))
    )
  )

/**
 * The standings of a negotiator: read from the database when it is built, kept in memory, written through by the visits.
 * Memory wins.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { DbError } from "../../schema/DbError.js"
import type { Instant, TowerId } from "../../schema/Ids.js"
import { notAfter, type Standing } from "../../schema/Standing.js"
import type { ClientDb } from "../../services/ClientDb.js"
import type { Settings } from "./Options.js"
import * as Standings from "./standing.js"

/** @since 0.1.0 @category models */
export interface Book {
  readonly standings: ReadonlyMap<TowerId, Standing>
  readonly get: (tower: TowerId) => Standing
  readonly set: (tower: TowerId, standing: Standing) => void
  /** The standing as the database is told it. */
  readonly update: (tower: TowerId, standing: Standing) => ClientDb.StandingUpdate
  /** Reads the standing of a tower that is not known yet; where that fails, memory begins anew. */
  readonly meet: (tower: TowerId) => Effect.Effect<void>
  /** Told the time; where the clock was put back since, what lies in the future is now. */
  readonly tick: (now: Instant) => void
}

/** @since 0.1.0 @category constructors */
export const make = (db: ClientDb.Service, settings: Settings, now: Instant): Effect.Effect<Book, DbError> =>
  Effect.map(db.loadStandings(settings.policy.blobType, settings.policyKey), (stored) => {
    const standings = new Map<TowerId, Standing>()
    let latest = now
    for (const [tower, standing] of stored) standings.set(tower, notAfter(standing, now))
    const book: Book = {
      standings,
      get: (tower) => Standings.of(standings, tower),
      set: (tower, standing) => void standings.set(tower, standing),
      update: (towerId, standing) => ({
        towerId,
        blobType: settings.policy.blobType,
        policyKey: settings.policyKey,
        standing
      }),
      meet: (tower) =>
        standings.has(tower)
          ? Effect.void
          : db.loadStandings(settings.policy.blobType, settings.policyKey).pipe(
              Effect.andThen((all) =>
                Effect.sync(() => {
                  const standing = all.get(tower)
                  if (standing !== undefined && !standings.has(tower))
                    standings.set(tower, Standings.released(standing))
                })
              ),
              Effect.ignore
            ),
      tick: (instant) => {
        if (instant < latest)
          for (const [tower, standing] of standings) standings.set(tower, notAfter(standing, instant))
        latest = instant
      }
    }
    return book
  })

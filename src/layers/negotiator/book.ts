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
import type { Condition } from "./condition.js"
import type { Settings } from "./Options.js"
import * as Standings from "./standing.js"

/** @since 0.1.0 @category models */
export interface Book {
  readonly standings: ReadonlyMap<TowerId, Standing>
  readonly get: (tower: TowerId) => Standing
  readonly set: (tower: TowerId, standing: Standing) => void
  /** The standing as the database is told it. */
  readonly update: (tower: TowerId, standing: Standing) => ClientDb.StandingUpdate
  /** Reads all that is stored, before the negotiator begins. */
  readonly load: Effect.Effect<void, DbError>
  /** A tower was added: its quarantine is over. Where it is not known here, `loadAdded` reads what is stored of it. */
  readonly added: (tower: TowerId) => void
  /** A tower was removed: nothing is read for it any more. */
  readonly removed: (tower: TowerId) => void
  /** Reads the standings of towers that were added and are not known here, all with one query; runs for ever. */
  readonly loadAdded: Effect.Effect<never>
  /** Told the time; where the clock was put back since, what lies in the future is now. */
  readonly tick: (now: Instant) => void
}

/** Between two queries for added towers: however many are added at once, it is one query a second. In milliseconds. */
const loadInterval = 1000

/** Nothing is read yet. `pulse` is signalled after `added`. @since 0.1.0 @category constructors */
export const make = (db: ClientDb.Service, settings: Settings, pulse: Condition, now: Instant): Book => {
  const standings = new Map<TowerId, Standing>()
  const unknown = new Set<TowerId>()
  let latest = now
  const stored = Effect.suspend(() => db.loadStandings(settings.policy.blobType, settings.policyKey))

  const loadUnknown = Effect.suspend(() => {
    const asked = [...unknown]
    unknown.clear()
    return Effect.map(stored, (all) => {
      for (const tower of asked) {
        const standing = all.get(tower)
        if (standing !== undefined && !standings.has(tower)) standings.set(tower, Standings.released(standing))
      }
    })
  })

  return {
    standings,
    get: (tower) => Standings.of(standings, tower),
    set: (tower, standing) => void standings.set(tower, standing),
    update: (towerId, standing) => ({
      towerId,
      blobType: settings.policy.blobType,
      policyKey: settings.policyKey,
      standing
    }),
    load: Effect.map(stored, (all) => {
      for (const [tower, standing] of all) standings.set(tower, notAfter(standing, now))
    }),
    added: (tower) => {
      const standing = standings.get(tower)
      if (standing === undefined) unknown.add(tower)
      else standings.set(tower, Standings.released(standing))
    },
    removed: (tower) => void unknown.delete(tower),
    loadAdded: pulse
      .until(() => unknown.size > 0)
      .pipe(
        // Where reading fails, memory begins with nothing.
        Effect.andThen(Effect.ignore(loadUnknown)),
        Effect.andThen(Effect.sleep(loadInterval)),
        Effect.forever
      ),
    tick: (instant) => {
      if (instant < latest) for (const [tower, standing] of standings) standings.set(tower, notAfter(standing, instant))
      latest = instant
    }
  }
}

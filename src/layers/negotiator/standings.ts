/**
 * The standings of a negotiator: read from the database when it is built, kept in memory, written through by the visits.
 * Memory wins.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { DbError } from "../../schema/DbError.js"
import type { Instant, TowerId } from "../../schema/Ids.js"
import { notAfter } from "../../schema/Standing.js"
import type { ClientDb } from "../../services/ClientDb.js"
import type { Settings } from "./Options.js"
import * as Standing from "./standingTransitions.js"

/** @since 0.1.0 @category models */
export interface Standings {
  readonly all: ReadonlyMap<TowerId, Standing.Standing>
  readonly get: (tower: TowerId) => Standing.Standing
  /** Changes a tower's standing in memory. */
  readonly change: (tower: TowerId, change: (standing: Standing.Standing) => Standing.Standing) => void
  /** Called with each tower whose standing has changed, in that step. */
  readonly listen: (onChange: (tower: TowerId) => void) => void
  /** A standing in the form that the database stores. */
  readonly update: (tower: TowerId, standing: Standing.Standing) => ClientDb.StandingUpdate
  /** Reads all that is stored, before the negotiator begins. */
  readonly load: Effect.Effect<void, DbError>
  /** A tower was added: its quarantine is over. If it is not known here, `loadAdded` reads what is stored of it. */
  readonly added: (tower: TowerId) => void
  /** A tower was removed: nothing is read for it any more. */
  readonly removed: (tower: TowerId) => void
  /** Reads the standings of towers that were added and are not known here, all with one query; runs for ever. */
  readonly loadAdded: Effect.Effect<never>
  /** If the wall clock went back since the last call, moves every future timestamp to now. */
  readonly clampToNow: (now: Instant) => void
}

/** Between two queries for added towers: however many are added at once, it is one query a second. In milliseconds. */
const loadInterval = 1000

/** Nothing is read yet. @since 0.1.0 @category constructors */
export const make = (db: ClientDb.Service, settings: Settings, now: Instant): Standings => {
  const standings = new Map<TowerId, Standing.Standing>()
  const unknown = new Set<TowerId>()
  const anyUnknown = Effect.unsafeMakeLatch(false)
  let latest = now
  const listeners: Array<(tower: TowerId) => void> = []
  const put = (tower: TowerId, standing: Standing.Standing) => {
    standings.set(tower, standing)
    for (const onChange of listeners) onChange(tower)
  }
  const get = (tower: TowerId) => Standing.of(standings, tower)
  const stored = Effect.suspend(() => db.loadStandings(settings.policy.blobType, settings.policyKey))

  const loadUnknown = Effect.suspend(() => {
    const asked = [...unknown]
    unknown.clear()
    anyUnknown.unsafeClose()
    if (asked.length === 0) return Effect.void
    return Effect.map(stored, (all) => {
      for (const tower of asked) {
        const standing = all.get(tower)
        if (standing !== undefined && !standings.has(tower)) put(tower, Standing.released(standing))
      }
    })
  })

  return {
    all: standings,
    get,
    change: (tower, change) => put(tower, change(get(tower))),
    listen: (onChange) => void listeners.push(onChange),
    update: (towerId, standing) => ({
      towerId,
      blobType: settings.policy.blobType,
      policyKey: settings.policyKey,
      standing
    }),
    load: Effect.map(stored, (all) => {
      for (const [tower, standing] of all) put(tower, notAfter(standing, now))
    }),
    added: (tower) => {
      const standing = standings.get(tower)
      if (standing !== undefined) return put(tower, Standing.released(standing))
      unknown.add(tower)
      anyUnknown.unsafeOpen()
    },
    removed: (tower) => void unknown.delete(tower),
    loadAdded: anyUnknown.await.pipe(
      // If reading fails, memory begins with nothing.
      Effect.andThen(Effect.ignore(loadUnknown)),
      Effect.andThen(Effect.sleep(loadInterval)),
      Effect.forever
    ),
    clampToNow: (instant) => {
      if (instant < latest) for (const [tower, standing] of standings) put(tower, notAfter(standing, instant))
      latest = instant
    }
  }
}

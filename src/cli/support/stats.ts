/**
 * What a client has done so far, in sums over its channels and sessions, from its database.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { DbError } from "../../schema/DbError.js"
import { BackupDb } from "../../services/BackupDb.js"
import { ClientDb } from "../../services/ClientDb.js"
import { allPages } from "./pages.js"

/** The sums. A state is counted in `handedIn` and in one of the four after it. @since 0.1.0 @category models */
export interface Stats {
  readonly channels: { readonly open: number; readonly closed: number }
  readonly states: {
    readonly handedIn: number
    readonly complete: number
    readonly missing: number
    readonly ineligible: number
    readonly lost: number
  }
  /** Backups that towers have confirmed, each copy counted. */
  readonly confirmedUpdates: number
  /** `exhausted` ones are active or inactive, or were given up with their last update. */
  readonly sessions: {
    readonly acquired: number
    readonly usable: number
    readonly left: number
    readonly exhausted: number
    readonly inactive: number
    readonly terminal: number
    readonly lost: number
  }
}

const noChannels: Pick<Stats, "channels" | "states"> = {
  channels: { open: 0, closed: 0 },
  states: { handedIn: 0, complete: 0, missing: 0, ineligible: 0, lost: 0 }
}

const sumOf = (
  counts: ReadonlyArray<ClientDb.SessionCounts>,
  field: Exclude<keyof ClientDb.SessionCounts, "blobType">
) => counts.reduce((sum, one) => sum + one[field], 0)

/** How many sessions there were, also those that are inactive, given up or lost. @since 0.1.0 @category combinators */
export const acquired = (counts: ReadonlyArray<ClientDb.SessionCounts>): number =>
  counts.reduce(
    (sum, { full, inactive, lost, terminal, usable }) => sum + usable + full + inactive + terminal + lost,
    0
  )

/** The sums now. @since 0.1.0 @category constructors */
export const loadStats: Effect.Effect<Stats, DbError, BackupDb | ClientDb> = Effect.gen(function* () {
  const db = yield* BackupDb
  const counts = yield* Effect.flatMap(ClientDb, ({ countClientSessions }) => countClientSessions)
  const channels = yield* Stream.runFold(
    allPages(db.listChannels, ({ channel }) => channel.id),
    noChannels,
    ({ channels: { closed, open }, states }, { complete, handedIn, ineligible, isClosed, lost, missing }) => ({
      channels: isClosed ? { open, closed: closed + 1 } : { open: open + 1, closed },
      states: {
        handedIn: states.handedIn + handedIn,
        complete: states.complete + complete,
        missing: states.missing + missing,
        ineligible: states.ineligible + ineligible,
        lost: states.lost + lost
      }
    })
  )
  return {
    ...channels,
    confirmedUpdates: sumOf(counts, "confirmed"),
    sessions: {
      acquired: acquired(counts),
      usable: sumOf(counts, "usable"),
      left: sumOf(counts, "left"),
      exhausted: sumOf(counts, "exhausted"),
      inactive: sumOf(counts, "inactive"),
      terminal: sumOf(counts, "terminal"),
      lost: sumOf(counts, "lost")
    }
  }
})

/** The sums for people. @since 0.1.0 @category combinators */
export const statsLines = ({ channels, confirmedUpdates, sessions, states }: Stats): ReadonlyArray<string> => [
  `Channels: ${channels.open} open, ${channels.closed} closed`,
  `States handed in: ${states.handedIn}; with all copies: ${states.complete}, missing: ${states.missing}, ineligible: ${states.ineligible}, lost: ${states.lost}`,
  `Updates that towers have confirmed: ${confirmedUpdates}`,
  `Sessions acquired: ${sessions.acquired}; can take updates: ${sessions.usable} (${sessions.left} left), exhausted: ${sessions.exhausted}`,
  `Sessions out of use: ${sessions.inactive} of removed or deactivated towers, ${sessions.terminal} given up, ${sessions.lost} lost`
]

/**
 * What is shown of towers, keys and times: JSON for programs, words for people.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Record from "effect/Record"
import type { Standing } from "../../schema/Standing.js"
import type { Tower } from "../../schema/Tower.js"

/** JSON on one line; 64-bit numbers are strings, since JSON's numbers are not exact. @since 0.1.0 @category combinators */
export const json = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) => (typeof part === "bigint" ? String(part) : part))

/** A tower for programs. @since 0.1.0 @category combinators */
export const towerJson = ({ addresses, id, publicKey, status }: Tower) => ({ id, publicKey, addresses, status })

/** An instant as ISO 8601, UTC. @since 0.1.0 @category combinators */
export const time = (instant: number): string => new Date(instant).toISOString()

/** What is known about a tower, for programs; times are ISO 8601. @since 0.1.0 @category combinators */
export const standingJson = ({ addresses, lastSession, lastVisit, quarantine, ...counts }: Standing) => ({
  ...counts,
  lastVisit: timeIfAny(lastVisit),
  lastSession: timeIfAny(lastSession),
  quarantine: quarantine && { since: time(quarantine.since), reason: quarantine.reason },
  addresses: Record.map(addresses, ({ failures, lastFailure, lastSuccess }) => ({
    failures,
    lastSuccess: timeIfAny(lastSuccess),
    lastFailure: timeIfAny(lastFailure)
  }))
})

const timeIfAny = (instant: number | undefined): string | undefined =>
  instant === undefined ? undefined : time(instant)

/** How far away an instant is, in its two largest units: `in 5m 3s`, `3d 2h ago`. @since 0.1.0 @category combinators */
export const inShort = (instant: number, now: number): string => {
  const length = Duration.format(Duration.millis(Math.max(1000, Math.floor(Math.abs(instant - now) / 1000) * 1000)))
  const short = length.split(" ").slice(0, 2).join(" ")
  return instant > now ? `in ${short}` : `${short} ago`
}

/** An instant, and how far away it is. @since 0.1.0 @category combinators */
export const away = (instant: number, now: number): string => `${time(instant)} (${inShort(instant, now)})`

/** The beginning of a key, long enough to tell it from others. @since 0.1.0 @category combinators */
export const short = (key: string, digits = 16): string => `${key.slice(0, digits)}…`

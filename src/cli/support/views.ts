/**
 * Towers and sessions as text: JSON for programs, tables for people.
 *
 * @since 0.1.0
 */
import * as Record from "effect/Record"
import * as BlobType from "../../schema/BlobType.js"
import type * as Chain from "../../schema/Chain.js"
import type { ClientSession } from "../../schema/ClientSession.js"
import { permanentReasons } from "../../schema/NegotiationError.js"
import type { Standing } from "../../schema/Standing.js"
import type { Tower } from "../../schema/Tower.js"

/** JSON on one line; 64-bit numbers are strings, since JSON's numbers are not exact. @since 0.1.0 @category combinators */
export const json = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) => (typeof part === "bigint" ? String(part) : part))

/** A tower for programs. @since 0.1.0 @category combinators */
export const towerJson = ({ addresses, id, publicKey }: Tower) => ({ id, publicKey, addresses })

/** A session for programs; times are ISO 8601. @since 0.1.0 @category combinators */
export const sessionJson = (session: ClientSession) => ({
  id: session.id,
  keyIndex: session.keyIndex,
  tower: { id: session.towerId, publicKey: session.towerPublicKey },
  status: session.status,
  policy: { ...session.policy, blobTypeName: BlobType.nameOf(session.policy.blobType) },
  rewardPkScript: session.rewardPkScript,
  seqNum: session.seqNum,
  towerLastApplied: session.towerLastApplied,
  createdAt: time(session.createdAt)
})

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

/** The beginning of a key, long enough to tell it from others. @since 0.1.0 @category combinators */
export const short = (key: string): string => `${key.slice(0, 16)}…`

/** A header and rows, in columns that are as wide as their longest cell. @since 0.1.0 @category combinators */
export const table = (header: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => (row[column] ?? "").length)))
  return [header, ...rows]
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd()
    )
    .join("\n")
}

/** Towers for people. @since 0.1.0 @category combinators */
export const towersTable = (towers: ReadonlyArray<Tower>): string =>
  table(
    ["ID", "TOWER", "ADDRESSES"],
    towers.map((tower) => [String(tower.id), tower.publicKey, tower.addresses.join(" ")])
  )

/** Sessions for people; fee rates are in the chain's unit. @since 0.1.0 @category combinators */
export const sessionsTable = (sessions: ReadonlyArray<ClientSession>, chain: Chain.AnyChain): string =>
  table(
    ["KEY INDEX", "SESSION", "TOWER", "BLOB TYPE", "UPDATES", `FEE RATE (${chain.feeUnit})`, "CREATED"],
    sessions.map((session) => [
      String(session.keyIndex),
      short(session.id),
      `${session.towerId}: ${short(session.towerPublicKey)}`,
      BlobType.nameOf(session.policy.blobType),
      `${session.seqNum} of ${session.policy.maxUpdates}`,
      String(session.policy.sweepFeeRate),
      time(session.createdAt)
    ])
  )

/** What is known about a tower, one fact in each line. @since 0.1.0 @category combinators */
export const standingLines = (standing: Standing): ReadonlyArray<string> => [
  `sessions: ${standing.sessions}, attempts: ${standing.attempts}, failed visits in a row: ${standing.failedVisits}`,
  `last visit: ${standing.lastVisit === undefined ? "never" : time(standing.lastVisit)}`,
  ...(standing.quarantine === undefined
    ? []
    : [
        `is left out for this policy since ${time(standing.quarantine.since)}: ${permanentReasons[standing.quarantine.reason]}`
      ]),
  ...Object.entries(standing.failuresByKind).map(([kind, count]) => `failures, ${kind}: ${count}`)
]

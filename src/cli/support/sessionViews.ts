/**
 * Sessions as text.
 *
 * @since 0.1.0
 */
import type * as Terminal from "@effect/platform/Terminal"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import * as BlobType from "../../schema/BlobType.js"
import type * as Chain from "../../schema/Chain.js"
import type { ClientSession } from "../../schema/ClientSession.js"
import * as Pages from "./pages.js"
import type { Column } from "./table.js"
import { away, inShort, json, short, time } from "./views.js"

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

/** How sessions are shown. @since 0.1.0 @category models */
export interface Shown {
  readonly chain: Chain.AnyChain
  /** Whole keys, and lines of any length. */
  readonly isFull: boolean
}

const columnsOf = ({ chain, isFull }: Shown, now: number): ReadonlyArray<Column<ClientSession>> => {
  const key = (text: string) => (isFull ? text : short(text))
  return [
    [
      ["KEY INDEX", ({ keyIndex }) => String(keyIndex)],
      ["KEY", ({ keyIndex }) => String(keyIndex)]
    ],
    [
      ["SESSION", ({ id }) => key(id)],
      ["SESSION", ({ id }) => short(id, 8)]
    ],
    [
      ["TOWER", ({ towerId, towerPublicKey }) => `${towerId}: ${key(towerPublicKey)}`],
      ["TOWER", ({ towerId }) => String(towerId)]
    ],
    [
      ["BLOB TYPE", ({ policy }) => BlobType.nameOf(policy.blobType)],
      ["TYPE", ({ policy }) => BlobType.nameOf(policy.blobType)]
    ],
    [["UPDATES", ({ policy, seqNum }) => `${seqNum} of ${policy.maxUpdates}`]],
    [
      [`FEE RATE (${chain.feeUnit})`, ({ policy }) => String(policy.sweepFeeRate)],
      [chain.feeUnit.toUpperCase(), ({ policy }) => String(policy.sweepFeeRate)]
    ],
    [["STATUS", ({ status }) => status]],
    [
      ["CREATED", ({ createdAt }) => away(createdAt, now)],
      ["CREATED", ({ createdAt }) => inShort(createdAt, now)]
    ]
  ]
}

const lists = ({ keyIndex }: ClientSession) => `lists the sessions, up to key index ${keyIndex}`

/** Prints a table of sessions, if there are any; answers whether there are. @since 0.1.0 @category combinators */
export const printSessions = <E, R>(
  sessions: Stream.Stream<ClientSession, E, R>,
  shown: Shown
): Effect.Effect<boolean, E, R | Terminal.Terminal> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) =>
    Pages.printTable(sessions, { columns: columnsOf(shown, now), isFull: shown.isFull, lists })
  )

/** Prints an array of sessions for programs, one in each line, between these two texts. @since 0.1.0 @category combinators */
export const printSessionsJson = <E, R>(
  sessions: Stream.Stream<ClientSession, E, R>,
  around?: readonly [before: string, after: string]
): Effect.Effect<void, E, R> => Pages.printArray(sessions, (session) => json(sessionJson(session)), { around, lists })

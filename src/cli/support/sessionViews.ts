/**
 * Sessions as text, page by page: a client can have more of them than fit into memory.
 *
 * @since 0.1.0
 */
import type * as Terminal from "@effect/platform/Terminal"
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as BlobType from "../../schema/BlobType.js"
import type * as Chain from "../../schema/Chain.js"
import type { ClientSession } from "../../schema/ClientSession.js"
import { doing } from "./progress.js"
import { type Column, type Layout, layout, terminalWidth } from "./table.js"
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

/** Prints, and waits until the reader has taken what was printed before. */
const print = (text: string): Effect.Effect<void> =>
  Effect.andThen(
    Console.log(text),
    Effect.async<void>((resume) => {
      const { stdout } = process
      if (!stdout.writableNeedDrain) return resume(Effect.void)
      const onDrain = () => resume(Effect.void)
      stdout.once("drain", onDrain)
      return Effect.sync(() => stdout.off("drain", onDrain))
    })
  )

const pages = <E, R>(sessions: Stream.Stream<ClientSession, E, R>) =>
  sessions.pipe(
    Stream.chunks,
    Stream.filter(Chunk.isNonEmpty),
    Stream.map(Chunk.toReadonlyArray),
    Stream.tap((page) => doing(`lists the sessions, up to key index ${page.at(-1)?.keyIndex}`)),
    Stream.ensuring(doing(undefined))
  )

/** Prints a table of sessions, if there are any; answers whether there are. @since 0.1.0 @category combinators */
export const printSessions = <E, R>(
  sessions: Stream.Stream<ClientSession, E, R>,
  shown: Shown
): Effect.Effect<boolean, E, R | Terminal.Terminal> =>
  Effect.gen(function* () {
    const columns = columnsOf(shown, yield* Clock.currentTimeMillis)
    const width = shown.isFull ? undefined : yield* terminalWidth
    const last = yield* Stream.runFoldEffect(pages(sessions), Option.none<Layout<ClientSession>>(), (before, page) => {
      // The first page decides about the columns of all.
      const { header, line } = Option.getOrElse(before, () => layout(columns, page, width))
      const lines = [...(Option.isNone(before) ? [header] : []), ...page.map(line)]
      return Effect.as(print(lines.join("\n")), Option.some({ header, line }))
    })
    return Option.isSome(last)
  })

/** Prints an array of sessions for programs, one in each line, between these two texts. @since 0.1.0 @category combinators */
export const printSessionsJson = <E, R>(
  sessions: Stream.Stream<ClientSession, E, R>,
  around: readonly [before: string, after: string] = ["", ""]
): Effect.Effect<void, E, R> =>
  Effect.gen(function* () {
    const [before, after] = around
    yield* print(`${before}[`)
    yield* Stream.runFoldEffect(pages(sessions), "", (comma, page) =>
      Effect.as(print(comma + page.map((session) => json(sessionJson(session))).join(",\n")), ",")
    )
    yield* print(`]${after}`)
  })
